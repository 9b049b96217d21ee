"""A table as people browse it: its columns and what can be done with each, its key, about how many rows it has."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ingest.browsing.errors import BrowseError
from ingest.loader.source.identifiers import OWN_COLUMNS
from ingest.loader.sql import browsing as statements
from ingest.loader.types.types import Type

_BTREE = "btree"
_PARTITIONED = "p"
_TABLES = ("r", _PARTITIONED)


class Kind(StrEnum):
    """What a column's values are to whoever filters them."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    BOOLEAN = "boolean"
    ORDERED = "ordered"
    OTHER = "other"


_KINDS = {"S": Kind.TEXT, "N": Kind.NUMBER, "D": Kind.TIME, "B": Kind.BOOLEAN, "T": Kind.ORDERED, "E": Kind.ORDERED}
_KINDS |= {"I": Kind.ORDERED}
"""By PostgreSQL's category of the type; ``OTHER`` (JSON, arrays, bytes…) has no order that people mean."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column."""

    name: str
    type: str
    """As people read it."""
    base: str
    """As a value is cast to it; empty for text, which needs none."""
    kind: Kind
    indexed: bool = False
    """Whether an index begins with it."""
    number: int = 0
    """By which an address names it in short: PostgreSQL's own, which no other column of the table ever gets."""

    @property
    def sortable(self) -> bool:
        """Whether its values have an order."""
        return self.kind is not Kind.OTHER

    @property
    def is_instant(self) -> bool:
        """Whether a day is a span of its values."""
        return self.base.startswith("timestamp")


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """One table."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[Column, ...]
    """What tells its rows apart: the columns of its key, else where a row lies (``ctid``)."""
    has_key: bool = True
    estimate: int = -1
    """About how many rows it has; -1 where nobody knows."""
    lowered: tuple[Column, ...] = ()
    """Those whose values an index finds in upper or lower case."""
    by_name: dict[str, Column] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.by_name.update((column.name, column) for column in self.columns)

    @property
    def indexed(self) -> list[Column]:
        """The columns by which rows are found at once."""
        return [column for column in self.columns if column.indexed]

    @property
    def place(self) -> list[str]:
        """The names of the key."""
        return [column.name for column in self.key]


def read(cursor: Any, name: str) -> Table:
    """The table ``name`` as it stands. Raises BrowseError where there is none."""
    cursor.execute(statements.describe(name))
    found = cursor.fetchone()
    if found is None:
        raise BrowseError(
            f"There is no table {name} yet, or no longer: the first file that loads makes it, and somebody may have "
            "dropped or renamed it since."
        )
    relkind, estimate, columns, indexes, lowered = found
    if relkind not in _TABLES:
        raise BrowseError(f"{name} isn't a table any more, but something else of that name: nothing to browse here.")
    if not columns:
        raise BrowseError(f"The table {name} has no columns: nothing to browse here.")
    table = _table(name, relkind, estimate, columns, indexes or [])
    return replace(table, lowered=tuple(table.by_name[each] for each in lowered or ()))


def _table(name: str, relkind: str, estimate: int, told: list[list[Any]], indexes: list[list[Any]]) -> Table:
    ordered = [names for *_, method, names, _ in indexes if method == _BTREE and names]
    first = {names[0] for names in ordered}
    columns = tuple(_column(*each, indexed=each[0] in first) for each in told)
    by_name = {column.name: column for column in columns}
    keys = [names for primary, unique, _, names, filled in indexes if primary or (unique and filled)]
    if keys and all(by_name[part].sortable for part in keys[0]):
        key = tuple(by_name[part] for part in keys[0])
        return Table(name=name, columns=columns, key=key, estimate=estimate)
    system = {"tableoid": "oid", "ctid": "tid"} if relkind == _PARTITIONED else {"ctid": "tid"}
    key = tuple(Column(name=part, type=kind, base=kind, kind=Kind.ORDERED) for part, kind in system.items())
    return Table(name=name, columns=columns, key=key, has_key=False, estimate=estimate)


def _column(name: str, kind: str, base: str, category: str, number: int, *, indexed: bool) -> Column:
    told = _KINDS.get(category, Kind.ORDERED if base == Type.UUID else Kind.OTHER)
    short = Type(kind).short if kind in set(Type) else kind
    return Column(
        name=name,
        type=short,
        base="" if told is Kind.TEXT else base,
        kind=told,
        indexed=indexed and told != Kind.OTHER,
        number=number,
    )


def default_columns(table: Table, most: int) -> tuple[str, ...]:
    """What is shown of a table before anybody has chosen: its first columns, and our own."""
    names = [column.name for column in table.columns]
    if len(names) <= most:
        return tuple(names)
    own = [name for name in names if name in OWN_COLUMNS]
    return (*[name for name in names if name not in own][: most - len(own)], *own)
