"""Approve and discard: what an operator decides about a run that is held (BEHAVIOUR 8)."""

from collections.abc import Mapping

from django.db import transaction
from django.db.models.functions import Now

from ingest.loader.errors import RunFailed
from ingest.models import Run, storable
from ingest.runs import signals
from ingest.runs.answering import acknowledge
from ingest.runs.retrying import begin_anew, locked

Status = Run.Status

_TOLD = {
    "empty": "the file has no records, and the last load had {:,}",
    "deleted": "{:,} rows would be deleted",
    "shrunk": "the file has {:,} records fewer than the previous snapshot",
    "duplicate": "{:,} records repeat a key and differ in other columns",
    "approval": "the dataset asks for approval",
}


def held_by(brakes: Mapping[str, int]) -> str:
    """What held a run, or would hold it, in words."""
    return ", ".join(_TOLD.get(brake, f"{brake} {{:,}}").format(count) for brake, count in brakes.items())


def approve(run_id: int) -> Run:
    """Have a held run loaded again, on the table as it then stands; it is held again if a braked count has grown.

    Raises RunFailed, with a sentence, if the run isn't held.
    """
    with transaction.atomic():
        run = _held(run_id)
        begin_anew(run, approved=run.brakes)
    return run


def discard(run_id: int, who: str) -> Run:
    """Give up a held run; nothing of it was loaded. ``who`` is named in its reason.

    Raises RunFailed, with a sentence, if the run isn't held.
    """
    with transaction.atomic():
        run = _held(run_id)
        acknowledge([run_id], who)
        run.status, run.reason = Status.DISCARDED, storable(f"Discarded by {who}.")
        Run.objects.filter(pk=run_id).update(status=run.status, reason=run.reason, finished=Now())
        signals.ended(run, run.status, {"reason": run.reason})
    return run


def _held(run_id: int) -> Run:
    run = locked(run_id)
    if run.status != Status.HELD:
        raise RunFailed(f"Run {run.pk} is {run.status}; only held runs can be approved or discarded.")
    return run
