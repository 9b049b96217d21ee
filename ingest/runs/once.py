"""Make sure that an action requested several times, by several people or by double clicks, is done once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from ingest.loader.outcome.errors import RunFailed
from ingest.models import Run
from ingest.models.sql import LOCK_DECISION, UNLOCK_DECISION


def check_undone_once(loaded: Run) -> None:
    """Raise RunFailed if an undo of ``loaded`` is waiting or running. Call it with the row of ``loaded`` locked."""
    if other := _unfinished(undoes=loaded):
        raise RunFailed(f"Run {loaded.pk} is already being undone by run {other.pk}. Wait for it to finish.")


def check_loaded_again_once(run: Run) -> None:
    """Raise RunFailed if the file of ``run`` is already waiting or running to be loaded again.

    Call it within a transaction: a second request, for this run or another one of the same file, waits for the first
    to commit.
    """
    same = {"bucket": run.bucket, "key": run.key, "source_identity": run.source_identity}
    Run.objects.select_for_update(no_key=True).filter(**same).order_by("pk").first()
    if other := _unfinished(**same, kind=Run.Kind.LOAD, forced=True):
        raise RunFailed(f"Run {other.pk} is already loading this file again. Wait for it to finish.")


@contextmanager
def deciding(run_id: int) -> Iterator[None]:
    """Lock the decision about run ``run_id``, across several transactions and calls to S3.

    Raises RunFailed if someone else is deciding. The lock ends with its connection, so a crash doesn't leave one.
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


def _unfinished(**conditions: Any) -> Run | None:
    return Run.objects.filter(**conditions, status__in=Run.UNFINISHED).order_by("pk").first()
