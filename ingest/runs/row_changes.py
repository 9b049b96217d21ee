"""Read what a run changed, what its undo would do, and where its file is. Nothing is written."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

import psycopg2
from django.db import connection, transaction

from ingest.aws import objects
from ingest.datasets.permission import require_access
from ingest.datasets.routing import Destination, destinations
from ingest.loader import changes
from ingest.loader.changes import UndoPreview
from ingest.loader.outcome.errors import RunFailed
from ingest.loader.planning.identities import Identities
from ingest.models import Dataset, Run, storable

_LINK_SECONDS = 900
_LOCK_NOT_AVAILABLE, _QUERY_CANCELED = "55P03", "57014"

Result = TypeVar("Result")


def changes_of(run: Run) -> dict[str, Any]:
    """Return a sample of what a load changed, as the fields of ``loader.changes.Changes``.

    For a load that was rolled back, it is the sample that was stored. Raises RunFailed if the changes can't be read, or
    are no longer known.
    """
    if run.sample:
        return run.sample["changes"]
    if not run.undoable:
        return {}
    ignores = run.dataset.ignore_email_case
    sampled = _changes_in_table(
        run, lambda: changes.changes_of(*_table_of(run), run.pk, own_transaction=False, ignore_email_case=ignores)
    )
    if run.undone and not (sampled.compared or sampled.again or sampled.deleted):
        raise RunFailed(f"Run {run.pk} was undone: its rows were put back, and what it wrote is not kept.")
    return asdict(sampled)


def sample(dataset: Dataset, identities: Identities, run_id: int) -> dict[str, Any]:
    """Return the same for a load that is about to be rolled back, in its transaction; empty if it takes too long."""
    try:
        sampled = _roll_back_after(
            lambda: changes.changes_of(
                connection.connection,
                dataset.name,
                identities,
                run_id,
                own_transaction=True,
                ignore_email_case=dataset.ignore_email_case,
            )
        )
    except (psycopg2.Error, RunFailed):
        return {}
    return _storable(asdict(sampled))


def preview_undo(run: Run) -> UndoPreview:
    """Return what an undo of ``run`` would do now. Raises RunFailed if that can't be determined."""
    ignores = run.dataset.ignore_email_case
    return _changes_in_table(run, lambda: changes.preview_undo(*_table_of(run), run.pk, ignore_email_case=ignores))


def file_link(run: Run, *, user: Any | None = None) -> str:
    """Return a signed link to download the version that the run read, valid for 15 minutes.

    Raises RunFailed if that version is no longer in the bucket, or if the run has no dataset and its file now leads to
    one that is closed to ``user``; RunInterrupted if the bucket doesn't answer.
    """
    if run.dataset is None:
        destination = destinations([run.key])[run.key]
        require_access(destination.dataset if isinstance(destination, Destination) else None, user)
    objects.check(run.source)
    return objects.presigned_url(run.source, _LINK_SECONDS)


def _table_of(run: Run) -> tuple[Any, str, Identities]:
    identities = tuple(tuple(key) for key in run.dataset.identities or ())
    connection.ensure_connection()
    return connection.connection, run.dataset.name, identities


def _changes_in_table(run: Run, query: Callable[[], Result]) -> Result:
    try:
        return _roll_back_after(query)
    except psycopg2.Error as error:
        if error.pgcode == _QUERY_CANCELED:
            raise RunFailed("The table is too large for this to be answered in a few seconds.") from error
        if error.pgcode == _LOCK_NOT_AVAILABLE:
            raise RunFailed("The table is being changed. Try again in a moment.") from error
        if isinstance(error, psycopg2.ProgrammingError):
            raise RunFailed(f"The table {run.dataset.name} can't be read: its columns were changed outside.") from error
        raise RunFailed("The database could not answer.") from error


def _roll_back_after(query: Callable[[], Result]) -> Result:
    """Return the result of ``query``, and roll back what it set for its session."""
    with transaction.atomic():
        result = query()
        transaction.set_rollback(True)
    return result


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {key: _storable(item) for key, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list | tuple) else value
