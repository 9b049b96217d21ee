"""How a test loads a file, in one transaction as a run does, and what it finds in the table then."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg2.extensions import connection as Connection
from psycopg2.sql import SQL, Identifier

from ingest.loader.load import load
from ingest.loader.outcome.errors import RunFailed, RunUnclear
from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.target import SCHEMA, Target
from ingest.loader.records.split import LONGEST
from ingest.loader.source.dialect.dialect import HEAD, Dialect, Pinned, examine
from ingest.loader.source.dialect.question import offers
from ingest.loader.source.local_file import LocalFile

OWN = ("processed_at", "run_id", "record_id")

_COLUMNS = """
    select attname, format_type(atttypid, atttypmod) from pg_attribute
    where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum
"""


def load_bytes(
    connection: Connection,
    content: bytes,
    target: Target,
    *,
    dialect: Dialect | Pinned | None = None,
    longest: int = LONGEST,
) -> Outcome | RunFailed:
    """Load ``content`` and commit; a run that fails is rolled back, and what it raised returned."""
    with tempfile.TemporaryDirectory() as folder:
        source, scratch = Path(folder, "source"), Path(folder, "scratch")
        source.write_bytes(content)
        scratch.mkdir()
        try:
            settled = isinstance(dialect, Dialect) or (dialect is not None and dialect.quote is not None)
            if not isinstance(dialect, Dialect):
                found = examine(content[:HEAD], pinned=dialect, known=target.headers)
                if found.doubt and longest == LONGEST:  # a shorter record may be none that the head shows
                    raise RunUnclear(found.doubt, [offer.to_json() for offer in offers(content, found.dialects)])
                dialect = found.dialect
            file = LocalFile(path=source, dialect=dialect, scratch=scratch, longest_record=longest, settled=settled)
            outcome = load(connection, file, target)
        except RunFailed as failure:
            connection.rollback()
            return failure
        except BaseException:
            connection.rollback()
            raise
        connection.commit()
        return outcome


@dataclass(frozen=True, kw_only=True)
class Found:
    """A table as PostgreSQL gives it back: every cell as text, in ISO and UTC."""

    kinds: dict[str, str]
    """Column -> type, our own columns left out."""
    rows: list[dict[str, Any]]
    """Column -> text, with ``run_id`` as a number, ``processed_at`` as text and ``record_id`` if there is one."""


SHORT = {
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
}


def read_table(connection: Connection, table: str) -> Found | None:
    """The table as it stands; None if there is none."""
    with connection.cursor() as cursor:
        cursor.execute("set timezone = 'UTC'; set datestyle = 'ISO'; set extra_float_digits = 1")
        cursor.execute(_COLUMNS, [SQL("{}").format(Identifier(SCHEMA, table)).as_string(cursor)])
        kinds = {name: SHORT.get(kind, kind) for name, kind in cursor.fetchall()}
        if not kinds:
            connection.commit()
            return None
        cells = SQL(", ").join(SQL("{}::text").format(Identifier(name)) for name in kinds)
        cursor.execute(SQL("select {} from {}").format(cells, Identifier(SCHEMA, table)))
        rows = [dict(zip(kinds, row, strict=True)) for row in cursor.fetchall()]
    connection.commit()
    for row in rows:
        for name in ("run_id", "record_id"):
            if row.get(name) is not None:
                row[name] = int(row[name])
    return Found(kinds={name: kind for name, kind in kinds.items() if name not in OWN}, rows=rows)
