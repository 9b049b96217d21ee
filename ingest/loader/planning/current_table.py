"""The table as it stands before a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.loader.types.types import Type


@dataclass(frozen=True, kw_only=True, slots=True)
class CurrentTable:
    """What the catalogue says of a destination table; compared by value to see whether it changed meanwhile."""

    exists: bool = False
    columns: Mapping[str, Type] = field(default_factory=dict)
    """The columns that came from files, in the table's order, without our own."""
    foreign: Mapping[str, str] = field(default_factory=dict)
    """Columns that somebody else made, of types that the loader doesn't write, by that type; no file may have them."""
    generated: frozenset[str] = frozenset()
    """Those of ``foreign`` that PostgreSQL computes."""
    empty: frozenset[str] = frozenset()
    """Columns known to hold no value yet: they take the file's type."""
    own: frozenset[str] = frozenset()
    """Which of our own columns it has."""
    shadow: frozenset[str] | None = None
    """The columns of its shadow with before-images; None where it has none."""
    uniques: frozenset[tuple[str, ...]] = frozenset()
    """The column lists of its primary key and of its unique indexes, sorted."""
    caseless: frozenset[tuple[str, ...]] = frozenset()
    """The column lists of its unique indexes that ignore the case of e-mails, sorted."""

    def all_columns(self, *more: str) -> list[str]:
        """Every column that a row is made of, ``more`` ones included that it is about to get."""
        foreign = (name for name in self.foreign if name not in self.generated)
        return list(dict.fromkeys([*self.columns, *foreign, *more, "processed_at", "run_id", *sorted(self.own)]))
