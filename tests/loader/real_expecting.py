"""What a run must make of the records that the csv module reads: types, fates and rows in a new table."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from ingest.loader.outcome.outcome import Column
from ingest.loader.source.dialect.dialect import Dialect
from tests.loader.real_reading import Read, Record

SPACES = " \t\n\r\v\f"
"""What is ignored around a typed value, and what a blank identity consists of."""

Identities = tuple[tuple[str, ...], ...]
Value = Any

_WIDER = {"bigint": "numeric", "date": "timestamp"}
_WHOLE = re.compile(r"-?(?:0|[1-9]\d*)", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)?\.\d+", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?( ?(?:Z|[+-]\d\d(?::?\d\d)?))?", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def kind_of(text: str) -> str:
    """The narrowest type that gives ``text``, without outer spaces, back as it came or as an equal value."""
    if text.lower() in ("true", "false"):
        return "boolean"
    if _WHOLE.fullmatch(text):
        return "bigint" if len(text) < 21 and -(2**63) <= int(text) < 2**63 else "numeric"
    if _DECIMAL.fullmatch(text):
        return "numeric"
    if _UUID.fullmatch(text):
        return "uuid"
    try:
        if _DATE.fullmatch(text):
            date.fromisoformat(text)
            return "date"
        if moment := _MOMENT.fullmatch(text):
            datetime.fromisoformat(text.replace(" ", "T", 1).replace(" ", ""))
            return "timestamptz" if moment[1] else "timestamp"
    except ValueError:
        pass
    return "text"


def join(one: str, other: str) -> str:
    """The narrowest type that holds the values of both."""
    if one == other:
        return one
    return other if _WIDER.get(one) == other else one if _WIDER.get(other) == one else "text"


def kind_of_all(texts: Sequence[str | None]) -> str:
    """The narrowest type that holds all cells of a column; ``text`` if there is no value."""
    found: str | None = None
    for text in {(text or "").strip(SPACES) for text in texts} - {""}:
        kind = kind_of(text)
        found = kind if found is None else join(found, kind)
        if found == "text":
            break
    return found or "text"


def value_of(text: str | None, kind: str) -> Value:
    """What the driver must give back for a cell in a column of that type."""
    if text is None or kind == "text":
        return text
    text = text.strip(SPACES)
    if not text:
        return None
    if kind == "boolean":
        return text.lower() == "true"
    if kind == "date":
        return date.fromisoformat(text)
    if kind in ("timestamp", "timestamptz"):
        moment = datetime.fromisoformat(text.replace(" ", "T", 1).replace(" ", ""))
        return moment.astimezone(UTC) if kind == "timestamptz" else moment
    return {"bigint": int, "numeric": Decimal, "uuid": str.lower}[kind](text)


def lacks_header(read: Read, dialect: Dialect) -> bool:
    """Whether the first record is one like those below (file-rules#header); ``read`` is without a header."""
    first, *below = [record for record in read.records if not record.flaw]
    if None in first.cells or "" in first.cells or not below:
        return False
    typed = False
    for place, cell in enumerate(first.cells):
        kind = kind_of_all([record.cells[place] for record in below])
        if kind != "text":
            typed = True
            if join(kind, kind_of((cell or "").strip(SPACES))) != kind:
                return False
    return typed


@dataclass(kw_only=True)
class Fates:
    """What becomes of every record of a file."""

    rows: list[tuple[Record, list[Value]]] = field(default_factory=list)
    """Those that go in, in the file's order, with the values of their row."""
    rejected: list[tuple[int, str, str]] = field(default_factory=list)
    """Line, code and text of the others."""
    duplicate: int = 0

    def refuse(self, record: Record, code: str) -> None:
        """Leave the record out."""
        self.rejected.append((record.line, code, record.raw))


def fates_of(read: Read, columns: Sequence[Column], identities: Identities) -> Fates:
    """The fate of every record in a new table with these columns and identities (file-rules#keys)."""
    fates = Fates()
    names = [column.name for column in columns]
    keys = {name for identity in identities for name in identity}
    for record in read.records:
        if record.flaw:
            fates.refuse(record, record.flaw)
            continue
        row = []
        for column, cell in zip(columns, record.cells, strict=True):
            blank = column.name in keys and not (cell or "").strip(SPACES)
            row.append(None if blank else value_of(cell, column.type))
        fates.rows.append((record, row))
    if len(identities) == 2:
        _fill_ids(fates, names.index("id"), names.index("email"))
    for number, identity in enumerate(identities):
        places = [names.index(name) for name in identity]
        _let_last_count(fates, places, is_first=not number)
    return fates


def _fill_ids(fates: Fates, id_: int, email: int) -> None:
    """A record without id takes that of the last record with its e-mail (5a)."""
    known = {row[email]: row[id_] for _, row in fates.rows if row[id_] is not None and row[email] is not None}
    for _, row in fates.rows:
        if row[id_] is None:
            row[id_] = known.get(row[email])


def _let_last_count(fates: Fates, places: Sequence[int], *, is_first: bool) -> None:
    """Of the records with the same key the last one counts (5b, 5d); of the first key none may lack a value."""
    last = {tuple(row[place] for place in places): record.line for record, row in fates.rows}
    rows, fates.rows = fates.rows, []
    for record, row in rows:
        key = tuple(row[place] for place in places)
        if None in key and is_first:
            fates.refuse(record, "null_key")
        elif None in key or last[key] == record.line:
            fates.rows.append((record, row))
        elif is_first:
            fates.duplicate += 1
        else:
            fates.refuse(record, "key_conflict")
