"""By hand: an operator changes a dataset's key or mode, a column's type; every row is asked first.

See file-rules#types and #keys.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg2
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from ingest.loader import alter
from ingest.loader import load as loading
from ingest.loader.outcome.errors import RunFailed, RunInterrupted
from ingest.loader.planning.current_table import CurrentTable
from ingest.loader.planning.identities import EMAIL, Identities, evidence_of
from ingest.loader.types.types import Type, join
from ingest.loader.writing.catalog import read_table
from ingest.models import Dataset, Run

_BY_SHORT = {kind.short: kind for kind in Type}
TYPES = tuple(_BY_SHORT)
"""The types that a column can be given, by the names that people read."""

_LOCK_NOT_AVAILABLE = "55P03"


def columns_of(dataset_id: int) -> dict[str, str]:
    """The columns of the dataset's table that came from files, with their types; none where it has no table.

    Raises RunFailed where the table is of no form that the loader knows.
    """
    with connection.cursor() as cursor:
        standing = read_table(cursor, Dataset.objects.get(pk=dataset_id).name)
    return {column: kind.short for column, kind in standing.columns.items()}


def change_key(dataset_id: int, *, mode: str | None = None, declared_key: Sequence[str] | None = None) -> Dataset:
    """Give the dataset another mode or declared key (None: as it is), and its table the identities that follow.

    Without a declared key the columns choose, as those of a first file do. Another key ends the undo of all runs so
    far. Raises RunFailed, and changes nothing, where the rows don't allow it; RunInterrupted while a run is loading.
    """
    with _holding_table(dataset_id) as (dataset, standing):
        before = None if dataset.identities is None else tuple(tuple(key) for key in dataset.identities)
        dataset.mode = dataset.mode if mode is None else mode
        dataset.declared_key = dataset.declared_key if declared_key is None else list(declared_key)
        if before is None or not standing.exists:
            dataset.identities, dataset.evidence = None, ""
        else:
            _change_identities(dataset, standing, before)
        dataset.save(update_fields=["mode", "declared_key", "identities", "evidence", "newest"])
    return dataset


def ignore_email_case(dataset_id: int, ignore: bool) -> None:
    """Match the e-mails of the dataset's key without regard to case and outer spaces from now on, or exactly again.

    Ends the undo of all runs so far, as another key does. Raises RunFailed, and changes nothing, where two rows would
    become one or the key has no e-mail; RunInterrupted while a run is loading.
    """
    with _holding_table(dataset_id) as (dataset, standing):
        if dataset.ignore_email_case == ignore:
            return
        dataset.ignore_email_case = ignore
        if dataset.identities is not None and standing.exists:
            key = tuple(tuple(columns) for columns in dataset.identities)
            if alter.ignore_email_case(connection.connection, dataset.name, key, ignore=ignore):
                dataset.newest = None
                _note_altered(dataset)
                _end_undo(dataset)
        dataset.save(update_fields=["ignore_email_case", "newest"])


def change_type(dataset_id: int, column: str, kind: str) -> None:
    """Give a column of the dataset's table the type ``kind``, one of ``TYPES``.

    A type that doesn't hold all of the one before ends the undo of all runs so far. Raises RunFailed, and changes
    nothing, where values stand in the way; RunInterrupted while a run is loading.
    """
    if kind not in _BY_SHORT:
        raise RunFailed(f"Unknown type {kind!r}. Choose one of: {', '.join(TYPES)}.")
    wanted = _BY_SHORT[kind]
    with _holding_table(dataset_id) as (dataset, standing):
        before = standing.columns.get(column)
        alter.change_type(connection.connection, dataset.name, column, wanted)
        if before is wanted:
            return
        if join(before, wanted) is not wanted:
            _end_undo(dataset)
        Dataset.objects.filter(pk=dataset.pk).update(newest=None)
        _note_altered(dataset)


def _change_identities(dataset: Dataset, standing: CurrentTable, before: Identities) -> None:
    """The first identities that the rows allow, of those that file-rules#keys names; the refusal of the last else."""
    choices = _choices(dataset, standing, before)
    for choice in choices:
        try:
            if choice != before:
                with transaction.atomic():
                    alter.change_key(
                        connection.connection, dataset.name, choice, ignore_email_case=dataset.ignore_email_case
                    )
        except RunFailed:
            if choice == choices[-1]:
                raise
            continue
        break
    if dataset.mode == Dataset.Mode.SNAPSHOT and not choice:
        raise RunFailed(f"{dataset.name} has no key, and snapshot mode needs one: declare a key.")
    if choice != before:
        dataset.newest = None
        _note_altered(dataset)
        _end_undo(dataset)
    dataset.identities = [list(key) for key in choice]
    dataset.evidence = _evidence(dataset, choice)


def _evidence(dataset: Dataset, choice: Identities) -> str:
    if dataset.mode == Dataset.Mode.APPEND:
        return "The dataset's mode is append: rows are never matched."
    return f"Declared: {', '.join(dataset.declared_key)}." if dataset.declared_key else evidence_of(choice)


def _choices(dataset: Dataset, standing: CurrentTable, before: Identities) -> list[Identities]:
    if dataset.mode == Dataset.Mode.APPEND:
        return [()]
    if dataset.declared_key:
        return [(tuple(dataset.declared_key),)]
    email = alter.email_of(connection.connection, dataset.name)
    if "id" in standing.columns:
        # By another name an e-mail never joins an id that has been the key alone: that is for new datasets.
        both = email and (email == EMAIL or before != (("id",),))
        return [(("id",), (email,)), (("id",),)] if both else [(("id",),)]
    if email == EMAIL:
        return [((email,),)]
    return [((email,),), ()] if email else [()]


def _note_altered(dataset: Dataset) -> None:
    """By the database's clock, as runs are: versions of a file that arrive late are held against it."""
    Dataset.objects.filter(pk=dataset.pk).update(altered=Now())


@dataclass(frozen=True, kw_only=True, slots=True)
class UndoableRuns:
    """The runs of a dataset that can be undone."""

    count: int
    newest: tuple[Run, ...]
    """The newest of them, up to the number asked for."""


def undoable_runs(dataset_id: int, most: int) -> UndoableRuns:
    """Return the runs of the dataset that have something to undo and can still be undone, at most ``most`` by name."""
    changed = Q(inserted__gt=0) | Q(updated__gt=0) | Q(deleted__gt=0)
    loads = Run.objects.filter(dataset=dataset_id, kind=Run.Kind.LOAD, status=Run.Status.SUCCEEDED, undoable=True)
    found = loads.filter(changed)
    return UndoableRuns(count=found.count(), newest=tuple(found.defer(*Run.WIDE).order_by("-pk")[:most]))


def _end_undo(dataset: Dataset) -> None:
    """The rows as they were before earlier runs are gone, or can't be found any more."""
    Run.objects.filter(dataset=dataset, undoable=True).update(undoable=False)


@contextmanager
def _holding_table(dataset_id: int) -> Iterator[tuple[Dataset, CurrentTable]]:
    """A transaction in which no run loads into the dataset's table; the dataset and the table as they stand in it."""
    name = Dataset.objects.values_list("name", flat=True).get(pk=dataset_id)
    try:
        with transaction.atomic():
            loading.lock(connection.connection, name)
            with connection.cursor() as cursor:
                standing = read_table(cursor, name)
            yield Dataset.objects.select_for_update(no_key=True).get(pk=dataset_id), standing
    except psycopg2.Error as error:
        if error.pgcode != _LOCK_NOT_AVAILABLE:
            raise
        raise RunInterrupted(f"The table {name} is being loaded. Try again in a moment.") from error
