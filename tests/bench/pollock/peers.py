"""A reader that needs no hints: `python -m tests.bench.pollock.peers SYSTEM FOLDER TARGET` reads each file of FOLDER.

By the settings of Pollock's own scripts. Runs in an environment of its own, and imports nothing of ours.
"""

import csv
import json
import sys
from pathlib import Path
from types import ModuleType


def duckdb(path: Path, target: Path, encoding: str) -> None:
    """DuckDB's sniffer, every column text: it loses by the types that it prints otherwise."""
    import duckdb as library

    del encoding
    connection = library.connect(config={"threads": 1})
    lenient = {"strict_mode": False, "ignore_errors": True, "null_padding": True, "all_varchar": True}
    connection.read_csv(str(path), **lenient).write_csv(str(target), header=True)
    connection.close()


def clevercsv(path: Path, target: Path, encoding: str) -> None:
    """CleverCSV, told the encoding."""
    import clevercsv as library

    _sniff(library, path, target, encoding)


def sniffer(path: Path, target: Path, encoding: str) -> None:
    """Python's csv.Sniffer, told the encoding."""
    _sniff(csv, path, target, encoding)


def _sniff(module: ModuleType, path: Path, target: Path, encoding: str) -> None:
    with path.open(newline="", encoding=encoding) as file:
        dialect = module.Sniffer().sniff(file.read())
        file.seek(0)
        rows = list(module.reader(file, dialect))
    with target.open("w", newline="") as file:
        csv.writer(file).writerows(rows)


SYSTEMS = {"duckdb": duckdb, "clevercsv": clevercsv, "sniffer": sniffer}


def main(system: str, folder: Path, target: Path) -> None:
    """Read each file, and write what was read as Pollock wants it."""
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted((folder / "csv").iterdir()):
        told = json.loads((folder / "parameters" / f"{path.name}_parameters.json").read_text())
        out = target / f"{path.name}_converted.csv"
        try:
            SYSTEMS[system](path, out, told["encoding"])
        except Exception as error:  # a system that gives up
            out.write_text(f"Application Error\n{error}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
