"""Approve and discard: what an operator decides about a run that is held (BEHAVIOUR 8)."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from ingest.loader.errors import RunFailed
from ingest.models import Dataset, Run, storable
from ingest.runs import signals
from ingest.runs.answering import acknowledge
from ingest.runs.retrying import begin_anew, locked

Status = Run.Status

_TOLD = {
    "deleted": "{:,} rows would be deleted",
    "shrunk": "the file has {:,} records fewer than the previous snapshot",
    "duplicate": "{:,} records repeat a key and differ in other columns",
    "approval": "the dataset asks for approval",
}


def held_by(brakes: Mapping[str, int]) -> str:
    """What held a run, or would hold it, in words."""
    return ", ".join(_TOLD.get(brake, f"{brake} {{:,}}").format(count) for brake, count in brakes.items())


def approve(run_id: int, reading: int | None = None) -> Run:
    """Have a held run loaded again, on the table as it then stands; it is held again if a braked count has grown.

    Where it is held since its file can be read in several ways, ``reading`` says which one to take, from 1; a dataset
    without a table is given it for its next files as well. Raises RunFailed, with a sentence, if the run isn't held, or
    that isn't said.
    """
    with transaction.atomic():
        run = _held(run_id)
        if run.question or reading is not None:
            run.reading = _chosen(run, reading)
            if run.dataset is not None and not run.dataset.headers:
                _pin(run.dataset, run.reading)
        begin_anew(run, approved=run.brakes or None)
    return run


def _chosen(run: Run, reading: int | None) -> dict[str, Any]:
    if not run.question:
        raise RunFailed(f"Run {run.pk} isn't held for how its file is read: approve it without a reading.")
    if reading is None or not 1 <= reading <= len(run.question):
        told = "; ".join(f"{number}: {offer['label']}" for number, offer in enumerate(run.question, 1))
        raise RunFailed(f"Run {run.pk} can be read in these ways ({told}): say which to take, by its number.")
    chosen: dict[str, Any] = run.question[reading - 1]["dialect"]
    return chosen


def _pin(dataset: Dataset, chosen: Mapping[str, Any]) -> None:
    """Have the dataset's next files read as the first one."""
    dataset.delimiter = chosen["delimiter"]
    dataset.quote = chosen["quote"] or Dataset.Quote.NONE
    dataset.escape = chosen["escape"] if chosen["quote"] else None
    dataset.preamble = chosen["preamble"]
    dataset.has_header = chosen["has_header"]
    dataset.save(update_fields=["delimiter", "quote", "escape", "preamble", "has_header"])


def discard(run_id: int, who: str) -> Run:
    """Give up a held run; nothing of it was loaded. ``who`` is named in its reason.

    Raises RunFailed, with a sentence, if the run isn't held.
    """
    with transaction.atomic():
        run = _held(run_id)
        acknowledge([run_id], who)
        run.status, run.reason = Status.FAILED, storable(f"Discarded by {who}.")
        Run.objects.filter(pk=run_id).update(status=run.status, reason=run.reason, finished=Now())
        signals.ended(run, run.status, {"reason": run.reason, "answered": True})
    return run


def _held(run_id: int) -> Run:
    run = locked(run_id)
    if run.status != Status.HELD:
        raise RunFailed(f"Run {run.pk} is {run.status}; only held runs can be approved or discarded.")
    return run
