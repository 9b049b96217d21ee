"""Once: what several people ask for at the same time, or one person by several clicks, is done once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from ingest.loader.outcome.errors import RunFailed
from ingest.models import Run
from ingest.models.sql import LOCK_DECISION, UNLOCK_DECISION


def check_undone_once(loaded: Run) -> None:
    """Raise RunFailed if an undo of ``loaded`` waits or runs. To be called with the row of ``loaded`` locked."""
    if other := _unended(undoes=loaded):
        raise RunFailed(f"Run {loaded.pk} is already being undone by run {other.pk}. Wait for it to finish.")


def check_loaded_again_once(run: Run) -> None:
    """Raise RunFailed if somebody has asked to load the file of ``run`` again, and that load waits or runs.

    To be called within a transaction: whoever asks second, about this run or another of the same file, waits for the
    first one to commit.
    """
    same = {"bucket": run.bucket, "key": run.key, "source_identity": run.source_identity}
    Run.objects.select_for_update(no_key=True).filter(**same).order_by("pk").first()
    if other := _unended(**same, kind=Run.Kind.LOAD, forced=True):
        raise RunFailed(f"Run {other.pk} is already loading this file again. Wait for it to finish.")


@contextmanager
def deciding(run_id: int) -> Iterator[None]:
    """Let nobody else decide about run ``run_id`` meanwhile, across several transactions and calls to S3.

    Raises RunFailed if somebody is about to. The lock goes with its connection, so that no crash leaves one behind.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK_DECISION, [run_id])
        (is_ours,) = cursor.fetchone()
    if not is_ours:
        raise RunFailed(f"Someone else is deciding about run {run_id} right now. Reload the page to see the result.")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(UNLOCK_DECISION, [run_id])


def _unended(**which: Any) -> Run | None:
    return Run.objects.filter(**which, status__in=Run.UNFINISHED).order_by("pk").first()
