"""Find the runs that are due, and retry or reload runs on an operator's request."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from ingest.datasets.permission import require_access
from ingest.datasets.routing import destination
from ingest.loader.outcome.errors import RunFailed
from ingest.models import Run
from ingest.runs.claim import FREE
from ingest.runs.once import check_loaded_again_once, check_undone_once
from ingest.runs.questions import forget_outdated_choice, waits_for_question
from ingest.runs.receive import load_once_more
from ingest.runs.reset import reset_run

Status = Run.Status

RETRIED = (Status.FAILED, Status.SUPERSEDED, Status.DISCARDED)
"""Statuses from which a run can be retried. A run that succeeded is loaded again as a new run instead."""

LOADED_AGAIN = (*Run.COMMITTED, Status.SUPERSEDED)
"""Statuses from which the file can be loaded again, as a new run."""

_OTHER_KINDS = {Run.Kind.UNDO: "an undo", Run.Kind.PREVIEW: "a preview"}


def due(limit: int = 100) -> list[int]:
    """Return the ids of the runs to execute now, oldest first: those that wait, and those whose worker died.

    A queued run is due once its lease time has passed: the worker that received it has died. The first files of a
    dataset are not due while an earlier one is an open question.
    """
    waiting = Q(status=Status.WAITING) & (Q(not_before__isnull=True) | Q(not_before__lte=Now()))
    abandoned = Q(status=Status.RUNNING, progress__lease_until__lt=Now())
    never_claimed = Q(status=Status.QUEUED, received__lt=Now() - timedelta(seconds=settings.LEASE_SECONDS))
    is_due = abandoned | ((waiting | never_claimed) & ~waits_for_question())
    runs = Run.objects.filter(is_due, status__in=[*FREE, Status.RUNNING], dataset__isnull=False)
    return list(runs.order_by("id").values_list("pk", flat=True)[:limit])


def retry(run_id: int, *, user: Any | None = None) -> Run:
    """Queue a failed, superseded or discarded run again, with its full number of attempts.

    Raises RunFailed if the run is in another status, its file name still leads to no table, its dataset is closed to
    ``user``, or it is an undo of a run that another one is undoing.
    """
    with transaction.atomic():
        run = locked(run_id)
        if not can_be_retried(run):
            raise RunFailed(f"Run {run.pk} is {run.status}; only failed, superseded or discarded runs can be retried.")
        if run.dataset is None:
            run.dataset, run.pattern = destination(run.key)
        require_access(run.dataset, user)
        if run.undoes_id:
            check_undone_once(locked(run.undoes_id))
        forget_outdated_choice(run)
        reset_run(run)
    return run


def can_be_retried(run: Run) -> bool:
    """Return whether the status of ``run`` allows a retry. A discarded preview's file no longer exists."""
    return run.status in RETRIED and (run.kind, run.status) != (Run.Kind.PREVIEW, Status.DISCARDED)


def locked(run_id: int) -> Run:
    """Return the run with its row locked for an operator's decision. Raises Run.DoesNotExist."""
    return Run.objects.select_for_update(no_key=True, of=("self",)).select_related("dataset").get(pk=run_id)


def load_again(run_id: int, who: str = "", *, user: Any | None = None) -> Run:
    """Create a waiting run that loads the same version of a file again ("Load anyway"), and return it.

    It loads even content that is already in the table, and over the rows of newer versions of the file. Raises
    RunFailed if the run neither succeeded nor was superseded, its dataset is closed to ``user``, or the file is already
    being loaded again.
    """
    run = Run.objects.select_related("dataset").get(pk=run_id)
    if run.kind != Run.Kind.LOAD:
        raise RunFailed(f"Run {run.pk} is {_OTHER_KINDS[run.kind]}; only a load can be repeated.")
    if run.status not in LOADED_AGAIN:
        raise RunFailed(f"Run {run.pk} is {run.status}; only succeeded or superseded runs can be loaded again.")
    require_access(run.dataset, user)
    with transaction.atomic():
        check_loaded_again_once(run)
        forget_outdated_choice(run)
        return load_once_more(run, forced=True, status=Status.WAITING, who=who)
