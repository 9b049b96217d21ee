"""Approve and discard: what an operator decides about a run that is held (BEHAVIOUR 8)."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from ingest.datasets.drafts import remove_left
from ingest.datasets.permission import require_access
from ingest.datasets.pins import pins_of, set_pins
from ingest.loader.outcome.errors import RunFailed
from ingest.models import Run, storable
from ingest.runs import telemetry
from ingest.runs.acknowledge import acknowledge
from ingest.runs.corrections import BRAKE, let_go
from ingest.runs.questions import OF_ENCODING, choice, read_again
from ingest.runs.reset import reset_run
from ingest.runs.retry import locked

Status = Run.Status

_TOLD = {
    "empty": "the file has no records, and the last load had {:,}",
    "deleted": "{:,} rows would be deleted",
    "shrunk": "the file has {:,} records fewer than the previous snapshot",
    "duplicate": "{:,} records repeat a key and differ in other columns",
    "key_type": "a key column would become text, because of {:,} of its values",
    "export": "it is an export of a table without a key: {:,} records would be inserted as new rows",
    "address": "its columns _dataset and _run can't be followed",
    "approval": "the dataset asks for approval",
}


def held_by(brakes: Mapping[str, int]) -> str:
    """What held a run, or would hold it, in words."""
    return ", ".join(_TOLD.get(brake, f"{brake} {{:,}}").format(count) for brake, count in brakes.items())


class CountsChanged(RunFailed):
    """The run's counts are no longer those that were confirmed."""


def seen(run: Run) -> str:
    """Return a short digest of what a person sees of ``run`` before deciding: its state, its counts, what held it."""
    counts = [
        run.token,
        run.status,
        run.records,
        run.deleted,
        *(getattr(run, count) for count in Run.FATES),
    ]
    told = [*counts, sorted(run.brakes.items()), run.undone, run.undoable]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def is_dangerous(run: Run) -> bool:
    """Return whether approving ``run`` deletes rows or overrides a safeguard, rather than merely granting approval."""
    return run.deleted > 0 or bool(set(run.brakes) - {"approval"})


def approve(
    run_id: int,
    reading: int | None = None,
    *,
    always: bool = False,
    confirmed: str | None = None,
    user: Any | None = None,
) -> Run:
    """Have a held run loaded again, on the table as it then stands; it is held again if a braked count has grown.

    Where it is held since its file can be read in several ways, ``reading`` says which one to take, from 1. A dataset
    that has loaded nothing is given it for its next files too, and so is any with ``always``. ``confirmed`` is what
    ``seen`` returned for the counts that were confirmed. Raises CountsChanged if the counts differ by now; RunFailed,
    with a sentence, if the run isn't held, no reading is named where one is needed, or its dataset is closed to
    ``user``.
    """
    with transaction.atomic():
        run = _held(run_id)
        require_access(run.dataset, user)
        if run.question or reading is not None or always:
            _take(run, _chosen(run, reading), always=always)
            return run
        if confirmed is not None and confirmed != seen(run):
            raise CountsChanged(f"Run {run.pk} has other counts than those confirmed; check them and confirm again.")
        reset_run(run, approved=run.brakes)
    return run


def _chosen(run: Run, reading: int | None) -> dict[str, Any]:
    if not run.question:
        raise RunFailed(f"Run {run.pk} isn't held for how its file is read: approve it without a reading.")
    if reading is None or not 1 <= reading <= len(run.question):
        told = "; ".join(f"{number}: {offer['label']}" for number, offer in enumerate(run.question, 1))
        raise RunFailed(f"Run {run.pk} can be read in these ways ({told}): say which to take, by its number.")
    offer = run.question[reading - 1]
    chosen: dict[str, Any] = offer["dialect"]
    return {"encoding": chosen["encoding"], OF_ENCODING: True} if offer.get(OF_ENCODING) else chosen


def _take(run: Run, reading: dict[str, Any], *, always: bool) -> None:
    """Have the run's file read so. What was approved of the run before its file was looked at stays approved."""
    is_pinned = run.dataset is not None and (always or not run.dataset.headers)
    pins = pins_of(reading) if is_pinned else {}
    if pins:
        set_pins(run.dataset, pins)
    run.reading = choice(run, reading)
    reset_run(run, approved=run.approved)
    if pins:
        read_again(run.dataset)


def discard(run_id: int, who: str, *, user: Any | None = None) -> Run:
    """Give up a held run; nothing of it was loaded. ``who`` is named in its reason.

    A dataset that was created for its file, and has loaded nothing, goes with its last run. Raises RunFailed, with a
    sentence, if the run isn't held, or its dataset is closed to ``user``.
    """
    with transaction.atomic():
        run = _held(run_id)
        require_access(run.dataset, user)
        acknowledge([run_id], who)
        run.status, run.reason = Status.DISCARDED, storable(f"Discarded by {who}.")
        Run.objects.filter(pk=run_id).update(status=run.status, reason=run.reason, unclear=False, finished=Now())
        telemetry.ended(run, run.status, {"reason": run.reason})
        if BRAKE in run.brakes:
            let_go(run)
        elif run.question:
            _leave(run)
    return run


def _leave(run: Run) -> None:
    """Delete the dataset that the run's file was the last one of, if nothing was ever loaded into it."""
    name = run.dataset.name if run.dataset else ""
    if run.dataset and remove_left(run.dataset):
        run.dataset = None
        run.reason += f" Nothing was ever loaded into {name}, so that dataset was removed."
        Run.objects.filter(pk=run.pk).update(reason=run.reason)


def _held(run_id: int) -> Run:
    run = locked(run_id)
    if run.status != Status.HELD:
        raise RunFailed(f"Run {run.pk} is {run.status}; only held runs can be approved or discarded.")
    return run
