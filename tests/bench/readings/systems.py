"""One system reads files: `python -m tests.bench.readings.systems SYSTEM FOLDER` prints a line of JSON for each.

Runs in an environment of the system's own, so it imports nothing of ours but in ``ours``.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

Told = dict[str, Any]


def ours(path: Path) -> Told:
    """What the product makes of it."""
    from ingest.loader.source.dialect.dialect import examine
    from ingest.loader.source.layout.sample import sample, skip_lines

    head = path.read_bytes()
    found = examine(head, encoding="utf-8", whole=True)
    dialect = found.dialect
    records = sample(skip_lines(head, dialect.preamble), dialect.grammar, whole=True)
    names = list(dialect.header_of(records.raw(0))) if dialect.has_header else []
    header = dialect.preamble + 1 if dialect.has_header else 0
    return _told(dialect.delimiter, dialect.quote, header, names) | {"asks": bool(found.doubt)}


def clevercsv(path: Path) -> Told:
    """What CleverCSV makes of it: it knows no lines above a header."""
    import clevercsv as library

    text = path.read_text("utf-8")
    detector = library.Detector()
    found = detector.detect(text)
    if found is None:
        return {}
    has_header = bool(text) and detector.has_header(text)
    names = next(iter(library.reader(text.splitlines(), found)), []) if has_header else []
    return _told(found.delimiter, found.quotechar, int(has_header), names)


def duckdb(path: Path) -> Told:
    """What DuckDB's sniff_csv makes of it."""
    import duckdb as library

    query = 'select "Delimiter", "Quote", "SkipRows", "HasHeader", "Columns" from sniff_csv(?, ignore_errors = true)'
    row = library.execute(query, [str(path)]).fetchone()
    if row is None:
        return {}
    delimiter, quote, skipped, has_header, columns = row
    names = [column["name"] for column in columns]
    return _told(delimiter, quote, skipped + 1 if has_header else 0, names if has_header else [])


def sniffer(path: Path) -> Told:
    """What Python's csv.Sniffer makes of it."""
    import csv

    text = path.read_text("utf-8")
    found = csv.Sniffer().sniff(text, delimiters=",;\t|")
    has_header = csv.Sniffer().has_header(text)
    names = next(csv.reader(text.splitlines(), found), []) if has_header else []
    return _told(found.delimiter, found.quotechar or "", int(has_header), names)


def _told(delimiter: str, quote: str, header: int, names: list[str]) -> Told:
    return {"delimiter": delimiter, "quote": quote, "header": header, "names": [str(name).strip() for name in names]}


SYSTEMS = {"ours": ours, "clevercsv": clevercsv, "duckdb": duckdb, "sniffer": sniffer}


def main(system: str, folder: Path) -> None:
    """Read each file of ``folder``, and print what was found and the seconds that it took."""
    read = SYSTEMS[system]
    for path in sorted(folder.iterdir()):
        began = time.perf_counter()
        try:
            told = read(path)
        except Exception as error:  # a system that gives up has found nothing
            told = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(told | {"file": path.name, "seconds": time.perf_counter() - began}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
