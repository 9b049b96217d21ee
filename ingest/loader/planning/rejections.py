"""Why a plan leaves a record out, each reason in DuckDB's SQL and in Python (file-rules#rejects)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ingest.loader.outcome.reject_codes import Cause
from ingest.loader.planning.plan import LONGEST_KEY, Plan
from ingest.loader.types.types import SPACES, Type
from ingest.loader.types.values import unfit, unfit_sql

Cells = Sequence[str | None]
"""The cells of one record, in the order of the plan's columns."""

_SHOWN = 100
"""Characters of an invalid value that its sentence quotes."""
_SHOWN_OF_KEY = 200
"""Characters of a long key that are kept as the reject's value."""


class Rejection(Protocol):
    """A reason to leave records out. In SQL their cells are ``c0``, ``c1``…"""

    @property
    def cause(self) -> Cause: ...
    @property
    def column(self) -> str: ...
    @property
    def sql(self) -> str:
        """The condition under which a record is left out; it may be NULL."""

    @property
    def value_sql(self) -> str:
        """The value at fault."""

    def applies(self, cells: Cells) -> bool:
        """Whether a record is left out."""

    def value(self, cells: Cells) -> str:
        """The value at fault."""

    def sentence(self, value: str) -> str:
        """The reject's sentence for this value."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BadValue:
    """A value that its column can't hold."""

    column: str
    position: int
    type: Type
    cause: Cause = Cause.NOT_OF_TYPE

    @property
    def sql(self) -> str:
        """The condition."""
        return unfit_sql(self.type, self.value_sql)

    @property
    def value_sql(self) -> str:
        """The whole cell."""
        return f"c{self.position}"

    def applies(self, cells: Cells) -> bool:
        """Whether the record has such a value."""
        return unfit(self.type, cells[self.position])

    def value(self, cells: Cells) -> str:
        """The whole cell."""
        return cells[self.position] or ""

    def sentence(self, value: str) -> str:
        """That the value is none of the type."""
        return self.cause.sentence(value=value.strip(SPACES)[:_SHOWN], type=self.type.short)


@dataclass(frozen=True, kw_only=True, slots=True)
class LongKey:
    """An identity that no index entry holds."""

    column: str
    positions: tuple[int, ...]
    cause: Cause = Cause.LONG_KEY

    @property
    def sql(self) -> str:
        """The condition."""
        size = " + ".join(f"coalesce(strlen(c{position}), 0)" for position in self.positions)
        return f"({size}) > {LONGEST_KEY}"

    @property
    def value_sql(self) -> str:
        """The beginning of its first column."""
        return f"coalesce(left(c{self.positions[0]}, {_SHOWN_OF_KEY}), '')"

    def applies(self, cells: Cells) -> bool:
        """Whether the record's key is too long."""
        return sum(len((cells[position] or "").encode()) for position in self.positions) > LONGEST_KEY

    def value(self, cells: Cells) -> str:
        """The beginning of its first column."""
        return (cells[self.positions[0]] or "")[:_SHOWN_OF_KEY]

    def sentence(self, value: str) -> str:
        """That the key is too long."""
        return self.cause.sentence(longest=LONGEST_KEY)


def rejections_of(plan: Plan) -> Iterator[Rejection]:
    """Return each reason to leave a record out; where several apply, the first one counts."""
    positions = {column.name: position for position, column in enumerate(plan.columns)}
    for column in plan.columns:
        if column.rejects:
            yield BadValue(column=column.name, position=positions[column.name], type=column.type)
    for identity in plan.long_keys:
        present = tuple(positions[name] for name in identity if name in positions)
        yield LongKey(column=identity[0], positions=present)
