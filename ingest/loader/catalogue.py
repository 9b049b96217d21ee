"""The table as it stands, read from PostgreSQL's catalogue, and the locks that keep it so."""

from typing import Any

from psycopg2.extensions import cursor as Cursor

from ingest.loader.errors import RunFailed
from ingest.loader.names import OWN_COLUMNS
from ingest.loader.standing import Standing
from ingest.loader.statements import tables
from ingest.loader.target import SCHEMA, SHADOW_SCHEMA
from ingest.loader.types import Type

_TABLES = ("r", "p")
_OTHERS = {"v": "a view", "m": "a materialized view", "f": "a foreign table", "S": "a sequence", "i": "an index"}


def read_table(cursor: Cursor, name: str) -> Standing:
    """The table's columns, types and unique keys.

    Raises RunFailed where the name is not a table's, or a column's type is none that the loader knows.
    """
    cursor.execute(tables.TABLE, (SCHEMA, name))
    found = cursor.fetchone()
    if found is None:
        return Standing()
    relkind, columns, uniques, shadowed = found
    if relkind not in _TABLES:
        kind = _OTHERS.get(relkind, "something else")
        raise RunFailed(f"{SCHEMA}.{name} is {kind}, not a table. Rename it, or rename the file and drop it again.")
    return Standing(
        exists=True,
        columns={column: _type(name, column, kind) for column, kind in columns or () if column not in OWN_COLUMNS},
        own=frozenset(column for column, _ in columns or ()) & frozenset(OWN_COLUMNS),
        shadowed=shadowed,
        uniques=frozenset(tuple(key) for key in uniques or ()),
    )


def _type(table: str, column: str, kind: str) -> Type:
    try:
        return Type(kind)
    except ValueError:
        known = ", ".join(known.short for known in Type)
        raise RunFailed(
            f"The column {column} of {SCHEMA}.{table} has the type {kind}, which the loader doesn't write. Change it "
            f"to one of {known}, or rename the file and drop it again."
        ) from None


def has_shadow(cursor: Cursor, name: str) -> bool:
    """Whether before-images of the table are kept."""
    cursor.execute(tables.RELATION, (SHADOW_SCHEMA, name))
    return cursor.fetchone() is not None


def is_empty(cursor: Cursor, name: str, column: str) -> bool:
    """Whether the table holds no value in the column."""
    cursor.execute(tables.has_value(tables.table(name), column))
    return not _one(cursor)


def dependent_views(cursor: Cursor, name: str) -> list[str]:
    """The views that read the table."""
    cursor.execute(tables.DEPENDENT_VIEWS, (SCHEMA, name))
    return [view for (view,) in cursor.fetchall()]


def _one(cursor: Cursor) -> Any:
    row = cursor.fetchone()
    return row[0] if row else None
