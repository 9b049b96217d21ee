"""Answering: a failed or held run troubles nobody any more once it is tried again, overtaken, or acknowledged."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from ingest.models import Run, storable

_LONGEST_NAME = 200  # characters


def acknowledge(run_ids: Iterable[int], who: str) -> int:
    """Note that ``who`` has seen these failed or held runs; gives for how many that was news.

    Runs in another state, and those that are answered already, stay as they are.
    """
    return _acknowledge(Run.objects.filter(pk__in=list(run_ids)), who)


def acknowledge_older(run: Run) -> None:
    """A load that succeeded answers the failures before it of its dataset and of its key.

    Held runs wait for somebody all the same: what they would do is still to be decided.
    """
    older = Run.objects.filter(Q(dataset=run.dataset_id) | Q(dataset=None, bucket=run.bucket, key=run.key))
    _acknowledge(older.filter(status=Run.Status.FAILED, pk__lt=run.pk), f"run {run.pk}")


def _acknowledge(runs: QuerySet[Run], who: str) -> int:
    return runs.unacknowledged().update(answered=Now(), answered_by=storable(who)[:_LONGEST_NAME])
