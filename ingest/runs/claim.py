"""Claim: exactly one worker at a time carries a run (BEHAVIOUR 8, "Who holds a run")."""

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
    """The right to carry one run, until somebody claims it with a higher token."""

    run: Run
    token: int
    clock: StageClock = field(default_factory=StageClock)
    """Of the attempt that it begins."""


class ClaimLost(RunFailed):
    """Somebody else holds the run by now: stop, and leave no trace."""


def lease_end() -> Combinable:
    """The moment, by the database's clock, up to which a holder that reports now is taken to be alive."""
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)


def first_claim() -> dict[str, object]:
    """The fields of a run that is made claimed: as ``claim`` would leave it."""
    return {"status": Run.Status.RUNNING, "token": 1, "attempts": 1, "started": Now()}


def lease(token: int) -> dict[str, object]:
    """The fields of the progress of a run that is claimed now."""
    return {"token": token, "lease_until": lease_end(), "stage": Progress.Stage.FETCH}


def claim(run_id: int) -> Claim | None:
    """Take the run if nobody holds it: it waits, or its holder's lease is over.

    None if it is finished, or held: a run whose row is locked is being loaded, whatever its lease says. A run whose
    holders died ``MAX_ATTEMPTS`` times fails here instead.
    """
    with transaction.atomic():
        run = _lock_free(run_id)
        if run is None:
            return None
        if run.attempts - run.interruptions >= settings.MAX_ATTEMPTS:
            _fail_spent(run)
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
        begun = {"bytes_done": 0, "bytes_total": run.size, "rows": None, "stages": []}
        Progress.objects.filter(pk=run_id).update(**lease(token), **begun)
        run.token, run.attempts, run.started = token, run.attempts + 1, timezone.now()
        telemetry.claimed(run)
    return Claim(run=run, token=token)


def _lock_free(run_id: int) -> Run | None:
    """The run with its row locked, if it can be claimed."""
    run = (
        Run.objects.select_for_update(skip_locked=True, no_key=True, of=("self",))
        .select_related("dataset__newest")
        .filter(pk=run_id, status__in=[*FREE, Run.Status.RUNNING], dataset__isnull=False)
        .first()
    )
    if run is None or run.status in FREE:
        return run
    # A statement of its own: it sees what was committed until the lock was ours.
    return run if Progress.objects.filter(pk=run_id, token=run.token, lease_until__lt=Now()).exists() else None


def _fail_spent(run: Run) -> None:
    reason = (
        f"The worker stopped in the middle of this run {settings.MAX_ATTEMPTS} times, the last time at the stage "
        f"{run.progress.stage!r}; nothing was loaded. Look for its end in the worker's log "
        "(memory, time limit), then retry the run."
    )
    Run.objects.filter(pk=run.pk).update(status=Run.Status.FAILED, token=F("token") + 1, reason=reason, finished=Now())
    telemetry.ended(run, Run.Status.FAILED, {"reason": reason})
