"""Undo: the rows that a run inserted go, those that it changed or deleted come back exactly (file-rules#undo)."""

from dataclasses import dataclass

from psycopg2.extensions import connection as Connection

from ingest.loader.load import lock
from ingest.loader.outcome.errors import RunFailed
from ingest.loader.planning.identities import Identities, caseless_columns
from ingest.loader.sql import before_images, tables
from ingest.loader.sql.matching import Matching
from ingest.loader.writing.catalog import read_shadow, read_table

LISTED = 1_000
"""At most so many rows that stay are listed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Undone:
    """What an undo did."""

    removed: int
    """Rows that the run had inserted."""
    restored: int
    """Rows that it had changed."""
    reinserted: int
    """Rows that it had deleted."""
    stayed: tuple[tuple[str, str], ...]
    """Rows left as they are: key, and why: ``changed`` or ``deleted`` since, or their old identity ``taken``."""


def undo(
    connection: Connection, table: str, identities: Identities, run_id: int, *, ignore_email_case: bool = False
) -> Undone:
    """Take back what is left of a run in its table, in the caller's transaction.

    It can be repeated: what stays now can be taken back once the run that stands in the way is undone. Raises
    RunFailed where the table isn't there any more.
    """
    lock(connection, table)
    with connection.cursor() as cursor:
        current = read_table(cursor, table)
        if not current.exists or "run_id" not in current.own:
            raise RunFailed(f"The table {table} is gone or has no column run_id: there is nothing to undo.")
        cursor.execute(tables.lock_table(table, ddl=False))
        kept = read_shadow(cursor, table)
        if not identities or kept is None:
            cursor.execute(before_images.remove_inserted(table, (), run_id))
            return Undone(removed=cursor.rowcount, restored=0, reinserted=0, stayed=())
        names = [name for name in current.all_columns() if name in kept]
        match = Matching(caseless_columns(identities, current.columns, ignore_case=ignore_email_case))
        for statement in before_images.find_back(table, identities, run_id, match):
            cursor.execute(statement)
        cursor.execute(before_images.remove_inserted(table, identities, run_id, match))
        removed = cursor.rowcount
        for statement in before_images.mark_staying(table, identities, match):
            cursor.execute(statement)
        cursor.execute(before_images.put_back(table, names))
        restored = cursor.rowcount
        cursor.execute(before_images.reinsert(table, names))
        reinserted = cursor.rowcount
        cursor.execute(before_images.staying(identities[0], LISTED))
        stayed = cursor.fetchall()
        cursor.execute(before_images.changed_since(table, identities, run_id, LISTED, match))
        stayed += cursor.fetchall()
        cursor.execute(before_images.forget_back(table))
    return Undone(removed=removed, restored=restored, reinserted=reinserted, stayed=tuple(stayed))


def forget(connection: Connection, table: str, runs: list[int]) -> None:
    """Give up the undo of ``runs``: their before-images go."""
    with connection.cursor() as cursor:
        if read_shadow(cursor, table) is not None:
            cursor.execute(before_images.forget(table, runs))
