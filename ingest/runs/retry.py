"""Retry: what waits, what its worker left behind, and what an operator asks for."""

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
from ingest.runs.questions import forget_overtaken_choice, is_behind
from ingest.runs.receive import load_once_more
from ingest.runs.reset import reset_run

Status = Run.Status

RETRIED = (Status.FAILED, Status.SUPERSEDED, Status.DISCARDED)
"""What an operator can have tried again as it is; a run that succeeded is loaded once more, as a new one."""

LOADED_AGAIN = (*Run.COMMITTED, Status.SUPERSEDED)
"""What an operator can have loaded again, as a run of its own."""

_OTHER_KINDS = {Run.Kind.UNDO: "an undo", Run.Kind.PREVIEW: "a preview"}


def due(limit: int = 100) -> list[int]:
    """The runs to take up now, longest waiting first (their ids): waiting ones, and those whose worker died.

    A queued run is due when its own worker has had a lease's time to take it: the one that received it has died. First
    files of a dataset aren't, as long as an earlier one is a question.
    """
    waiting = Q(status=Status.WAITING) & (Q(not_before__isnull=True) | Q(not_before__lte=Now()))
    left = Q(status=Status.RUNNING, progress__lease_until__lt=Now())
    forgotten = Q(status=Status.QUEUED, received__lt=Now() - timedelta(seconds=settings.LEASE_SECONDS))
    taken_up = left | ((waiting | forgotten) & ~is_behind())
    found = Run.objects.filter(taken_up, status__in=[*FREE, Status.RUNNING], dataset__isnull=False)
    return list(found.order_by("id").values_list("pk", flat=True)[:limit])


def retry(run_id: int, *, user: Any | None = None) -> Run:
    """Have a failed, superseded or discarded run tried again, with all its attempts before it; ``user`` asks.

    Raises RunFailed, with a sentence, if the run is in another state, its file name still leads to no table, its
    dataset is closed to ``user``, or it is an undo of a run that another one undoes by now.
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
        forget_overtaken_choice(run)
        reset_run(run)
    return run


def can_be_retried(run: Run) -> bool:
    """Return whether ``run`` is in a state from which it is tried again; a discarded preview's file is gone."""
    return run.status in RETRIED and (run.kind, run.status) != (Run.Kind.PREVIEW, Status.DISCARDED)


def locked(run_id: int) -> Run:
    """The run, its row locked for an operator's decision; Run.DoesNotExist if there is none."""
    return Run.objects.select_for_update(no_key=True, of=("self",)).select_related("dataset").get(pk=run_id)


def load_again(run_id: int, who: str = "", *, user: Any | None = None) -> Run:
    """A new run of a source object whatever speaks against it ("load anyway"); gives that run, waiting.

    It is loaded even if its content is in the table, and over the rows of newer versions of its file. Raises RunFailed
    if the run has neither succeeded nor been superseded, its dataset is closed to ``user``, or somebody has asked for
    the same and that load hasn't ended.
    """
    run = Run.objects.select_related("dataset").get(pk=run_id)
    if run.kind != Run.Kind.LOAD:
        raise RunFailed(f"Run {run.pk} is {_OTHER_KINDS[run.kind]}; only a load can be repeated.")
    if run.status not in LOADED_AGAIN:
        raise RunFailed(f"Run {run.pk} is {run.status}; only succeeded or superseded runs can be loaded again.")
    require_access(run.dataset, user)
    with transaction.atomic():
        check_loaded_again_once(run)
        forget_overtaken_choice(run)
        return load_once_more(run, forced=True, status=Status.WAITING, who=who)
