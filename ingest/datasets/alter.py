"""Change a dataset's key or mode, or a column's type, after checking every row (file-rules#types and #keys)."""

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
"""The types that a column can be changed to, by the names shown to people."""

_LOCK_NOT_AVAILABLE = "55P03"


def columns_of(dataset_id: int) -> dict[str, str]:
    """Return the loaded columns of the dataset's table with their types; empty if it has no table.

    Raises RunFailed if the table has a form that the loader doesn't know.
    """
    with connection.cursor() as cursor:
        table = read_table(cursor, Dataset.objects.get(pk=dataset_id).name)
    return {column: kind.short for column, kind in table.columns.items()}


def change_key(dataset_id: int, *, mode: str | None = None, declared_key: Sequence[str] | None = None) -> Dataset:
    """Change the dataset's mode or declared key (None: unchanged), and the identities of its table accordingly.

    Without a declared key, the columns decide, as they do for a first file. After a new key, earlier runs can no longer
    be undone. Raises RunFailed, and changes nothing, if the rows don't allow it; RunInterrupted while a run is loading.
    """
    with _locked_table(dataset_id) as (dataset, table):
        before = None if dataset.identities is None else tuple(tuple(key) for key in dataset.identities)
        dataset.mode = dataset.mode if mode is None else mode
        dataset.declared_key = dataset.declared_key if declared_key is None else list(declared_key)
        if before is None or not table.exists:
            dataset.identities, dataset.evidence = None, ""
        else:
            _change_identities(dataset, table, before)
        dataset.save(update_fields=["mode", "declared_key", "identities", "evidence", "newest"])
    return dataset


def ignore_email_case(dataset_id: int, ignore: bool) -> None:
    """Match e-mails in the dataset's key regardless of case and surrounding spaces from now on, or exactly again.

    Like a new key, this means that earlier runs can no longer be undone. Raises RunFailed, and changes nothing, if two
    rows would become one or the key has no e-mail; RunInterrupted while a run is loading.
    """
    with _locked_table(dataset_id) as (dataset, table):
        if dataset.ignore_email_case == ignore:
            return
        dataset.ignore_email_case = ignore
        if dataset.identities is not None and table.exists:
            key = tuple(tuple(columns) for columns in dataset.identities)
            if alter.ignore_email_case(connection.connection, dataset.name, key, ignore=ignore):
                dataset.newest = None
                _note_altered(dataset)
                _end_undo(dataset)
        dataset.save(update_fields=["ignore_email_case", "newest"])


def change_type(dataset_id: int, column: str, kind: str) -> None:
    """Change a column of the dataset's table to the type ``kind``, one of ``TYPES``.

    After a change to a narrower type, earlier runs can no longer be undone. Raises RunFailed, and changes nothing, if
    values don't fit; RunInterrupted while a run is loading.
    """
    if kind not in _BY_SHORT:
        raise RunFailed(f"Unknown type {kind!r}. Choose one of: {', '.join(TYPES)}.")
    new_type = _BY_SHORT[kind]
    with _locked_table(dataset_id) as (dataset, table):
        old_type = table.columns.get(column)
        alter.change_type(connection.connection, dataset.name, column, new_type)
        if old_type is new_type:
            return
        if join(old_type, new_type) is not new_type:
            _end_undo(dataset)
        Dataset.objects.filter(pk=dataset.pk).update(newest=None)
        _note_altered(dataset)


def _change_identities(dataset: Dataset, table: CurrentTable, before: Identities) -> None:
    """Use the first identities in the order of file-rules#keys that the rows allow, or raise the error of the last
    ones.
    """
    choices = _choices(dataset, table, before)
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


def _choices(dataset: Dataset, table: CurrentTable, before: Identities) -> list[Identities]:
    if dataset.mode == Dataset.Mode.APPEND:
        return [()]
    if dataset.declared_key:
        return [(tuple(dataset.declared_key),)]
    email = alter.email_of(connection.connection, dataset.name)
    if "id" in table.columns:
        # An e-mail column of another name never joins an id that has been the only key: that is for new datasets.
        both = email and (email == EMAIL or before != (("id",),))
        return [(("id",), (email,)), (("id",),)] if both else [(("id",),)]
    if email == EMAIL:
        return [((email,),)]
    return [((email,),), ()] if email else [()]


def _note_altered(dataset: Dataset) -> None:
    """Record the time by the database's clock, as for runs, since late versions of a file are compared with it."""
    Dataset.objects.filter(pk=dataset.pk).update(altered=Now())


@dataclass(frozen=True, kw_only=True, slots=True)
class UndoableRuns:
    """The runs of a dataset that can be undone."""

    count: int
    newest: tuple[Run, ...]
    """The newest of them, up to the number asked for."""


def undoable_runs(dataset_id: int, limit: int) -> UndoableRuns:
    """Count the runs that changed the dataset and can still be undone, and return at most ``limit`` of them."""
    changed = Q(inserted__gt=0) | Q(updated__gt=0) | Q(deleted__gt=0)
    loads = Run.objects.filter(dataset=dataset_id, kind=Run.Kind.LOAD, status=Run.Status.SUCCEEDED, undoable=True)
    runs = loads.filter(changed)
    return UndoableRuns(count=runs.count(), newest=tuple(runs.defer(*Run.WIDE).order_by("-pk")[:limit]))


def _end_undo(dataset: Dataset) -> None:
    """Mark earlier runs as no longer undoable: their before-images are deleted, or no longer match rows."""
    Run.objects.filter(dataset=dataset, undoable=True).update(undoable=False)


@contextmanager
def _locked_table(dataset_id: int) -> Iterator[tuple[Dataset, CurrentTable]]:
    """Lock the dataset's table in a transaction, so that no run loads into it; yield the dataset and the table."""
    name = Dataset.objects.values_list("name", flat=True).get(pk=dataset_id)
    try:
        with transaction.atomic():
            loading.lock(connection.connection, name)
            with connection.cursor() as cursor:
                table = read_table(cursor, name)
            yield Dataset.objects.select_for_update(no_key=True).get(pk=dataset_id), table
    except psycopg2.Error as error:
        if error.pgcode != _LOCK_NOT_AVAILABLE:
            raise
        raise RunInterrupted(f"The table {name} is being loaded. Try again in a moment.") from error
