"""Claim a run, so that exactly one worker at a time executes it (file-rules#claim)."""

from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.expressions import Combinable
from django.db.models.functions import Now
from django.utils import timezone

from ingest.loader.outcome.errors import RunFailed
from ingest.models import Progress, Run
from ingest.runs import telemetry
from ingest.runs.stage_clock import StageClock

FREE = (Run.Status.QUEUED, Run.Status.WAITING)


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """The right to execute one run, until another worker claims it with a higher token."""

    run: Run
    token: int
    clock: StageClock = field(default_factory=StageClock)
    """Measures the attempt that the claim begins."""


class ClaimLost(RunFailed):
    """Another worker has claimed the run: stop without writing anything."""


def lease_end() -> Combinable:
    """Return when, by the database's clock, a lease that is renewed now expires."""
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)


def first_claim() -> dict[str, object]:
    """Return the fields of a run that is claimed as it is created, as ``claim`` would set them."""
    return {"status": Run.Status.RUNNING, "token": 1, "attempts": 1, "started": Now()}


def lease(token: int) -> dict[str, object]:
    """Return the fields of the progress of a run that is claimed now."""
    return {"token": token, "lease_until": lease_end(), "stage": Progress.Stage.FETCH}


def claim(run_id: int) -> Claim | None:
    """Claim the run if no worker holds it: it is waiting, or its worker's lease has expired.

    Returns None if it is finished or claimed: a run whose row is locked is being loaded, whatever its lease says. A run
    whose workers died ``MAX_ATTEMPTS`` times fails here instead.
    """
    with transaction.atomic():
        run = _lock_free(run_id)
        if run is None:
            return None
        if run.attempts - run.interruptions >= settings.MAX_ATTEMPTS:
            _fail_exhausted(run)
            return None
        token = run.token + 1
        Run.objects.filter(pk=run_id).update(
            status=Run.Status.RUNNING,
            token=token,
            attempts=F("attempts") + 1,
            started=Now(),
            finished=None,
            not_before=None,
            reason="",
            traceback="",
        )
        progress = {"bytes_done": 0, "bytes_total": run.size, "rows": None, "stages": []}
        Progress.objects.filter(pk=run_id).update(**lease(token), **progress)
        run.token, run.attempts, run.started = token, run.attempts + 1, timezone.now()
        telemetry.claimed(run)
    return Claim(run=run, token=token)


def _lock_free(run_id: int) -> Run | None:
    """Return the run with its row locked, if it can be claimed."""
    run = (
        Run.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
        .select_related("dataset__newest")
        .filter(pk=run_id, status__in=[*FREE, Run.Status.RUNNING], dataset__isnull=False)
        .first()
    )
    if run is None or run.status in FREE:
        return run
    # A separate statement, so that it sees what was committed before we got the lock.
    return run if Progress.objects.filter(pk=run_id, token=run.token, lease_until__lt=Now()).exists() else None


def _fail_exhausted(run: Run) -> None:
    reason = (
        f"The worker stopped during this run {settings.MAX_ATTEMPTS} times, the last time at the stage "
        f"{run.progress.stage!r}; nothing was loaded. Check the worker's log for the cause "
        "(memory, time limit), then retry the run."
    )
    Run.objects.filter(pk=run.pk).update(status=Run.Status.FAILED, token=F("token") + 1, reason=reason, finished=Now())
    telemetry.ended(run, Run.Status.FAILED, {"reason": reason})
