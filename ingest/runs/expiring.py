"""Expire: rows as they were before a run are kept for some days, then its undo ends (BEHAVIOUR 8)."""

import logging
from datetime import timedelta

import psycopg2
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from ingest.loader import load as loading
from ingest.loader.undo import forget
from ingest.models import Dataset, Run
from ingest.runs.uploading import forget_expired

_LOG = logging.getLogger("ingest.runs")

_LOCK_NOT_AVAILABLE = "55P03"
_TABLES = 20
"""So many tables at a time, of which each may have to be waited for some seconds."""


def expire() -> int:
    """End the undo of runs that finished over ``UNDO_DAYS`` days ago, by the full hour; gives how many they were.

    Uploads that nobody finished are forgotten too. A table that is busy is left for the next time. By the full hour,
    so that this costs one look at an index when it is called each minute.
    """
    forget_expired()
    before = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=settings.UNDO_DAYS)
    old = Run.objects.filter(undoable=True, finished__lt=before)
    datasets = Dataset.objects.filter(pk__in=old.values("dataset")).order_by("pk")[:_TABLES]
    return sum(_forget(dataset, list(old.filter(dataset=dataset).values_list("pk", flat=True))) for dataset in datasets)


def _forget(dataset: Dataset, run_ids: list[int]) -> int:
    try:
        with transaction.atomic():
            loading.lock(connection.connection, dataset.name)
            forget(connection.connection, dataset.name, run_ids)
            return Run.objects.filter(pk__in=run_ids).update(undoable=False)
    except psycopg2.Error as error:
        if error.pgcode != _LOCK_NOT_AVAILABLE:
            raise
        _LOG.info("The table %s is busy; what was kept of it before old runs is forgotten later.", dataset.name)
        return 0
