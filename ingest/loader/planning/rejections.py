"""Why a plan leaves a record out, each reason in DuckDB's SQL and in Python (file-rules#rejects)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ingest.loader.outcome.rejects import Code
from ingest.loader.planning.plan import LONGEST_KEY, Plan
from ingest.loader.types.types import Type
from ingest.loader.types.values import unfit, unfit_sql

Cells = Sequence[str | None]
"""The cells of one record, in the order of the plan's columns."""

_SHOWN = 200
"""Characters of a long key that are shown."""


class Rejection(Protocol):
    """A reason to leave records out. In SQL their cells are ``c0``, ``c1``…"""

    @property
    def code(self) -> Code: ...
    @property
    def column(self) -> str: ...
    @property
    def sql(self) -> str:
        """The condition under which a record is left out; it may be NULL."""

    @property
    def value_sql(self) -> str:
        """The value that is to blame."""

    def meets(self, cells: Cells) -> bool:
        """Whether a record is left out."""

    def value(self, cells: Cells) -> str:
        """The value that is to blame."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BadValue:
    """A value that its column can't hold."""

    column: str
    position: int
    type: Type
    code: Code = Code.BAD_VALUE

    @property
    def sql(self) -> str:
        """The condition."""
        return unfit_sql(self.type, self.value_sql)

    @property
    def value_sql(self) -> str:
        """The whole cell."""
        return f"c{self.position}"

    def meets(self, cells: Cells) -> bool:
        """Whether the record has such a value."""
        return unfit(self.type, cells[self.position])

    def value(self, cells: Cells) -> str:
        """The whole cell."""
        return cells[self.position] or ""


@dataclass(frozen=True, kw_only=True, slots=True)
class LongKey:
    """An identity that no index entry holds."""

    column: str
    positions: tuple[int, ...]
    code: Code = Code.TOO_LONG

    @property
    def sql(self) -> str:
        """The condition."""
        size = " + ".join(f"coalesce(strlen(c{position}), 0)" for position in self.positions)
        return f"({size}) > {LONGEST_KEY}"

    @property
    def value_sql(self) -> str:
        """The beginning of its first column."""
        return f"coalesce(left(c{self.positions[0]}, {_SHOWN}), '')"

    def meets(self, cells: Cells) -> bool:
        """Whether the record's key is too long."""
        return sum(len((cells[position] or "").encode()) for position in self.positions) > LONGEST_KEY

    def value(self, cells: Cells) -> str:
        """The beginning of its first column."""
        return (cells[self.positions[0]] or "")[:_SHOWN]


def rejections_of(plan: Plan) -> Iterator[Rejection]:
    """Each reason to leave a record out; the first that holds is the record's fate."""
    positions = {column.name: position for position, column in enumerate(plan.columns)}
    for column in plan.columns:
        if column.rejects:
            yield BadValue(column=column.name, position=positions[column.name], type=column.type)
    for identity in plan.long_keys:
        found = tuple(positions[name] for name in identity if name in positions)
        yield LongKey(column=identity[0], positions=found)
