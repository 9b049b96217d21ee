"""Each peer's laps: a first load, the same ids again, and two small files that show what figures of speed don't."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psycopg2

from tests.bench.files import COLUMNS, File
from tests.bench.peers.environments import Found
from tests.bench.peers.known import OURS
from tests.bench.peers.peer import Order, Peer
from tests.bench.peers.process import Ended, ended
from tests.bench.server import Databases

_TYPED = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
_TABLE = f"CREATE TABLE datasets.people ({_TYPED}, PRIMARY KEY (id), UNIQUE (email))"
_BAD = File(kind="bad", rows=100, start=101)
"""Row 150 has a word where a number belongs."""
_SOME, _HALF = File(kind="plain", rows=100), File(kind="changed", rows=50)


@dataclass(frozen=True, kw_only=True)
class Lap:
    """One load and the table after it."""

    ended: Ended
    rows: int
    changed: int
    """Rows as a changed file has them."""
    loaded: bool
    """Whether the table is what the file makes it."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one peer did."""

    peer: Peer
    version: str
    rows: int
    first: Lap
    again: Lap
    ours_first: Lap
    ours_again: Lap
    bad: int
    """Rows in the table after 100, and then 100 more of which one is bad: 199 if only that one is left out."""
    kept: int
    """Rows in the table after 100, and then 50 of their ids: 100 if it updates, 50 if the file takes their place."""


class Course:
    """The server and the files on which peers are measured."""

    def __init__(self, databases: Databases, folder: Path, limit: float, tell: Callable[[str], None]) -> None:
        self._databases, self._folder, self._limit, self._tell = databases, folder, limit, tell
        self._ours = OURS.environment.found(folder)

    def measure(self, peer: Peer, found: Found, asked: int) -> Measured:
        """Run ``peer``, and ours beside it on the same file. Raises RuntimeError if ours does anything else."""
        rows = peer.rows(asked)
        plain, changed = File(kind="plain", rows=rows), File(kind="changed", rows=rows)
        first, again = self._laps(peer, found, plain, changed)
        ours_first, ours_again = (first, again) if peer is OURS else self._laps(OURS, self._ours, plain, changed)
        if not (ours_first.loaded and ours_again.loaded):
            raise RuntimeError(f"our loader: {ours_first} {ours_again}")
        some, half = self._laps(peer, found, _SOME, _HALF)
        return Measured(
            peer=peer,
            version=found.version,
            rows=rows,
            first=first,
            again=again,
            ours_first=ours_first,
            ours_again=ours_again,
            bad=self._laps(peer, found, _SOME, _BAD)[1].rows,
            kept=half.rows if some.loaded else 0,
        )

    def _laps(self, peer: Peer, found: Found, *files: File) -> list[Lap]:
        """Load ``files`` one after the other into one fresh database."""
        laps: list[Lap] = []
        with self._databases.fresh("empty") as url, _scratch(self._folder) as scratch:
            if not peer.makes_table:
                _tell(url, _TABLE)
            for file in files:
                order = Order(
                    url=url,
                    file=file.made(self._folder / "files"),
                    before=_before(files[: len(laps)], file),
                    scratch=scratch,
                )
                laps.append(self._lap(peer, found, order, file))
                if file.rows > _SOME.rows:
                    took = laps[-1].ended
                    self._tell(f"{peer.name}, {file.kind}, {file.rows:,} rows: {took.seconds:.1f} s, code {took.code}")
        return laps

    def _lap(self, peer: Peer, found: Found, order: Order, file: File) -> Lap:
        variables = {"LD_LIBRARY_PATH": found.libraries} if found.libraries else {}
        variables |= {"DLT_DATA_DIR": str(order.scratch), **peer.variables}
        done = ended(peer.command(found.programs, order), variables=variables, limit=self._limit)
        rows, changed = _look(order.url)
        expected = len(range(3, file.rows + 1, 10)) if file.kind == "changed" else 0
        loaded = done.code == 0 and (rows, changed) == (file.rows, expected)
        return Lap(ended=done, rows=rows, changed=changed, loaded=loaded)


def _before(files: Sequence[File], file: File) -> Literal["nothing", "same ids", "other ids"]:
    if not files:
        return "nothing"
    return "same ids" if any(each.start == file.start for each in files) else "other ids"


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="scratch-", dir=folder))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _tell(url: str, statement: str) -> None:
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def _look(url: str) -> tuple[int, int]:
    """How many rows the table has, and how many of them as a changed file has them."""
    connection = psycopg2.connect(url)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('datasets.people') IS NOT NULL")
            if not cursor.fetchone()[0]:
                return 0, 0
            cursor.execute("SELECT count(*), count(*) FILTER (WHERE note = 'changed, by hand') FROM datasets.people")
            rows, changed = cursor.fetchone()
            return rows, changed
    finally:
        connection.close()
