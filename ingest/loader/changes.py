"""What a run has changed in its table, by a bounded look, and what its undo would do; nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psycopg2 import errors
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.sql import Composed

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.planning.identities import Identities, caseless_columns
from ingest.loader.sql import changes
from ingest.loader.sql.matching import Matching
from ingest.loader.writing.catalog import read_table

SHOWN = 20
"""Rows of each kind in a sample."""
COMPARED = 10_000
"""Changed rows that are compared column by column."""
WIDE = 12
"""Columns of an inserted or deleted row that are shown."""

MOST_COLUMNS = 800
"""Columns that are compared: a join of old and new rows has at most 1,664."""

Text = str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedRow:
    """One row before and after a run."""

    key: Mapping[str, Text]
    cells: Mapping[str, tuple[Text, Text]]
    """The columns that differ, old and new, each cut."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """A sample of what a run changed. Texts are as PostgreSQL writes them; None is NULL."""

    changed: Sequence[ChangedRow] = ()
    deleted: Sequence[Mapping[str, Text]] = ()
    inserted: Sequence[Mapping[str, Text]] = ()
    by_column: Mapping[str, int] = field(default_factory=dict)
    """Of the rows compared, in how many each column differs; those in none are left out."""
    compared: int = 0
    """Changed rows of which it is known how the run left them, of the first ``COMPARED``."""
    uncompared: int = 0
    """Columns beyond ``MOST_COLUMNS``, which aren't compared."""
    again: int = 0
    """Those that were changed or deleted again since, and aren't kept as the run left them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UndoPreview:
    """What an undo would do now."""

    removed: int
    """Rows that the run inserted."""
    restored: int = 0
    """Rows that it changed."""
    reinserted: int = 0
    """Rows that it deleted."""
    changed: int = 0
    """Rows that stay, since a later run has changed or deleted them."""
    taken: int = 0
    """Rows that stay away or as they are, since another row has their old key."""


def changes_of(
    connection: Connection,
    table: str,
    identities: Identities,
    run_id: int,
    *,
    own_transaction: bool,
    ignore_email_case: bool = False,
) -> Changes:
    """A sample of what the run changed.

    Within the load's ``own_transaction`` also of what it inserted: later, those would have to be looked for in the
    whole table. The caller rolls back to where it stood. Raises RunFailed where the table isn't there any more; the
    driver's errors where that takes too long.
    """
    with connection.cursor() as cursor:
        cursor.execute(changes.SOON if own_transaction else changes.BRIEFLY)
        current = read_table(cursor, table)
        if not current.exists:
            raise RunFailed(f"The table {table} isn't there any more.")
        kept = current.shadow
        match = Matching(caseless_columns(identities, current.columns, ignore_case=ignore_email_case))
        inserted: Sequence[Mapping[str, Text]] = ()
        if own_transaction:
            names = list(current.columns)[:WIDE]
            statement = changes.inserted_rows(table, names, identities, run_id, SHOWN, match, kept=kept is not None)
            inserted = _rows(cursor, statement, names)
        if kept is None or not identities:
            return Changes(inserted=inserted)
        known = [name for name in current.columns if name in kept]
        names = known[:MOST_COLUMNS]
        place = _Place(cursor=cursor, table=table, names=names, identities=identities, run_id=run_id, match=match)
        found, compared, counts, changed = _compared(place)
        return Changes(
            changed=changed,
            deleted=_rows(cursor, changes.deleted_rows(table, names[:WIDE], run_id, SHOWN), names[:WIDE]),
            inserted=inserted,
            by_column={name: count for name, count in zip(names, counts, strict=True) if count},
            compared=compared,
            uncompared=len(known) - len(names),
            again=found - compared,
        )


def preview_undo(
    connection: Connection, table: str, identities: Identities, run_id: int, *, ignore_email_case: bool = False
) -> UndoPreview:
    """What ``undo`` would do now, without doing it. Raises as ``look`` does."""
    with connection.cursor() as cursor:
        cursor.execute(changes.BRIEFLY)
        current = read_table(cursor, table)
        if not current.exists or "run_id" not in current.own:
            raise RunFailed(f"The table {table} is gone or has no column run_id: there is nothing to undo.")
        if not identities or current.shadow is None:
            cursor.execute(changes.count_inserted(table, run_id))
            (removed,) = cursor.fetchone() or (0,)
            return UndoPreview(removed=removed)
        match = Matching(caseless_columns(identities, current.columns, ignore_case=ignore_email_case))
        cursor.execute(changes.preview_undo(table, identities, run_id, match))
        removed, restored, reinserted, changed, taken, since = cursor.fetchone() or (0,) * 6
    return UndoPreview(removed=removed, restored=restored, reinserted=reinserted, changed=changed + since, taken=taken)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Place:
    """Where a run's changes are looked for."""

    cursor: Cursor
    table: str
    names: Sequence[str]
    """The columns that are compared."""
    identities: Identities
    run_id: int
    match: Matching


def _compared(place: _Place) -> tuple[int, int, Sequence[int], list[ChangedRow]]:
    """How many rows the run changed, how many of them are compared, the changes by column, and some rows.

    What a later run has changed again is looked for among the images only if there is any: by a pass over all of them.
    """
    found, compared, counts = _counted(place, overtaken=False)
    changed = _changed(place, SHOWN, overtaken=False) if compared else []
    if found <= compared:
        return found, compared, counts, changed
    place.cursor.execute("savepoint overtaken")
    try:
        _, more, others = _counted(place, overtaken=True)
        if more and len(changed) < SHOWN:
            changed += _changed(place, SHOWN - len(changed), overtaken=True)
    except errors.QueryCanceled:  # there are too many images: what the table tells is told all the same
        place.cursor.execute("rollback to savepoint overtaken")
        return found, compared, counts, changed
    return found, min(found, compared + more), [sum(both) for both in zip(counts, others, strict=True)], changed


def _counted(place: _Place, *, overtaken: bool) -> tuple[int, int, Sequence[int]]:
    names = place.names
    place.cursor.execute(
        changes.count_changed(
            place.table, names, place.identities, place.run_id, COMPARED, place.match, overtaken=overtaken
        )
    )
    found, compared, counts = place.cursor.fetchone() or (0, 0, [0] * len(names))
    return found, compared, counts


def _changed(place: _Place, limit: int, *, overtaken: bool) -> list[ChangedRow]:
    names, identities = place.names, place.identities
    place.cursor.execute(
        changes.changed_rows(place.table, names, identities, place.run_id, limit, place.match, overtaken=overtaken)
    )
    return [
        ChangedRow(
            key={name: value for name, value in zip(names, new, strict=True) if name in identities[0]},
            cells={
                name: (before, after)
                for name, before, after, differs in zip(names, old, new, where, strict=True)
                if differs
            },
        )
        for old, new, where in place.cursor.fetchall()
    ]


def _rows(cursor: Cursor, statement: Composed, names: Sequence[str]) -> list[dict[str, Text]]:
    cursor.execute(statement)
    return [dict(zip(names, values, strict=True)) for (values,) in cursor.fetchall()]
