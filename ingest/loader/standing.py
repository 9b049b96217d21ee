"""The table as it stands before a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.loader.types import Type


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """What the catalogue says of a destination table; compared by value to see whether it changed meanwhile."""

    exists: bool = False
    columns: Mapping[str, Type] = field(default_factory=dict)
    """The columns that came from files, in the table's order, without our own."""
    empty: frozenset[str] = frozenset()
    """Columns known to hold no value yet: they take the file's type."""
    own: frozenset[str] = frozenset()
    """Which of our own columns it has."""
    shadowed: bool = False
    """Whether it has a shadow with before-images."""
    uniques: frozenset[tuple[str, ...]] = frozenset()
    """The column lists of its primary key and of its unique indexes, sorted."""
