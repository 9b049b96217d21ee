"""Facets: the values of columns that have few, each with about how many rows have it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.browsing.searching import Question
from ingest.browsing.state import Filter, Operator, State
from ingest.browsing.table import Column, Table
from ingest.loader.sql import browsing as statements

MOST_VALUES = 10
MOST_FACETS = 8
_FEW = 3
_MOST_COLUMNS = 24
_LONGEST = 60
_ROWS = 10_000
_NEVER = ("processed_at",)

Fetch = Callable[[Any], list[tuple[Any, ...]] | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """One value of a column."""

    filter: Filter
    rows: int
    chosen: bool

    @property
    def is_null(self) -> bool:
        """Whether it is none."""
        return self.filter.operator is Operator.NULL


@dataclass(frozen=True, kw_only=True, slots=True)
class Facets:
    """Columns with their values."""

    of: list[tuple[Column, list[Choice]]]
    estimated: bool = False
    """Whether the numbers are the planner's estimates."""
    of_first: int | None = None
    """Of how many rows they were counted, where not of all."""
    took_too_long: bool = False
    """Whether there are none because counting was stopped."""
    cut: frozenset[str] = frozenset()
    """Columns that have more values than are listed."""


def find(fetch: Fetch, state: State, table: Table, question: Question, columns: Sequence[Column]) -> Facets:
    """The facets of what is shown; none where that takes too long."""
    candidates = [c for c in columns if c.sortable and c not in table.key and c.name not in _NEVER]
    if not candidates:
        return Facets(of=[])
    if not state.narrows and table.estimate > _ROWS:
        found = fetch(statements.known_facets(table.name, MOST_VALUES, _LONGEST)) or []
        known = {name: _known(values, shares, null, table.estimate) for name, values, shares, null in found}
        return Facets(of=_facets(state, candidates, known), estimated=True)
    candidates = candidates[:_MOST_COLUMNS]
    names = [column.name for column in candidates]
    found = fetch(
        statements.counted_facets(
            question.source, question.conditions, names, most=MOST_VALUES, longest=_LONGEST, rows=_ROWS
        )
    )
    counted: dict[str, list[tuple[str | None, int]]] = {}
    for at, value, rows in found or []:
        counted.setdefault(names[at], []).append((value, rows))
    rows = sum(number for _, number in next(iter(counted.values()), []))
    return Facets(
        of=_facets(state, candidates, counted),
        of_first=rows if rows >= _ROWS else None,
        took_too_long=found is None,
        cut=frozenset(name for name, values in counted.items() if len(values) > MOST_VALUES),
    )


def _known(values: Sequence[str], shares: Sequence[float], null: float, rows: int) -> list[tuple[str | None, int]]:
    counts: list[tuple[str | None, int]] = [
        (value, round(share * rows)) for value, share in zip(values, shares, strict=True)
    ]
    return counts + ([(None, round(null * rows))] if null else [])


def _facets(
    state: State, columns: Sequence[Column], counts: dict[str, list[tuple[str | None, int]]]
) -> list[tuple[Column, list[Choice]]]:
    facets = []
    for column in columns:
        found = counts.get(column.name, [])
        choices = [_choice(state, column.name, value, rows) for value, rows in found]
        chosen = any(choice.chosen for choice in choices)
        if chosen or (1 < len(found) <= MOST_VALUES and _repeat(found)):
            facets.append((column, choices[:MOST_VALUES]))
    return facets[:MOST_FACETS]


def _repeat(found: Sequence[tuple[str | None, int]]) -> bool:
    """Whether the values are short, and fewer than the rows by far."""
    short = all(value is None or len(value) <= _LONGEST for value, _ in found)
    values = [rows for value, rows in found if value is not None]
    return short and len(values) < sum(values) and (len(values) <= _FEW or 2 * len(values) <= sum(values))


def _choice(state: State, column: str, value: str | None, rows: int) -> Choice:
    asked = Filter(operator=Operator.NULL if value is None else Operator.IS, column=column, value=value or "")
    return Choice(filter=asked, rows=rows, chosen=asked in state.filters)
