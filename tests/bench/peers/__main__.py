"""`make bench-peers`: the same file on the same server by what a user would pick instead."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.bench import report
from tests.bench.peers.environments import Missing
from tests.bench.peers.known import OURS, PEERS, ROW_BY_ROW
from tests.bench.peers.measure import Course, Measured
from tests.bench.peers.peer import Peer
from tests.bench.peers.table import table, words
from tests.bench.server import running

FOLDER = Path(__file__).parents[3] / ".local" / "bench"
_ALL = {peer.name: peer for peer in (OURS, *PEERS)}


def main(arguments: list[str] | None = None) -> int:
    """Measure the peers asked for; print the table and the words."""
    asked = _asked(arguments)
    names = list(_ALL) if asked.peers == "all" else [name.strip() for name in asked.peers.split(";")]
    if not set(names) <= _ALL.keys():
        print(f"--peers: there is {'; '.join(_ALL)}, and all", file=sys.stderr)
        return 2
    asked.folder.mkdir(parents=True, exist_ok=True)
    server = Path(tempfile.mkdtemp(prefix="servers-", dir=asked.folder))
    measured, missing = [], []
    try:
        with running(server, unsafe=asked.unsafe) as databases:
            machine = report.machine(databases.version)
            course = Course(databases, asked.folder, asked.limit, _tell)
            for name in names:
                one = _measured(course, _ALL[name], asked)
                (measured if isinstance(one, Measured) else missing).append(one)
    finally:
        shutil.rmtree(server, ignore_errors=True)
    print(f"\n{asked.rows:,} rows asked for; one run of each\n{machine}\n")
    print(f"{table(measured)}\n\n{_LEGEND}\n\n{words(measured)}")
    for line in missing:
        print(f"\n{line}")
    return 0


_LEGEND = f"""\
rows      what it was measured at: the slow ones get fewer, and nothing is extrapolated
s         of the whole process, its start included; ours: run beside it on the same file
again     the same ids, 10 % of the rows changed, by the means that come nearest to an update
peak MiB  the highest memory of its processes, added up
-         the table isn't what the file makes it
The server is ours; who doesn't make the table finds one with types and two unique indexes, not timed.
{ROW_BY_ROW.name}: csv.DictReader and psycopg2, one INSERT ... ON CONFLICT (id) DO UPDATE a row, one commit."""


def _measured(course: Course, peer: Peer, asked: argparse.Namespace) -> Measured | str:
    try:
        found = peer.environment.found(asked.environments)
    except Missing as error:
        return f"{peer.name} was skipped: {error}."
    return course.measure(peer, found, asked.rows)


def _asked(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-peers ARGS=...", description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000, help="rows of the file (default 2,000,000: 212 MB)")
    parser.add_argument("--peers", default="all", help="which, with semicolons between (default all)")
    parser.add_argument("--limit", type=float, default=1_200, help="seconds after which a load is stopped (1,200)")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where files are kept and the server stands")
    parser.add_argument(
        "--environments", type=Path, default=FOLDER / "peers", help="where the peers' environments are made"
    )
    parser.add_argument("--unsafe", action="store_true", help="a server without fsync: to try it, not to measure")
    return parser.parse_args(arguments)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
