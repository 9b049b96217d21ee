"""Approve or discard a held run (file-rules#held)."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from ingest.datasets.drafts import remove_if_abandoned
from ingest.datasets.permission import require_access
from ingest.datasets.pins import pins_of, set_pins
from ingest.loader.outcome.errors import RunFailed
from ingest.models import Run, storable
from ingest.runs import telemetry
from ingest.runs.acknowledge import acknowledge
from ingest.runs.corrections import BRAKE, detach_draft
from ingest.runs.questions import OF_ENCODING, choice, read_again
from ingest.runs.reset import reset_run
from ingest.runs.retry import locked

Status = Run.Status

_SAFEGUARDS = {
    "empty": "the file has no records, and the last load had {:,}",
    "deleted": "{:,} rows would be deleted",
    "shrunk": "the file has {:,} fewer records than the previous snapshot",
    "duplicate": "{:,} records repeat a key but differ in other columns",
    "key_type": "a key column would become text because of {:,} of its values",
    "export": "it is an export of a table without a key: {:,} records would be inserted as new rows",
    "address": "its columns _dataset and _run don't lead to a run",
    "approval": "the dataset asks for approval",
}


def held_by(brakes: Mapping[str, int]) -> str:
    """Return what held a run, or would hold it, in words."""
    return ", ".join(_SAFEGUARDS.get(brake, f"{brake} {{:,}}").format(count) for brake, count in brakes.items())


class CountsChanged(RunFailed):
    """The run's counts have changed since they were confirmed."""


def seen(run: Run) -> str:
    """Return a short digest of what a person sees of ``run`` before deciding: its status, its counts, what held it."""
    counts = [
        run.token,
        run.status,
        run.records,
        run.deleted,
        *(getattr(run, count) for count in Run.FATES),
    ]
    state = [*counts, sorted(run.brakes.items()), run.undone, run.undoable]
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()[:16]


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
    """Queue a held run to be loaded into the table as it is then; a count that has grown holds it again.

    If the run is held because its file can be read in several ways, ``reading`` is the number of the one to use, from
    1. It is also pinned for the next files if the dataset hasn't loaded anything yet, or with ``always``. ``confirmed``
    is what ``seen`` returned for the counts that the user confirmed. Raises CountsChanged if they have changed since;
    RunFailed if the run isn't held, a reading is missing, or the dataset is closed to ``user``.
    """
    with transaction.atomic():
        run = _held(run_id)
        require_access(run.dataset, user)
        if run.question or reading is not None or always:
            _apply_reading(run, _offered_reading(run, reading), always=always)
            return run
        if confirmed is not None and confirmed != seen(run):
            raise CountsChanged(
                f"The counts of run {run.pk} have changed since you confirmed them. Check them and confirm again."
            )
        reset_run(run, approved=run.brakes)
    return run


def _offered_reading(run: Run, reading: int | None) -> dict[str, Any]:
    if not run.question:
        raise RunFailed(f"Run {run.pk} isn't waiting for a choice of reading: approve it without one.")
    if reading is None or not 1 <= reading <= len(run.question):
        labels = "; ".join(f"{number}: {offer['label']}" for number, offer in enumerate(run.question, 1))
        raise RunFailed(f"Run {run.pk} can be read in several ways ({labels}). Choose one by its number.")
    offer = run.question[reading - 1]
    dialect: dict[str, Any] = offer["dialect"]
    return {"encoding": dialect["encoding"], OF_ENCODING: True} if offer.get(OF_ENCODING) else dialect


def _apply_reading(run: Run, reading: dict[str, Any], *, always: bool) -> None:
    """Queue the run with ``reading``. What was approved before its file was read stays approved."""
    is_pinned = run.dataset is not None and (always or not run.dataset.headers)
    pins = pins_of(reading) if is_pinned else {}
    if pins:
        set_pins(run.dataset, pins)
    run.reading = choice(run, reading)
    reset_run(run, approved=run.approved)
    if pins:
        read_again(run.dataset)


def discard(run_id: int, who: str, *, user: Any | None = None) -> Run:
    """Discard a held run, of which nothing was loaded. Its reason names ``who``.

    A dataset that was created for its file and never loaded is deleted with its last run. Raises RunFailed if the run
    isn't held, or its dataset is closed to ``user``.
    """
    with transaction.atomic():
        run = _held(run_id)
        require_access(run.dataset, user)
        acknowledge([run_id], who)
        run.status, run.reason = Status.DISCARDED, storable(f"Discarded by {who}.")
        Run.objects.filter(pk=run_id).update(status=run.status, reason=run.reason, unclear=False, finished=Now())
        telemetry.ended(run, run.status, {"reason": run.reason})
        if BRAKE in run.brakes:
            detach_draft(run)
        elif run.question:
            _remove_empty_dataset(run)
    return run


def _remove_empty_dataset(run: Run) -> None:
    """Delete the run's dataset if this was its last run and nothing was ever loaded into it."""
    name = run.dataset.name if run.dataset else ""
    if run.dataset and remove_if_abandoned(run.dataset):
        run.dataset = None
        run.reason += f" Nothing was ever loaded into {name}, so that dataset was removed."
        Run.objects.filter(pk=run.pk).update(reason=run.reason)


def _held(run_id: int) -> Run:
    run = locked(run_id)
    if run.status != Status.HELD:
        raise RunFailed(f"Run {run.pk} is {run.status}; only held runs can be approved or discarded.")
    return run
