"""`make bench`: the loader against psql on one server, in turns."""

import argparse
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.bench import report, whole
from tests.bench.cases import cases
from tests.bench.race import Track
from tests.bench.server import running

FOLDER = Path(__file__).parents[2] / ".local" / "bench"
USUAL = "first,changed,new,same,identical,bad,small"
SMALL = "small"


def main(arguments: list[str] | None = None) -> int:
    """Race the cases asked for; print the table."""
    asked = _asked(arguments)
    found = cases(asked.rows)
    names = [*found, SMALL] if asked.cases == "all" else asked.cases.split(",")
    if not set(names) <= {*found, SMALL}:
        print(f"--cases: there is {', '.join(found)}, {SMALL}, and all", file=sys.stderr)
        return 2
    chosen = [found[name] for name in names if name != SMALL]
    asked.folder.mkdir(parents=True, exist_ok=True)
    servers = Path(tempfile.mkdtemp(prefix="servers-", dir=asked.folder))
    try:
        with ExitStack() as stack:
            databases = stack.enter_context(running(servers / "postgres", unsafe=asked.unsafe))
            if SMALL in names or any(side.by_event for case in chosen for side in (case.ours, case.other)):
                stack.enter_context(whole.bucket(servers / "aws"))
            machine = report.machine(databases.version)
            track = Track(databases, asked.folder / "files", asked.rows, _tell)
            raced = [track.race(case, asked.repeat) for case in chosen]
            small = track.small(asked.repeat) if SMALL in names else None
    finally:
        shutil.rmtree(servers, ignore_errors=True)
    print(f"\n{asked.rows:,} rows; medians of {asked.repeat} pairs of runs, in turns\n{machine}\n")
    if raced:
        print(f"{report.table(raced)}\n\n{_LEGEND}")
    if small:
        print(f"100 rows, warm, from event to commit: {small[0] * 1000:.0f} ms (aim 60), {small[1]} SQL statements")
    return 0


_LEGEND = """\
s, ours s  seconds of whole processes, the start of Python included; from event to commit where it says so
ratio      ours to the other's, pair by pair; from-to: the lowest and the highest pair
warm       the same from the first byte read to the commit, as a worker that runs already takes
peak MiB   the highest memory of our process, interpreter and libraries included"""


def _asked(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows of the file (default 2,000,000: 212 MB)")
    parser.add_argument("--cases", default=USUAL, help=f"which, with commas between, or all (default {USUAL})")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each side (default 3)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where files are kept and the server stands")
    parser.add_argument(
        "--unsafe", action="store_true", help="a server without fsync: to try the bench, not to measure"
    )
    return parser.parse_args(arguments)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
