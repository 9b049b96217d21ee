"""Two sides run in turns, so that a machine that grows slow grows slow for both; ratios are taken pair by pair."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import psycopg2

from tests.bench import ours, whole
from tests.bench.cases import Case, Side, states
from tests.bench.server import Databases


@dataclass(frozen=True, kw_only=True)
class Lap:
    """One load."""

    seconds: float
    """Of the whole process, its start included; of a side that goes by events, of the worker's work."""
    warm: float
    """Without the start of Python and its libraries, where that is known."""
    peak: int


@dataclass(frozen=True, kw_only=True)
class Raced:
    """All laps of a case, the n-th of one side run beside the n-th of the other."""

    case: Case
    size: int
    """Bytes of our side's file."""
    ours: tuple[Lap, ...]
    other: tuple[Lap, ...]

    @property
    def ratios(self) -> list[float]:
        """Our time to the other's, whole processes."""
        return [mine.seconds / its.seconds for mine, its in zip(self.ours, self.other, strict=True)]

    @property
    def warm_ratios(self) -> list[float]:
        """The same without the start of Python, which a worker does once and psql has not."""
        return [mine.warm / its.warm for mine, its in zip(self.ours, self.other, strict=True)]

    @property
    def seconds(self) -> tuple[float, float]:
        """The median of ours and of the other's."""
        return median(lap.seconds for lap in self.ours), median(lap.seconds for lap in self.other)

    @property
    def peak(self) -> int:
        """The most memory that one of our processes took."""
        return max(lap.peak for lap in self.ours)


class Track:
    """The server and the files on which cases are raced."""

    def __init__(self, databases: Databases, files: Path, rows: int, tell: Callable[[str], None]) -> None:
        self._databases, self._files, self._tell = databases, files, tell
        self._states = states(rows)

    def race(self, case: Case, repeat: int) -> Raced:
        """Run both sides ``repeat`` times, in alternating order. Raises RuntimeError if one loads anything else."""
        for side in (case.ours, case.other):
            self._make_state(side.state)
            side.file.made(self._files)
        laps: dict[bool, list[Lap]] = {True: [], False: []}
        for lap in range(repeat):
            for ours_now in (lap % 2 == 1, lap % 2 == 0):
                side = case.ours if ours_now else case.other
                laps[ours_now].append(self._run(side))
                self._tell(f"{case.name} {lap + 1}/{repeat} {side.name}: {laps[ours_now][-1].seconds:.2f} s")
        size = case.ours.file.made(self._files).stat().st_size
        return Raced(case=case, size=size, ours=tuple(laps[True]), other=tuple(laps[False]))

    def small(self, repeat: int) -> tuple[float, int]:
        """A file of 100 rows from event to commit: the median seconds, and the SQL statements of one."""
        self._make_state("migrated")
        with self._databases.fresh("migrated") as url:
            seconds = whole.small(url, 6 * repeat)
        with self._databases.fresh("migrated", logged=True) as url:
            whole.small(url, 1)
        return seconds, whole.statements(self._databases.log)

    def _make_state(self, state: str) -> None:
        if self._databases.has(state):
            return
        self._make_state(self._states[state].state)
        self._tell(f"making the table {state!r}")
        self._run(self._states[state], keep_as=state)

    def _run(self, side: Side, *, keep_as: str = "") -> Lap:
        path = side.file.made(self._files)
        with self._databases.fresh(side.state, keep_as=keep_as) as url:
            started = perf_counter()
            told = side.load(url, path)
            seconds = told.seconds if told and side.by_event else perf_counter() - started
            if side.rows_after is not None:
                _check(side, url, told)
        return Lap(seconds=seconds, warm=told.seconds if told else seconds, peak=told.peak if told else 0)


def _check(side: Side, url: str, told: ours.Told | None) -> None:
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM datasets.people")
        rows = cursor.fetchone()[0]
        cursor.execute(
            "SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE schemaname = 'datasets'"
            " AND relname = 'people'"
        )
        writes = cursor.fetchone()[0]
    connection.close()
    wrong = {name: told.counts[name] for name, count in side.counts.items() if told and told.counts[name] != count}
    if rows != side.rows_after or wrong or side.writes not in (None, writes):
        raise RuntimeError(
            f"{side.name} of {side.file} left {rows:,} rows, wrote {writes:,} and told {told and told.counts}, "
            f"not {side.rows_after:,} rows and {dict(side.counts)}"
        )
