"""Looking: what a run has changed, what its undo would do, where its file lies. Nothing is written."""

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
_LOCK_NOT_AVAILABLE, _TOO_LONG = "55P03", "57014"

Found = TypeVar("Found")


def changes_of(run: Run) -> dict[str, Any]:
    """A sample of what a load has changed, as the fields of ``loader.changes.Changes``; what is kept of one that was
    rolled back.

    Raises RunFailed, with a sentence, where it can't be told (any more).
    """
    if run.sample:
        return run.sample["changes"]
    if not run.undoable:
        return {}
    ignores = run.dataset.ignore_email_case
    found = _changes_in_table(
        run, lambda: changes.changes_of(*_place(run), run.pk, own_transaction=False, ignore_email_case=ignores)
    )
    if run.undone and not (found.compared or found.again or found.deleted):
        raise RunFailed(f"Run {run.pk} was undone: its rows were put back, and what it wrote is not kept.")
    return asdict(found)


def sample(dataset: Dataset, identities: Identities, run_id: int) -> dict[str, Any]:
    """The same, within the transaction of a load that is about to be rolled back; empty where that takes too long."""
    try:
        found = _changes_or_reason(
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
    return _storable(asdict(found))


def preview_undo(run: Run) -> UndoPreview:
    """What an undo of ``run`` would do now. Raises RunFailed, with a sentence, where it can't be told."""
    ignores = run.dataset.ignore_email_case
    return _changes_in_table(run, lambda: changes.preview_undo(*_place(run), run.pk, ignore_email_case=ignores))


def file_link(run: Run, *, user: Any | None = None) -> str:
    """A signed link by which a browser downloads the very version that the run read, for a quarter of an hour.

    A run without a dataset is closed to nobody, but its file may lead by now to one that is closed to ``user``: then
    RunFailed is raised, as where that version isn't in the bucket any more. RunInterrupted where the bucket doesn't
    answer.
    """
    if run.dataset is None:
        goes = destinations([run.key])[run.key]
        require_access(goes.dataset if isinstance(goes, Destination) else None, user)
    objects.check(run.source)
    return objects.presigned_url(run.source, _LINK_SECONDS)


def _place(run: Run) -> tuple[Any, str, Identities]:
    identities = tuple(tuple(key) for key in run.dataset.identities or ())
    connection.ensure_connection()
    return connection.connection, run.dataset.name, identities


def _changes_in_table(run: Run, ask: Callable[[], Found]) -> Found:
    try:
        return _changes_or_reason(ask)
    except psycopg2.Error as error:
        if error.pgcode == _TOO_LONG:
            raise RunFailed("The table is too large to tell that in a few seconds.") from error
        if error.pgcode == _LOCK_NOT_AVAILABLE:
            raise RunFailed("The table is being changed just now; look again in a moment.") from error
        if isinstance(error, psycopg2.ProgrammingError):
            raise RunFailed(f"The table {run.dataset.name} can't be read like that; somebody changed it.") from error
        raise RunFailed("The database didn't answer that.") from error


def _changes_or_reason(ask: Callable[[], Found]) -> Found:
    """What ``ask`` finds; whatever it has set for its session is taken back."""
    with transaction.atomic():
        found = ask()
        transaction.set_rollback(True)
    return found


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {key: _storable(each) for key, each in value.items()}
    return [_storable(each) for each in value] if isinstance(value, list | tuple) else value
