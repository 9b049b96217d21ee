"""Acknowledge failed and held runs, so that they no longer need attention."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from ingest.models import Run, storable

_MAX_NAME_LENGTH = 200  # characters


def acknowledge(run_ids: Iterable[int], who: str) -> int:
    """Mark these failed or held runs as acknowledged by ``who``; return how many of them were open.

    Runs in another status, and those already acknowledged, stay unchanged.
    """
    return _acknowledge(Run.objects.filter(pk__in=list(run_ids)), who)


def acknowledge_older(run: Run) -> None:
    """Acknowledge the earlier failures of the dataset and key of ``run``, a load that succeeded.

    Held runs stay open: someone still has to decide about them.
    """
    older = Run.objects.filter(Q(dataset=run.dataset_id) | Q(dataset=None, bucket=run.bucket, key=run.key))
    _acknowledge(older.filter(status=Run.Status.FAILED, pk__lt=run.pk), f"run {run.pk}")


def _acknowledge(runs: QuerySet[Run], who: str) -> int:
    return runs.unacknowledged().update(answered=Now(), answered_by=storable(who)[:_MAX_NAME_LENGTH])
