"""The table as it stands, read from PostgreSQL's catalogue, and the locks that keep it so."""

from typing import Any

from psycopg2.extensions import cursor as Cursor

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.target import SCHEMA, SHADOW_SCHEMA
from ingest.loader.planning.current_table import CurrentTable
from ingest.loader.source.identifiers import OWN_COLUMNS
from ingest.loader.sql import tables
from ingest.loader.types.types import Type

_TABLES = ("r", "p")
_OTHER_RELATIONS = {
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "S": "a sequence",
    "i": "an index",
}


def read_table(cursor: Cursor, name: str) -> CurrentTable:
    """The table's columns, types and unique keys.

    Raises RunFailed where the name is not a table's.
    """
    cursor.execute(tables.describe(SCHEMA, name))
    return _current(cursor, name)


def lock_and_read_table(cursor: Cursor, name: str, *, ddl: bool) -> CurrentTable:
    """Lock the table, against readers too where ``ddl`` is to follow; what it is like once the lock is ours."""
    cursor.execute(tables.batch(tables.lock_table(name, ddl=ddl), tables.describe(SCHEMA, name)))
    return _current(cursor, name)


def _current(cursor: Cursor, name: str) -> CurrentTable:
    found = cursor.fetchone()
    if found is None:
        return CurrentTable()
    relkind, columns, uniques, shadow, caseless = found
    if relkind not in _TABLES:
        kind = _OTHER_RELATIONS.get(relkind, "something else")
        raise RunFailed(f"{SCHEMA}.{name} is {kind}, not a table. Rename it, or rename the file and drop it again.")
    kinds = {column: kind for column, kind, _ in columns or () if column not in OWN_COLUMNS}
    generated = frozenset(column for column, _, generated in columns or () if generated)
    supported = {column: Type(kind) for column, kind in kinds.items() if kind in set(Type) and column not in generated}
    return CurrentTable(
        exists=True,
        columns=supported,
        foreign={column: kind for column, kind in kinds.items() if column not in supported},
        generated=generated,
        own=frozenset(column for column, *_ in columns or ()) & frozenset(OWN_COLUMNS),
        shadow=None if shadow is None else frozenset(shadow),
        uniques=frozenset(tuple(key) for key in uniques or ()),
        caseless=frozenset(tuple(key) for key in caseless or ()),
    )


def read_shadow(cursor: Cursor, name: str) -> frozenset[str] | None:
    """The columns of which before-images of the table are kept; None where there are none."""
    cursor.execute(tables.describe(SHADOW_SCHEMA, name))
    found = cursor.fetchone()
    return None if found is None else frozenset(column for column, *_ in found[1])


def is_empty(cursor: Cursor, name: str, column: str) -> bool:
    """Whether the table holds no value in the column."""
    cursor.execute(tables.has_value(tables.table(name), column))
    return not _first_value(cursor)


def warn_of_name(cursor: Cursor, name: str) -> str:
    """Return a sentence where SQL that names the table without its schema finds another relation; else ""."""
    cursor.execute(tables.FOUND_FIRST, (SCHEMA, name))
    found = cursor.fetchone()
    if found is None:
        return ""
    schema, relkind, qualified = found
    kind = _OTHER_RELATIONS.get(relkind, "a table").capitalize()
    return f"{kind} named {name} exists in schema {schema} too: write {qualified}."


def dependent_views(cursor: Cursor, name: str) -> list[str]:
    """The views that read the table."""
    cursor.execute(tables.DEPENDENT_VIEWS, (SCHEMA, name))
    return [view for (view,) in cursor.fetchall()]


def _first_value(cursor: Cursor) -> Any:
    row = cursor.fetchone()
    return row[0] if row else None
