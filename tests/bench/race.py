"""Two sides run in turns, so that a machine that grows slow grows slow for both; ratios are taken pair by pair."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import psycopg2

from tests.bench import ours
from tests.bench.cases import Case, Side, states
from tests.bench.server import Databases


@dataclass(frozen=True, kw_only=True)
class Lap:
    """One load."""

    seconds: float
    """Of the whole process, its start included."""
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

    def _make_state(self, state: str) -> None:
        if self._databases.has(state):
            return
        self._tell(f"making the table {state!r}")
        self._run(self._states[state], keep_as=state)

    def _run(self, side: Side, *, keep_as: str = "") -> Lap:
        path = side.file.made(self._files)
        with self._databases.fresh(side.state, keep_as=keep_as) as url:
            started = perf_counter()
            told = side.load(url, path)
            seconds = perf_counter() - started
            _check(side, url, told)
        return Lap(seconds=seconds, warm=told.seconds if told else seconds, peak=told.peak if told else 0)


def _check(side: Side, url: str, told: ours.Told | None) -> None:
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM datasets.people")
        rows = cursor.fetchone()[0]
    connection.close()
    wrong = {name: told.counts[name] for name, count in side.counts.items() if told and told.counts[name] != count}
    if rows != side.rows_after or wrong:
        raise RuntimeError(
            f"{side.name} of {side.file} left {rows:,} rows and told {told and told.counts}, "
            f"not {side.rows_after:,} rows and {dict(side.counts)}"
        )
