"""Trace: the lines of a file whose records are one row of a table, found in the file itself (file-rules#keys).

The file is cut and read as a load does it, so a line is the one that a reject of that record would have.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from ingest.loader.records.reading import CertifiedReader
from ingest.loader.records.split import split
from ingest.loader.source.headers import Header, read_header
from ingest.loader.source.local_file import LocalFile
from ingest.loader.types.types import SPACES, Type, holds
from ingest.loader.types.values import (
    as_key,
    as_typed,
    caseless,
    caseless_sql,
    instant_sql,
    literal,
    number_sql,
    trimmed_sql,
    unfit_sql,
)

MOST: Final = 20
"""Lines of records that gave way that are told; the others are counted."""


_Identity = dict[str, str | None]
"""Some cells of a record as identities: blank ones None."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RowIdentity:
    """One row, by its identity as the run left it: values as PostgreSQL writes them."""

    key: Mapping[str, str]
    """Column -> value; of id and email the id."""
    emails: frozenset[str] = frozenset()
    """By which a record without an id was the row: those that the row had before the run. Else empty."""
    email: str | None = None
    """The column by which a record that lacks its id may be known; None where ids and e-mails aren't both keys."""
    caseless: frozenset[str] = frozenset()
    """The columns that are matched without regard to ASCII case and outer spaces."""


@dataclass(kw_only=True, slots=True)
class SourceLines:
    """Where the row's records stand."""

    line: int | None = None
    """Of the record that counts, the last one; None where the file has none."""
    duplicates: int = 0
    """The records that gave way to it."""
    duplicate_lines: list[int] = field(default_factory=list)
    """Where they stand, the first ``MOST`` of them."""

    def take(self, line: int) -> None:
        """A record of the row, behind those that were taken before."""
        if self.line is not None:
            self.duplicates += 1
            if len(self.duplicate_lines) < MOST:
                self.duplicate_lines.append(self.line)
        self.line = line


def trace(
    file: LocalFile,
    known: Mapping[str, str],
    wanted: RowIdentity,
    *,
    types: Mapping[str, Type],
    null_tokens: Sequence[str],
) -> SourceLines:
    """The lines of the records that are the row ``wanted``; records that were rejected as such are none.

    ``known`` is the dataset's map header -> column, ``types`` are those under which the file was loaded. In constant
    memory, however long the file is. Raises RunFailed where it can't be read.
    """
    certified = split(
        file.path,
        file.dialect,
        scratch=file.scratch / "certified",
        reject=lambda _: None,
        longest=file.longest_record,
        repeats_header=any(known.get(value) != column for column, value in wanted.key.items()),
    )
    header = read_header(certified.header, known)
    with CertifiedReader(certified, null_tokens=null_tokens, used=header.used, marked=header.marked) as reading:
        search = _Search(reading=reading, header=header, types=types, caseless=wanted.caseless)
        traced = SourceLines()
        for ordinal in search.records_of(wanted):
            traced.take(certified.lines.line_of(ordinal))
    return traced


@dataclass(frozen=True, kw_only=True, slots=True)
class _Search:
    """A file's records, looked through for some."""

    reading: CertifiedReader
    header: Header
    types: Mapping[str, Type]
    caseless: frozenset[str]

    def records_of(self, wanted: RowIdentity) -> Iterator[int]:
        """The ordinals of the row's records, ascending."""
        if not wanted.email or wanted.email not in self.header.names:
            yield from (ordinal for ordinal, _ in self._having(wanted.key))
            return
        before = {self._plain(wanted.email, email) for email in wanted.emails}
        emails = set(before)
        if "id" in self.header.names:
            found = (told[wanted.email] for _, told in self._having(wanted.key, wanted.email))
            emails |= {self._plain(wanted.email, email) for email in found if email}
        owners = self._owners(wanted.email, emails)
        for ordinal, told in self._having_any(wanted.key, wanted.email, emails):
            own = told.get("id")
            if own is None:
                email = self._plain(wanted.email, told[wanted.email] or "")
                own = owners.get(email) or (wanted.key["id"] if email in before else None)
            if own is not None and self._same("id", own, wanted.key["id"]):
                yield ordinal

    def _owners(self, column: str, emails: set[str]) -> dict[str, str]:
        """Email -> the id of the last record of the file that has both."""
        if "id" not in self.header.names:
            return {}
        found = self._found([self._any_of(column, emails)], ("id", column))
        return {self._plain(column, email): own for _, told in found if (own := told["id"]) and (email := told[column])}

    def _having(self, key: Mapping[str, str], *more: str) -> Iterator[tuple[int, _Identity]]:
        """The records with all of these values."""
        if not set(key) <= set(self.header.names):
            return
        conditions = [self._like(name, value) for name, value in key.items()]
        for ordinal, told in self._found(conditions, (*key, *more)):
            if all(self._same(name, told[name] or "", value) for name, value in key.items()):
                yield ordinal, told

    def _having_any(self, key: Mapping[str, str], column: str, emails: set[str]) -> Iterator[tuple[int, _Identity]]:
        """The records with the id, and those with one of the emails."""
        conditions, names = [self._any_of(column, emails)], [column]
        if "id" in self.header.names:
            conditions.append(self._like("id", key["id"]))
            names.append("id")
        yield from self._found([f"({' or '.join(f'({each})' for each in conditions)})"], names)

    def _like(self, name: str, value: str) -> str:
        if name in self.caseless:
            return f"{self._compared(name)} = {literal(self._plain(name, value))}"
        return _like_sql(self._type(name), self._cell(name), value)

    def _any_of(self, name: str, values: set[str]) -> str:
        return f"{self._compared(name)} in ({', '.join(map(literal, sorted(values)))})" if values else "false"

    def _compared(self, name: str) -> str:
        cell = self._cell(name)
        return caseless_sql(cell) if name in self.caseless else cell

    def _plain(self, name: str, value: str) -> str:
        return caseless(value) if name in self.caseless else value

    def _found(self, conditions: Sequence[str], names: Sequence[str]) -> Iterator[tuple[int, _Identity]]:
        """Ordinal and these cells of the records that meet the conditions and hold nothing that a column can't."""
        kinds = {self._cell(name): self._type(name) for name in self.header.names}
        fit = [f"({unfit_sql(kind, cell)}) is not true" for cell, kind in kinds.items() if kind is not Type.TEXT]
        columns = ", ".join(["r", *(self._cell(name) for name in names)])
        # In this order: 1.6 s for 128 MiB, where the conditions of the types took 6 on every record.
        kept = f"case when {' and '.join(conditions)} then {' and '.join(fit) or 'true'} end"
        query = f"select {columns} from {self.reading.records} where {kept}"
        reads = [as_key if self._type(name) is Type.TEXT else as_typed for name in names]
        for ordinal, *cells in self.reading.stream(query):
            yield ordinal, {name: read(cell) for name, read, cell in zip(names, reads, cells, strict=True)}

    def _type(self, name: str) -> Type:
        return self.types.get(name, Type.TEXT)

    def _cell(self, name: str) -> str:
        return f"c{self.header.names.index(name)}"

    def _same(self, name: str, one: str, other: str) -> bool:
        if name in self.caseless:
            return caseless(one) == caseless(other)
        return bool(_value(self._type(name), one) == _value(self._type(name), other))


def _like_sql(kind: Type, cell: str, value: str) -> str:
    """A condition that every cell meets that PostgreSQL reads to ``value``; others may, too."""
    if kind is Type.TEXT:
        return f"{cell} = {literal(value)}"
    if kind in (Type.BIGINT, Type.NUMERIC) and holds(Type.NUMERIC, value):
        return f"{number_sql(trimmed_sql(cell))} = {number_sql(literal(value))}"
    if kind in (Type.BOOLEAN, Type.UUID):
        return f"lower({trimmed_sql(cell)}) = {literal(value.lower())}"
    if kind is Type.TIMESTAMPTZ and holds(kind, value):
        return f"{instant_sql(trimmed_sql(cell))} = {instant_sql(literal(value))}"
    if kind in (Type.BIGINT, Type.NUMERIC, Type.TIMESTAMPTZ):  # a column of another type by now
        return f"{cell} is not null"
    return f"left({trimmed_sql(cell)}, 10) = {literal(value[:10])}"


def _value(kind: Type, text: str) -> Any:
    """What ``text``, of a file or as PostgreSQL writes it, is as a value: equal ones are equal."""
    text = text.strip(SPACES) if kind is not Type.TEXT else text
    try:
        if kind in (Type.BIGINT, Type.NUMERIC):
            return Decimal(text)
        if kind in (Type.DATE, Type.TIMESTAMP, Type.TIMESTAMPTZ):
            return datetime.fromisoformat(text[:10] + text[10:].replace(" ", "T", 1).replace(" ", ""))
    except (ValueError, ArithmeticError):  # widened since, to what the file couldn't hold: another value
        return text
    return text.lower() if kind in (Type.BOOLEAN, Type.UUID) else text
