"""Load a version of a file that arrives late, so that the table ends as if all had arrived in order.

file-rules#version-order: the newer versions are undone by their before-images, the late one is loaded, and they are
loaded again after it, all in one transaction. Loading it over the newer rows and then those again would not give the
same table: an e-mail that has moved to another row since, or a type that was widened, changes a record's outcome.
"""

from collections.abc import Sequence

from django.conf import settings
from django.db import connection
from django.db.models import Q

from ingest.datasets.table_size import rows_after
from ingest.loader import alter, undo
from ingest.loader.outcome.errors import RunFailed
from ingest.loader.sql.tables import retyped_columns
from ingest.loader.writing.catalog import is_empty
from ingest.models import Dataset, Run

_ADVICE = "Nothing was changed. To load it over the newer rows all the same, choose “Reload” on this run."


class OutOfTurn(Exception):
    """Raised to roll back if a late version can't be loaded in its place. The text is for the operator."""

    def __init__(self, why: str) -> None:
        super().__init__(f"Newer versions of this file are in the table, and {why}. {_ADVICE}")


def check_repeatable(run: Run, loads: Sequence[Run]) -> None:
    """Raise OutOfTurn if ``loads``, of newer versions than that of ``run``, can't be undone and repeated.

    ``loads`` are sorted, the oldest version first. Only reliable under the table's lock.
    """
    _check_count(loads)
    _check_untouched(run, loads)


def _check_count(loads: Sequence[Run]) -> None:
    versions = len({load.source_identity for load in loads})
    if versions > settings.LATE_VERSIONS:
        raise OutOfTurn(
            f"there are more than the {settings.LATE_VERSIONS:,} that can be repeated after a late one (LATE_VERSIONS)"
        )


def _check_untouched(run: Run, loads: Sequence[Run]) -> None:
    """Check that only these loads changed the table since the first of them, in order, and that all are undoable."""
    in_turn = sorted(loads, key=lambda load: (load.finished, load.pk))
    if [load.version_order for load in in_turn] != [load.version_order for load in loads]:
        raise OutOfTurn("an older one was loaded over a newer one on request")
    since = in_turn[0].finished
    changed = ~Q(inserted=0, updated=0, deleted=0) | ~Q(ddl=[])
    others = Run.objects.filter(changed, dataset=run.dataset_id, kind__in=[Run.Kind.LOAD, Run.Kind.UNDO])
    others = others.filter(status__in=Run.COMMITTED, finished__gte=since, repeated_by=None)
    other = others.exclude(pk__in=[load.pk for load in loads]).order_by("finished").values_list("pk", "key").first()
    if other:
        raise OutOfTurn(f"run {other[0]} has changed the table after run {in_turn[0].pk} loaded the first of them")
    if run.dataset.altered and run.dataset.altered >= since:
        raise OutOfTurn("the table's key or the type of a column was changed by an operator since")
    expired = next((load for load in loads if load.has_changed_rows and not load.undoable), None)
    if expired:
        raise OutOfTurn(f"the rows from before run {expired.pk} are no longer kept ({settings.UNDO_DAYS:,} days)")


def undo_newer(dataset: Dataset, loads: Sequence[Run]) -> None:
    """Undo ``loads``, the last first, within the transaction that has locked the table, so that no row of them stays.

    ``dataset`` is updated in memory: its rows, and its identities if the late version has to choose them. Raises
    OutOfTurn if the table can't be brought back to what it was before them.
    """
    identities = tuple(tuple(key) for key in dataset.identities or ())
    for load in reversed(loads):
        if not load.has_changed_rows:
            continue
        undone = undo.undo(
            connection.connection, dataset.name, identities, load.pk, ignore_email_case=dataset.ignore_email_case
        )
        if undone.stayed:
            raise OutOfTurn(f"rows of run {load.pk} were changed outside and can't be undone")
        dataset.table_rows = rows_after(dataset, inserted=undone.reinserted, deleted=undone.removed)
    _check_types(dataset, loads)
    if _chose_identities(dataset, loads):
        _reset_identities(dataset)


def _check_types(dataset: Dataset, loads: Sequence[Run]) -> None:
    """Check that no column was widened since: it accepts values that the late version would have had rejected."""
    retyped = {column for load in loads for column in retyped_columns(load.ddl)}
    with connection.cursor() as cursor:
        filled = sorted(column for column in retyped if not is_empty(cursor, dataset.name, column))
    if filled:
        raise OutOfTurn(f"they have changed the type of {', '.join(filled)}, which held other values before them")


def _chose_identities(dataset: Dataset, loads: Sequence[Run]) -> bool:
    """Return whether one of ``loads`` chose the dataset's identities: no load before them had records."""
    if dataset.declared_key or not dataset.identities:
        return False
    before = Run.objects.filter(dataset=dataset, kind=Run.Kind.LOAD, status=Run.Status.SUCCEEDED, records__gt=0)
    return not before.filter(repeated_by=None).exclude(pk__in=[load.pk for load in loads]).exists()


def _reset_identities(dataset: Dataset) -> None:
    """Let the late version choose the identities, as the first file with records does (file-rules#keys)."""
    try:
        alter.drop_keys(connection.connection, dataset.name)
    except RunFailed as refused:
        raise OutOfTurn(f"the key that they chose can't be chosen again: {refused}") from refused
    dataset.identities, dataset.evidence = None, ""


def note_on_late_version(repeats: Sequence[Run]) -> str:
    """Return the note on a late version about the runs that load newer ones after it."""
    *others, last = [f"run {run.pk}" for run in repeats]
    by = f"{', '.join(others)} and {last}" if others else last
    versions = "Newer versions of this file were" if others else "A newer version of this file was"
    return f"{versions} loaded before this one, and loaded again after it by {by}."


def note_on_repeated(loads: Sequence[Run], again: Run, late: Run) -> None:
    """Note on ``loads`` that run ``again`` replaces them, because ``late`` was loaded before it."""
    for load in loads:
        note = f"An older version of the file arrived later, as run {late.pk}; run {again.pk} repeats this load."
        Run.objects.filter(pk=load.pk).update(repeated_by=again, undoable=False, notes=[*load.notes, note])
