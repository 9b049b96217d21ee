"""The least and the greatest value of a column, in DuckDB's SQL and in Python.

Values are ordered as their type orders them: texts by their characters' numbers, numbers as 64-bit floats, times as
instants.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ingest.loader.types.types import Type
from ingest.loader.types.values import instant_sql, integer_sql, number_sql

Extremes = tuple[str, str]
"""The least and the greatest value, as they are in the file."""


def extremes(kind: Type, values: Iterable[str]) -> Extremes | None:
    """Return the least and the greatest of ``values`` as ``kind`` orders them; None if there are none."""
    known = list(values)
    order = _ORDER.get(kind, str)
    return (min(known, key=order), max(known, key=order)) if known else None


def extremes_sql(kind: Type, cell: str, where: str = "") -> str:
    """Return SQL for the same of all cells: a list of two, NULL without a value. ``where`` filters the cells."""
    by = _ORDER_SQL.get(kind, "{}").replace("{}", cell)
    kept = f" filter (where {where})" if where else ""
    if by == cell:  # a quarter of what the other form takes
        return f"[min({cell}){kept}, max({cell}){kept}]"
    return f"[arg_min({cell}, {by}){kept}, arg_max({cell}, {by}){kept}]"


def found_extremes(answers: Mapping[Type, Sequence[str | None] | None]) -> dict[Type, Extremes]:
    """Return DuckDB's results for the types that have a value."""
    result = {}
    for kind, answer in answers.items():
        least, greatest = answer or (None, None)
        if least is not None and greatest is not None:
            result[kind] = (least, greatest)
    return result


def _instant(value: str) -> datetime:
    date, time = value[:11], value[11:].replace(" ", "")
    return datetime.fromisoformat(date + time).astimezone(UTC)


_ORDER: dict[Type, Callable[[str], Any]] = {
    Type.BOOLEAN: str.lower,
    Type.BIGINT: int,
    Type.NUMERIC: float,
    Type.TIMESTAMP: lambda value: value.replace("T", " "),
    Type.TIMESTAMPTZ: _instant,
    Type.UUID: str.lower,
}
_ORDER_SQL: dict[Type, str] = {
    Type.BOOLEAN: "lower({})",
    Type.BIGINT: integer_sql("{}"),
    Type.NUMERIC: number_sql("{}"),
    Type.TIMESTAMP: "replace({}, 'T', ' ')",
    Type.TIMESTAMPTZ: instant_sql("{}"),
    Type.UUID: "lower({})",
}
