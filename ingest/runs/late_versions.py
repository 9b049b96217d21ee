"""Put a version of a file that arrives late in its place, so that the table ends as if all had come in order.

BEHAVIOUR 1, "order": the newer versions are taken back by their before-images, the late one is loaded, and they are
loaded again after it, all in one transaction. Loading it over the newer rows and those once more would not give the
same table: an e-mail that has moved on meanwhile, or a type that has been widened since, decides a record's outcome.
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
    """A late version can't take its place; raised to roll back what was done for it.

    The text is the reason for the operator.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"Newer versions of this file are in the table, and {why}. {_ADVICE}")


def check_repeatable(run: Run, loads: Sequence[Run]) -> None:
    """Raise OutOfTurn where ``loads``, of newer versions than that of ``run``, can't be taken back and repeated.

    ``loads`` come oldest version first. Certain only under the table's lock.
    """
    _check_count(loads)
    _check_untouched(run, loads)


def _check_count(loads: Sequence[Run]) -> None:
    versions = len({load.source_identity for load in loads})
    if versions > settings.LATE_VERSIONS:
        raise OutOfTurn(
            f"they are more than the {settings.LATE_VERSIONS:,} that are repeated after one that arrives late "
            "(LATE_VERSIONS)"
        )


def _check_untouched(run: Run, loads: Sequence[Run]) -> None:
    """Only these loads may have changed the table since the first of them, each in its turn, and be undoable."""
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
    kept = next((load for load in loads if load.has_changed_rows and not load.undoable), None)
    if kept:
        raise OutOfTurn(
            f"the rows as they were before run {kept.pk} are not kept any more ({settings.UNDO_DAYS:,} days)"
        )


def take_back_newer(dataset: Dataset, loads: Sequence[Run]) -> None:
    """Undo ``loads``, the last first, within the transaction that holds the table; none of their rows stays.

    ``dataset`` is changed with the table, in memory: its rows, and its identities where the late version chooses them.
    Raises OutOfTurn where the table isn't what it was before them.
    """
    identities = tuple(tuple(key) for key in dataset.identities or ())
    for load in reversed(loads):
        if not load.has_changed_rows:
            continue
        undone = undo.undo(
            connection.connection, dataset.name, identities, load.pk, ignore_email_case=dataset.ignore_email_case
        )
        if undone.stayed:
            raise OutOfTurn(f"rows of run {load.pk} were changed outside and can't be taken back")
        dataset.table_rows = rows_after(dataset, inserted=undone.reinserted, deleted=undone.removed)
    _check_types(dataset, loads)
    if _have_chosen_identities(dataset, loads):
        _choose_identities_again(dataset)


def _check_types(dataset: Dataset, loads: Sequence[Run]) -> None:
    """A column that was widened since holds what the late version would have had rejected in its turn."""
    retyped = {column for load in loads for column in retyped_columns(load.ddl)}
    with connection.cursor() as cursor:
        filled = sorted(column for column in retyped if not is_empty(cursor, dataset.name, column))
    if filled:
        raise OutOfTurn(f"they have changed the type of {', '.join(filled)}, which held other values before them")


def _have_chosen_identities(dataset: Dataset, loads: Sequence[Run]) -> bool:
    """Whether the dataset's identities were chosen by one of ``loads``: no load with records came before them."""
    if dataset.declared_key or not dataset.identities:
        return False
    before = Run.objects.filter(dataset=dataset, kind=Run.Kind.LOAD, status=Run.Status.SUCCEEDED, records__gt=0)
    return not before.filter(repeated_by=None).exclude(pk__in=[load.pk for load in loads]).exists()


def _choose_identities_again(dataset: Dataset) -> None:
    """Let the late version choose, as the first file with records does (BEHAVIOUR 5)."""
    try:
        alter.drop_keys(connection.connection, dataset.name)
    except RunFailed as refused:
        raise OutOfTurn(f"the key that they chose can't be chosen again: {refused}") from refused
    dataset.identities, dataset.evidence = None, ""


def note_of_late(repeats: Sequence[Run]) -> str:
    """What a late version tells of the runs that load newer ones after it."""
    *others, last = [f"run {run.pk}" for run in repeats]
    by = f"{', '.join(others)} and {last}" if others else last
    versions = "Newer versions of this file were" if others else "A newer version of this file was"
    return f"{versions} loaded before this one, and loaded again after it by {by}."


def note_repeated(loads: Sequence[Run], again: Run, late: Run) -> None:
    """Write on ``loads`` that run ``again`` has taken their place, since ``late`` comes before it."""
    for load in loads:
        note = f"An older version of the file came later, as run {late.pk}: run {again.pk} repeats this load after it."
        Run.objects.filter(pk=load.pk).update(repeated_by=again, undoable=False, notes=[*load.notes, note])
