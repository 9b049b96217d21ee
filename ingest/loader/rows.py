"""The file's rows as COPY takes them: the bytes as they lie, or through DuckDB without what a column can't hold."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ingest.loader.dialect import Dialect
from ingest.loader.plan import LONGEST_KEY, Plan, PlannedColumn
from ingest.loader.reading import Emission, Reading
from ingest.loader.rejects import Code
from ingest.loader.scan import as_key, as_typed, unfit
from ingest.loader.types import Type


class Rows(Protocol):
    """What COPY reads: CSV bytes."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRecord:
    """A record that the plan leaves out."""

    ordinal: int
    code: Code
    column: str
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenRows:
    """Rows on their way to COPY."""

    rows: Rows
    dialect: Dialect
    names: tuple[str, ...]
    """Their columns: the file's, behind ``n$`` where each row starts with its record number."""


@contextmanager
def lying_rows(path: Path, offset: int, dialect: Dialect, names: tuple[str, ...]) -> Iterator[OpenRows]:
    """The bytes of a file as they lie, from its first record on."""
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        yield OpenRows(rows=file, dialect=dialect, names=names)


@contextmanager
def open_rows(reading: Reading, plan: Plan, *, numbered: bool) -> Iterator[OpenRows]:
    """The rows that go in.

    Bytes that lie as they must go to COPY untouched: the records then come in their order, without numbers. Through
    DuckDB each starts with its number if ``numbered`` asks for it.
    """
    if plan.as_it_lies and reading.as_it_lies:
        certified = reading.certified
        with lying_rows(certified.path, certified.offset, certified.dialect, plan.names) as lying:
            yield lying
        return
    cells = [_cell(column, f"c{position}") for position, column in enumerate(plan.columns)]
    bad = " or ".join(condition for condition, *_ in _bad_conditions(plan))
    kept = f" where ({bad}) is not true" if bad else ""
    with reading.emit(f"select {', '.join((['r'] if numbered else []) + cells)} from {reading.records}{kept}") as rows:
        yield OpenRows(rows=rows, dialect=Dialect(), names=(("n$",) if numbered else ()) + plan.names)


def bad_records(reading: Reading, plan: Plan, limit: int) -> tuple[dict[Code, int], list[BadRecord]]:
    """How many records the plan leaves out, by code, and the first ``limit`` of them."""
    conditions = list(_bad_conditions(plan))
    if not conditions:
        return {}, []
    which = " ".join(f"when {condition} then {number}" for number, (condition, *_) in enumerate(conditions))
    value = " ".join(f"when {number} then {cell}" for number, (_, _, _, cell) in enumerate(conditions))
    found = f"(select *, case {which} end as bad from {reading.records})"
    counts: dict[Code, int] = {}
    for number, count in reading.rows(f"select bad, count(*) from {found} where bad is not null group by bad"):
        code = conditions[number][1]
        counts[code] = counts.get(code, 0) + count
    first = reading.rows(
        f"select r, bad, case bad {value} end from {found} where bad is not null order by r limit {limit}"
    )
    return counts, [
        BadRecord(ordinal=r, code=conditions[number][1], column=conditions[number][2], value=value)
        for r, number, value in first
    ]


def named_keys(reading: Reading, plan: Plan, names: Sequence[str]) -> tuple[int, Emission | None]:
    """Of the records that the plan leaves out: how many have no key that can be read, and the keys of the others."""
    conditions = [condition for condition, *_ in _bad_conditions(plan)]
    if not conditions:
        return 0, None
    of = {column.name: (column, f"c{position}") for position, column in enumerate(plan.columns)}
    keys = [of[name] for name in names]
    unfits = [unfit(key.type, cell) for key, cell in keys if key.type is not Type.TEXT]
    # A record without any key might be any row; so might each where the file has no column of the key.
    missing = " and ".join(f"{as_key(cell)} is null" for _, cell in keys) or "true"
    unreadable = f"(({' or '.join([*unfits, f'({missing})'])}) is true)"
    bad = f"(({' or '.join(conditions)}) is true)"
    count = reading.rows(f"select count(*) from {reading.records} where {bad} and {unreadable}")[0][0]
    if not keys:
        return count, None
    cells = ", ".join(_cell(key, cell) for key, cell in keys)
    return count, reading.emit(f"select {cells} from {reading.records} where {bad} and not {unreadable}")


def _bad_conditions(plan: Plan) -> Iterator[tuple[str, Code, str, str]]:
    """Each reason to leave a record out: condition, code, column, cell; the first that holds is the record's fate."""
    cells = {column.name: f"c{position}" for position, column in enumerate(plan.columns)}
    for column in plan.columns:
        if column.rejects:
            yield unfit(column.type, cells[column.name]), Code.BAD_VALUE, column.name, cells[column.name]
    for identity in plan.long_keys:
        parts = [cells[name] for name in identity if name in cells]
        size = " + ".join(f"coalesce(strlen({part}), 0)" for part in parts)
        yield f"({size}) > {LONGEST_KEY}", Code.TOO_LONG, identity[0], f"left({parts[0]}, 200)"


def _cell(column: PlannedColumn, cell: str) -> str:
    if column.type is not Type.TEXT:
        return as_typed(cell)
    return as_key(cell) if column.key else cell


class Counted:
    """Rows that tell how many bytes COPY has taken."""

    def __init__(self, rows: Rows, told: Callable[[int], None]) -> None:
        self._rows = rows
        self._told = told
        self._taken = 0

    def read(self, size: int) -> bytes:
        """The next bytes."""
        block = self._rows.read(size)
        self._taken += len(block)
        self._told(self._taken)
        return block
