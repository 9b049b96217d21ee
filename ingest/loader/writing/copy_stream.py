"""The file's rows as COPY takes them: the bytes as they lie, or written anew without what a column can't hold.

What is written anew comes from memory where the file is small, else through DuckDB.
"""

import io
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from ingest.loader.planning.plan import Plan, PlannedColumn
from ingest.loader.planning.rejections import Cells, Rejection, rejections_of
from ingest.loader.records.reading import CertifiedReader
from ingest.loader.source.dialect.dialect import Dialect
from ingest.loader.types.types import Type
from ingest.loader.types.values import as_key, as_key_sql, as_typed, as_typed_sql, unfit, unfit_sql


class CopySource(Protocol):
    """What COPY reads: CSV bytes."""

    def read(self, size: int, /) -> bytes: ...


class Stream(CopySource, Protocol):
    """Rows that want to be closed."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRecord:
    """A record that the plan leaves out."""

    ordinal: int
    rejection: Rejection
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenCopySource:
    """Rows on their way to COPY."""

    rows: CopySource
    dialect: Dialect
    names: tuple[str, ...]
    """Their columns: the file's, behind ``n$`` where each row starts with its record number."""


@contextmanager
def raw_rows(path: Path, offset: int, dialect: Dialect, names: tuple[str, ...]) -> Iterator[OpenCopySource]:
    """The bytes of a file as they lie, from its first record on."""
    with path.open("rb", buffering=0) as file:
        file.seek(offset)
        yield OpenCopySource(rows=file, dialect=dialect, names=names)


@contextmanager
def open_rows(reading: CertifiedReader, plan: Plan, *, numbered: bool) -> Iterator[OpenCopySource]:
    """The rows that go in.

    Bytes that lie as they must go to COPY untouched: the records then come in their order, without numbers. Written
    anew each starts with its number if ``numbered`` asks for it.
    """
    if plan.verbatim and reading.verbatim:
        certified = reading.certified
        with raw_rows(certified.path, certified.offset, certified.dialect, plan.names) as rows_in_place:
            yield rows_in_place
        return
    names = (("n$",) if numbered else ()) + plan.names
    with (
        _accepted_from_memory(reading, plan, numbered) if reading.whole else _accepted(reading, plan, numbered) as rows
    ):
        yield OpenCopySource(rows=rows, dialect=Dialect(), names=names)


def _accepted(reading: CertifiedReader, plan: Plan, numbered: bool) -> Stream:
    cells = [_cell_sql(column, f"c{position}") for position, column in enumerate(plan.columns)]
    bad = " or ".join(refusal.sql for refusal in rejections_of(plan))
    condition = f" where ({bad}) is not true" if bad else ""
    return reading.emit(f"select {', '.join((['r'] if numbered else []) + cells)} from {reading.records}{condition}")


def _accepted_from_memory(reading: CertifiedReader, plan: Plan, numbered: bool) -> Stream:
    reasons = list(rejections_of(plan))
    return _as_csv(
        [
            *((str(number),) if numbered else ()),
            *(_cell(column, cell) for column, cell in zip(plan.columns, cells, strict=True)),
        ]
        for number, cells in enumerate(reading.first)
        if _first_rejection(reasons, cells) is None
    )


def bad_records(reading: CertifiedReader, plan: Plan) -> Generator[BadRecord, None, None]:
    """The records that the plan leaves out, in the order of the file; to be closed by whoever stops early."""
    if reasons := list(rejections_of(plan)):
        yield from _bad_from_memory(reading, reasons) if reading.whole else _bad(reading, reasons)


def _bad(reading: CertifiedReader, reasons: Sequence[Rejection]) -> Iterator[BadRecord]:
    which = " ".join(f"when {reason.sql} then {number}" for number, reason in enumerate(reasons))
    value = " ".join(f"when {number} then {reason.value_sql}" for number, reason in enumerate(reasons))
    found = f"(select *, case {which} end as bad from {reading.records})"
    for r, number, bad_value in reading.stream(
        f"select r, bad, case bad {value} end from {found} where bad is not null"
    ):
        yield BadRecord(ordinal=r, rejection=reasons[number], value=bad_value)


def _bad_from_memory(reading: CertifiedReader, reasons: Sequence[Rejection]) -> Iterator[BadRecord]:
    for number, cells in enumerate(reading.first):
        reason = _first_rejection(reasons, cells)
        if reason:
            yield BadRecord(ordinal=number, rejection=reason, value=reason.value(cells))


def _first_rejection(reasons: Sequence[Rejection], cells: Cells) -> Rejection | None:
    return next((reason for reason in reasons if reason.applies(cells)), None)


def named_keys(reading: CertifiedReader, plan: Plan, names: Sequence[str]) -> tuple[int, Stream | None]:
    """Of the records that the plan leaves out: how many have no key that can be read, and the keys of the others.

    A record without any key might be any row; so might each where the file has no column of the key.
    """
    reasons = list(rejections_of(plan))
    if not reasons:
        return 0, None
    of = {column.name: (column, position) for position, column in enumerate(plan.columns)}
    keys = [of[name] for name in names]
    return _keys_from_memory(reading, reasons, keys) if reading.whole else _keys(reading, reasons, keys)


def _keys(
    reading: CertifiedReader, reasons: Sequence[Rejection], keys: Sequence[tuple[PlannedColumn, int]]
) -> tuple[int, Stream | None]:
    unfit_conditions = [unfit_sql(key.type, f"c{at}") for key, at in keys if key.type is not Type.TEXT]
    missing = " and ".join(f"{as_key_sql(f'c{at}')} is null" for _, at in keys) or "true"
    unreadable = f"(({' or '.join([*unfit_conditions, f'({missing})'])}) is true)"
    bad = f"(({' or '.join(reason.sql for reason in reasons)}) is true)"
    count = reading.rows(f"select count(*) from {reading.records} where {bad} and {unreadable}")[0][0]
    if not keys:
        return count, None
    cells = ", ".join(_cell_sql(key, f"c{at}") for key, at in keys)
    return count, reading.emit(f"select {cells} from {reading.records} where {bad} and not {unreadable}")


def _keys_from_memory(
    reading: CertifiedReader, reasons: Sequence[Rejection], keys: Sequence[tuple[PlannedColumn, int]]
) -> tuple[int, Stream | None]:
    bad = [cells for cells in reading.first if _first_rejection(reasons, cells)]
    readable = [
        cells
        for cells in bad
        if any(as_key(cells[at]) is not None for _, at in keys)
        and not any(unfit(key.type, cells[at]) for key, at in keys)
    ]
    count = len(bad) - len(readable)
    return count, _as_csv([_cell(key, cells[at]) for key, at in keys] for cells in readable) if keys else None


def _cell(column: PlannedColumn, cell: str | None) -> str | None:
    if column.type is not Type.TEXT:
        return as_typed(cell)
    return as_key(cell) if column.key else cell


def _cell_sql(column: PlannedColumn, cell: str) -> str:
    if column.type is not Type.TEXT:
        return as_typed_sql(cell)
    return as_key_sql(cell) if column.key else cell


def _as_csv(rows: Iterator[Cells]) -> Stream:
    """Rows as DuckDB writes them too: every value quoted, NULL as nothing."""
    lines = (",".join("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    return io.BytesIO("".join(f"{line}\n" for line in lines).encode())


class Counted:
    """Rows that tell how many bytes COPY has taken."""

    def __init__(self, rows: CopySource, report: Callable[[int], None]) -> None:
        self._rows = rows
        self._report = report
        self._sent = 0

    def read(self, size: int) -> bytes:
        """The next bytes."""
        block = self._rows.read(size)
        self._sent += len(block)
        self._report(self._sent)
        return block
