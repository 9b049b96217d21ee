"""What a state asks for, as conditions: pure, but for asking PostgreSQL which values are of their column's type."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from psycopg2.sql import Composable

from ingest.browsing.state import Filter, Operator, State, ordered
from ingest.browsing.table import Column, Kind, Table
from ingest.loader.sql import browsing as statements

_COMPARED = (Operator.IS, Operator.FROM, Operator.TO)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def checked(cursor: Any, state: State, table: Table) -> tuple[State, list[str], list[Column]]:
    """The state without values that are none of their type, a sentence for each, and the columns that ``q`` may equal.

    PostgreSQL is the judge: one question for all values.
    """
    asked: list[tuple[object, str, str]] = []
    for each in state.filters:
        base = table.by_name[each.column].base
        if each.operator in _COMPARED and base:
            asked.append((each, each.value, base))
    place = state.after or state.before
    columns = ordered(state, table) or table.key
    asked += [("place", text, c.base) for text, c in zip(place, columns) if text is not None and c.base]  # noqa: B905
    asked += [("since", text or "", c.base) for text, c in zip(state.since, table.key) if c.base]  # noqa: B905
    found = [column for column in table.indexed if state.q]
    asked += [(column, state.q, column.base) for column in found if column.base]
    wrong = _wrong(cursor, asked)
    complaints = [
        f"“{refused.value[:60]}” is not a valid {table.by_name[refused.column].type}: the filter on {refused.column} "
        "was left out."
        for refused in wrong
        if isinstance(refused, Filter)
    ]
    if "place" in wrong:
        complaints.append("Where the page begins can't be read; this is the first one.")
        state = state.but()
    if "since" in wrong:
        complaints.append("Where the search goes on can't be read; these are the first rows.")
        state = state.but()
    kept = tuple(each for each in state.filters if each not in wrong)
    return replace(state, filters=kept), complaints, [column for column in found if column not in wrong]


def _wrong(cursor: Any, asked: Sequence[tuple[object, str, str]]) -> list[object]:
    if not asked:
        return []
    cursor.execute(statements.are_valid([(text, base) for _, text, base in asked]))
    return [each for (each, *_), valid in zip(asked, cursor.fetchone(), strict=True) if not valid]


def of_filters(state: State, table: Table) -> list[Composable]:
    """The filters: all must hold, but several values that one column may have."""
    conditions, choices = [], {}
    for each in state.filters:
        column = table.by_name[each.column]
        if each.operator is Operator.IS and not _is_day(column, each.value):
            choices.setdefault(column.name, []).append(each.value)
        else:
            conditions += _condition(column, each)
    for name, values in choices.items():
        conditions.append(statements.is_one_of(name, table.by_name[name].base, values))
    return conditions


def _condition(column: Column, asked: Filter) -> list[Composable]:
    name, base, value = column.name, column.base, asked.value
    match asked.operator:
        case Operator.HAS:
            return [statements.contains(name, value)]
        case Operator.STARTS:
            return [statements.contains(name, value, at_start=True)]
        case Operator.EMPTY:
            return [statements.is_empty(name)]
        case Operator.NULL:
            return [statements.is_null(name)]
        case Operator.FILLED:
            return [statements.is_filled(name, text=column.kind is Kind.TEXT)]
    # A day, asked of a column of instants, is all of them until the next day.
    until = [statements.compares(name, "<=", value, base)]
    if _is_day(column, value):
        until = [statements.compares(name, "<", value, base, days=1)]
    since = [statements.compares(name, ">=", value, base)]
    return {Operator.FROM: since, Operator.TO: until, Operator.IS: since + until}[asked.operator]


def _is_day(column: Column, value: str) -> bool:
    return column.is_instant and _DAY.fullmatch(value.strip()) is not None


def beyond(columns: Sequence[Column], place: Sequence[str | None], *, descending: bool) -> list[list[Composable]]:
    """The rows behind a place, as parts to be read one after the other; NULL comes last, and first where descending."""
    first, names, kinds = columns[0].name, [c.name for c in columns], [c.base for c in columns]
    if place[0] is None:
        rest = statements.beyond(
            names[1:], [text for text in place[1:] if text is not None], kinds[1:], descending=descending
        )
        same = [statements.is_null(first), rest]
        return [same, [statements.is_filled(first, text=False)]] if descending else [same]
    behind = [statements.beyond(names, [text or "" for text in place], kinds, descending=descending)]
    return [behind] if descending or len(columns) == 1 else [behind, [statements.is_null(first)]]
