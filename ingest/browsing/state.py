"""What is shown of a table, as it stands in the address: nothing is kept anywhere else.

Filters are ``<operator>.<column>=<value>``, so a column may have any name; the rest has one word each. An address that
somebody mangled is read as far as it makes sense, and what doesn't is told.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self
from urllib.parse import urlencode

from ingest.browsing import addresses
from ingest.browsing.table import Column, Kind, Table
from ingest.models import storable

MOST_COLUMNS = 200
MOST_FILTERS = 100
LAST_BY_COUNTING = 100
"""Up to this page rows are counted off; after it a page is found by where the one before it ended."""
_NAMED_COLUMNS = 20
"""Up to so many columns an address names; more of them by their numbers."""
_LAST_PAGE = 1_000_000_000
_LONGEST_VALUE = 10_000
_SHOWN = 60  # characters of a stranger's text in a sentence


class Operator(StrEnum):
    """What a filter asks of a column."""

    IS = "is"
    HAS = "has"
    STARTS = "starts"
    FROM = "from"
    TO = "to"
    EMPTY = "empty"
    NULL = "null"
    FILLED = "filled"

    @property
    def takes_value(self) -> bool:
        """Whether something stands behind it."""
        return self not in (Operator.EMPTY, Operator.NULL, Operator.FILLED)

    @property
    def words(self) -> str:
        """Between column and value, as people read it."""
        return _WORDS[self]


_WORDS = {
    Operator.IS: "is",
    Operator.HAS: "contains",
    Operator.STARTS: "starts with",
    Operator.FROM: "from",
    Operator.TO: "up to",
    Operator.EMPTY: "is NULL or empty",
    Operator.NULL: "is NULL",
    Operator.FILLED: "has a value",
}
_RANGE = (Operator.IS, Operator.FROM, Operator.TO, Operator.NULL, Operator.FILLED)
OPERATORS: dict[Kind, tuple[Operator, ...]] = {
    Kind.TEXT: (Operator.HAS, Operator.IS, Operator.STARTS, Operator.EMPTY, Operator.NULL, Operator.FILLED),
    Kind.NUMBER: _RANGE,
    Kind.TIME: _RANGE,
    Kind.ORDERED: _RANGE,
    Kind.BOOLEAN: (Operator.IS, Operator.NULL, Operator.FILLED),
    Kind.OTHER: (Operator.HAS, Operator.NULL, Operator.FILLED),
}
"""Which filters a column of a kind can have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """One condition on one column; several ``is`` of a column are alternatives, all else must hold together."""

    operator: Operator
    column: str
    value: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """What is shown, and where."""

    q: str = ""
    through: bool = False
    """Whether the text columns are searched though an index has found something."""
    filters: tuple[Filter, ...] = ()
    sort: str = ""
    descending: bool = False
    safe: bool = False
    """Whether an export is to be safe to open in a spreadsheet."""
    columns: tuple[str, ...] = ()
    """Those chosen to be shown; none: as many as there are, up to a limit."""
    numbers: tuple[int, ...] = field(default=(), compare=False)
    """Theirs, one each: an address of many columns names them by these, since it may be some thousand bytes long."""
    page: int = 1
    after: tuple[str | None, ...] = ()
    """The place of the row after which the page begins: its values in the page's order."""
    before: tuple[str | None, ...] = ()
    since: tuple[str | None, ...] = ()
    """The key of the row after which a search goes on, until it finds something."""
    past: int = 0
    """How many rows lie before that."""

    @property
    def narrows(self) -> bool:
        """Whether it shows less than all rows."""
        return bool(self.q or self.filters)

    def but(self, **changes: object) -> Self:
        """This, changed, from its first page on; a search begins with the first rows again."""
        return replace(self, **({"page": 1, "after": (), "before": (), "since": (), "past": 0} | changes))

    def first(self) -> Self:
        """The first page of this."""
        return self.but(since=self.since, past=self.past)

    def without(self, *filters: Filter) -> Self:
        """This without some filters."""
        return self.but(filters=tuple(each for each in self.filters if each not in filters))

    def pairs(self) -> list[tuple[str, str]]:
        """As name and value; ``parse`` reads them back."""
        told = [("q", self.q)] if self.q else []
        told += [("through", "1")] if self.through else []
        told += [("safe", "1")] if self.safe else []
        told += [(f"{each.operator}.{each.column}", each.value) for each in self.filters]
        told += [("desc" if self.descending else "sort", self.sort)] if self.sort else []
        told += self._columns()
        told += [("page", str(self.page))] if self.page > 1 else []
        told += [("after", addresses.packed(self.after))] if self.after else []
        told += [("before", addresses.packed(self.before))] if self.before else []
        told += [("since", addresses.packed(self.since)), ("past", str(self.past))] if self.since and self.q else []
        return told

    def _columns(self) -> list[tuple[str, str]]:
        if len(self.columns) > _NAMED_COLUMNS and len(self.numbers) == len(self.columns) and all(self.numbers):
            return [("columns", addresses.as_ranges(self.numbers))]
        return [("column", name) for name in self.columns]

    def query(self) -> str:
        """As it stands behind an address, the question mark included."""
        return f"?{urlencode(self.pairs())}"


@dataclass
class _Reading:
    """A state while its address is read, and what was wrong with that."""

    table: Table
    complaints: list[str] = field(default_factory=list)

    def column(self, name: str) -> Column | None:
        found = self.table.by_name.get(name)
        if found is None:
            self.complaints.append(f"The table has no column {_cut(name)}, so that part was left out.")
        return found

    def place(self, told: str, length: int) -> tuple[str | None, ...]:
        place = addresses.unpacked(told, length)
        if not place:
            self.complaints.append("Where the page begins can't be read; this is the first one.")
        return place

    def numbered(self, told: str) -> dict[str, None]:
        """The columns of these numbers, written like 1-30,45."""
        by_number = {column.number: column.name for column in self.table.columns if column.number}
        numbers = addresses.from_ranges(told)
        found = {by_number[number]: None for number in numbers if number in by_number}
        if not numbers or len(found) < len(numbers):
            self.complaints.append("Some columns that the address names aren't in the table any more: left out.")
        return found

    def page(self, told: str) -> int:
        number = int(told) if told.isascii() and told.isdecimal() and len(told) < 12 else 0
        if not 1 <= number <= _LAST_PAGE:
            self.complaints.append(f"There is no page {_cut(told)}; this is the first one.")
            return 1
        return number

    def filter(self, operator: Operator, name: str, value: str) -> Filter | None:
        column = self.column(name)
        if column is None:
            return None
        if operator not in OPERATORS[column.kind]:
            self.complaints.append(f"{_cut(name)} ({column.type}) can't be asked for “{operator.words}”: left out.")
            return None
        return Filter(operator=operator, column=name, value=value if operator.takes_value else "")


def parse(pairs: Iterable[tuple[str, str]], table: Table) -> tuple[State, list[str]]:
    """The state that an address names, and a sentence for each part of it that makes no sense."""
    reading = _Reading(table)
    told: dict[str, str] = {}
    columns: dict[str, None] = {}
    filters: dict[Filter, None] = {}
    for name, value in pairs:
        if storable(value) != value or storable(name) != name or len(value) > _LONGEST_VALUE:
            reading.complaints.append(f"What {_cut(name)} is to be can't be read, or is too long: left out.")
            continue
        operator, dot, column = name.partition(".")
        if dot and operator in set(Operator):
            found = reading.filter(Operator(operator), column, value)
            filters |= {found: None} if found else {}
        elif name == "column":
            columns |= {value: None} if value and reading.column(value) else {}
        elif name == "columns":
            columns |= reading.numbered(value)
        elif name in _WORDS_OF_STATE:
            told[name] = value
        else:
            reading.complaints.append(f"This page doesn't know what {_cut(name)} is; it was left out.")
    shown = tuple(columns)[:MOST_COLUMNS]
    state = State(
        q=told.get("q", "").strip(),
        through=told.get("through") == "1",
        safe=told.get("safe") == "1",
        filters=tuple(filters)[:MOST_FILTERS],
        columns=shown,
        numbers=tuple(table.by_name[name].number for name in shown),
    )
    if len(filters) > MOST_FILTERS:
        reading.complaints.append(
            f"At most {MOST_FILTERS} filters apply at a time: the first {MOST_FILTERS} of {len(filters):,}."
        )
    if len(columns) > MOST_COLUMNS:
        reading.complaints.append(
            f"At most {MOST_COLUMNS} columns are shown at a time: the first {MOST_COLUMNS} of {len(columns):,}."
        )
    return _placed(_sorted(state, told, reading), told, reading), reading.complaints


_WORDS_OF_STATE = ("q", "through", "safe", "sort", "desc", "page", "after", "before", "since", "past")


def _sorted(state: State, told: dict[str, str], reading: _Reading) -> State:
    word = "desc" if "desc" in told else "sort"
    column = reading.column(told[word]) if told.get(word) else None
    if column is None:
        return state
    if not column.sortable:
        reading.complaints.append(f"{_cut(column.name)} ({column.type}) has no order: not sorted by it.")
        return state
    return replace(state, sort=column.name, descending=word == "desc")


def _placed(state: State, told: dict[str, str], reading: _Reading) -> State:
    length = len(ordered(state, reading.table)) or len(reading.table.key)
    page = reading.page(told["page"]) if "page" in told else 1
    after = reading.place(told["after"], length) if "after" in told else ()
    before = reading.place(told["before"], length) if "before" in told and not after else ()
    state = replace(state, page=page if page > 1 else 1, after=after, before=before)
    if not (state.q and told.get("since")):
        return state
    since = addresses.unpacked(told["since"], len(reading.table.key))
    past = told.get("past", "")
    if not since or since[0] is None or not (past.isascii() and past.isdecimal() and len(past) < 16):
        reading.complaints.append("The position where this search continues is invalid; these are the first rows.")
        return state.but()
    return replace(state, since=since, past=int(past))


def ordered(state: State, table: Table) -> list[Column]:
    """By which columns the rows are ordered: the chosen one, then the key; none where rows come as they lie."""
    if not state.sort:
        return list(table.key) if table.has_key else []
    chosen = table.by_name[state.sort]
    return [chosen, *(column for column in table.key if column != chosen)]


def _cut(text: str) -> str:
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[:_SHOWN])
    return f"“{shown}{'…' if len(text) > _SHOWN else ''}”"
