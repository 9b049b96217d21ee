"""`make bench-pollock POLLOCK=...`: how bad CSV files are read, scored by the benchmark's own code.

POLLOCK is a copy of the public repository HPI-Information-Systems/Pollock, which whoever runs this brings.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.bench.peers.environments import Missing, Python
from tests.bench.pollock.ours import Loaded, database, load_file
from tests.bench.pollock.peers import SYSTEMS

_ROOT = Path(__file__).parents[3]
FOLDER = _ROOT / ".local" / "bench"
DATASETS = {"polluted_files": "polluted files", "survey_sample": "real files"}
_SCORER = Python(name="pollock", package="multiset")


def main(arguments: list[str] | None = None) -> int:
    """Load the files of both sets, and print the scores."""
    parser = argparse.ArgumentParser(prog="make bench-pollock POLLOCK=... ARGS=...", description=__doc__)
    parser.add_argument("pollock", type=Path, help="a copy of the benchmark's repository")
    parser.add_argument("--datasets", default=",".join(DATASETS), help="which, with commas between")
    parser.add_argument("--systems", default="ours", help=f"ours, {', '.join(SYSTEMS)}, with commas between")
    parser.add_argument("--lost", type=int, default=0, help="list so many files by which we lose most")
    asked = parser.parse_args(arguments)
    systems, datasets = asked.systems.split(","), asked.datasets.split(",")
    if not {*systems} <= {"ours", *SYSTEMS} or not {*datasets} <= {*DATASETS}:
        parser.error(f"there is {', '.join(['ours', *SYSTEMS])}, of {', '.join(DATASETS)}")
    if not (asked.pollock / "pollock" / "metrics.py").exists():
        print(f"{asked.pollock} is no copy of HPI-Information-Systems/Pollock.", file=sys.stderr)
        return 2
    try:
        for dataset in datasets:
            print(f"\n{DATASETS[dataset]}\n{'':12}{'simple':>9}{'weighted':>10}{'wrong rows':>12}")
            for system in systems:
                _report(system, dataset, asked.pollock.resolve(), asked.lost)
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    print(f"\n{_LEGEND}")
    return 0


_LEGEND = """\
simple      the mean of a file's ten measures, 10 at best
weighted    the same, each file as often as its pollution is met
wrong rows  loaded, but no rows of the clean file, cell by cell
Files that are held as a question are scored by the reading that is offered first."""


def _report(system: str, dataset: str, pollock: Path, lost: int) -> None:
    folder = FOLDER / "pollock-loaded" / system / dataset
    folder.mkdir(parents=True, exist_ok=True)
    told = _load(pollock / dataset, folder) if system == "ours" else {}
    if system != "ours":
        _run("tests.bench.pollock.peers", system, str(pollock / dataset), str(folder))
    scored: dict[str, Any] = json.loads(_run("tests.bench.pollock.scoring", str(pollock), dataset, str(folder)))
    weighted = "" if scored["weighted"] is None else f"{scored['weighted']:.3f}"
    wrong = f"{sum(scored['wrong'].values()):,}" if scored["weighted"] is not None else ""
    print(f"{system:12}{scored['simple']:>9.3f}{weighted:>10}{wrong:>12}", flush=True)
    if told:
        held, failed = (sum(bool(getattr(one, what)) for one in told.values()) for what in ("question", "failed"))
        print(f"{'':12}of {len(told):,} files {held:,} held as a question, {failed:,} failed")
        for name, worth in sorted(scored["files"].items(), key=lambda pair: pair[1])[:lost]:
            one = told[name]
            wrongly = scored["wrong"].get(name, 0)
            print(f"  {worth:5.2f} {name}: {wrongly} wrong, {one.rejected} rejected; {one.failed or one.question}")


def _load(source: Path, folder: Path) -> dict[str, Loaded]:
    """Each file loaded by us, and written to ``folder``."""
    told = {}
    with database() as connection:
        for path in sorted((source / "csv").iterdir()):
            told[path.name] = load_file(connection, path)
            (folder / f"{path.name}_converted.csv").write_text(told[path.name].text, encoding="utf-8", newline="")
    return told


def _run(module: str, *arguments: str) -> str:
    """What ``module`` prints in the scorer's environment. Raises Missing where that isn't to be had."""
    python = str(_SCORER.found(FOLDER).programs / "python")
    variables = {**os.environ, "PYTHONPATH": str(_ROOT)}
    command = [python, "-m", module, *arguments]
    done = subprocess.run(command, cwd=_ROOT, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(done.stderr.strip().splitlines()[-1])
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
