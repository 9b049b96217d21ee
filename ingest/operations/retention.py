"""Delete what is kept for a limited time, from before-images (file-rules#undo) to sessions."""

import logging
from datetime import datetime, timedelta

import psycopg2
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from ingest.aws import objects
from ingest.loader import load as loading
from ingest.loader.outcome.errors import IngestError
from ingest.loader.outcome.source_object import SourceObject
from ingest.loader.undo import forget
from ingest.models import Dataset, LoginLimit, Message, Run, Trouble
from ingest.rejects.csv_file import folder_of
from ingest.uploads.unfinished import forget_expired

_LOG = logging.getLogger("ingest.runs")

_LOCK_NOT_AVAILABLE = "55P03"
_TABLES = 20
"""Tables per call, since each may have to be waited for some seconds."""
_ROWS = 1_000
_FILES = 20
"""Files per call; the next minute deletes the others."""


def expire() -> int:
    """Delete the before-images of runs that finished over ``UNDO_DAYS`` days ago; return how many runs there were.

    Also deletes unfinished uploads, old messages, reject lists and audit log entries, and expired sessions and login
    limits. A busy table is left for the next call. Ages are measured at the full hour, so that a call each minute only
    takes a few index lookups.
    """
    forget_expired()
    _delete_sessions_and_log()
    _delete_messages()
    _delete_reject_files()
    before = _ago(settings.UNDO_DAYS)
    old = Run.objects.filter(undoable=True, finished__lt=before)
    datasets = Dataset.objects.filter(pk__in=old.values("dataset")).order_by("pk")[:_TABLES]
    return sum(
        _delete_before_images(dataset, list(old.filter(dataset=dataset).values_list("pk", flat=True)))
        for dataset in datasets
    )


def _ago(days: int) -> datetime:
    return timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(days=days)


def _delete_sessions_and_log() -> None:
    """Delete expired sessions and login limits, and audit log entries older than ``AUDIT_LOG_DAYS``.

    The log has no index by time, so its oldest entries by id are checked.
    """
    now = timezone.now()
    _delete(Session.objects.filter(expire_date__lt=now))
    _delete(LoginLimit.objects.filter(full_at__lt=now))
    oldest = LogEntry.objects.order_by("pk").values_list("pk", "action_time")[:_ROWS]
    before = _ago(settings.AUDIT_LOG_DAYS)
    LogEntry.objects.filter(pk__in=[entry for entry, time in oldest if time < before]).delete()


def _delete(rows: QuerySet) -> None:
    rows.model.objects.filter(pk__in=list(rows.values_list("pk", flat=True)[:_ROWS])).delete()


def _delete_messages() -> None:
    """Delete messages that were sent or given up, and incidents that are over, ``MESSAGE_DAYS`` later."""
    before = _ago(settings.MESSAGE_DAYS)
    done = Message.objects.filter(Q(sent__isnull=False) | Q(not_before=None), created__lt=before)
    Message.objects.filter(pk__in=list(done.order_by("created").values_list("pk", flat=True)[:_ROWS])).delete()
    without_messages = ~Exists(Message.objects.filter(trouble=OuterRef("pk")))
    over = Trouble.objects.filter(without_messages, closed__lt=before).order_by("closed")
    Trouble.objects.filter(pk__in=list(over.values_list("pk", flat=True)[:_ROWS])).delete()


def _delete_reject_files() -> None:
    """Delete the full reject lists of runs that finished over ``REJECT_DAYS`` days ago, but not the stored rejects.

    Each attempt may have written one. If the bucket refuses to delete one, that is retried.
    """
    old = Run.objects.exclude(rejects_key="").filter(finished__lt=_ago(settings.REJECT_DAYS))
    for run in old.order_by("finished").only("bucket", "rejects_key")[:_FILES]:
        try:
            are_removed = all(_remove(run.bucket, key) for key in _lists_of(run))
        except IngestError as refused:
            _LOG.info("Deleting the reject lists of old runs is postponed: %s", refused)
            return
        if not are_removed:
            _LOG.warning("The reject lists of old runs can't be deleted: the role needs s3:DeleteObject on them.")
            return
        Run.objects.filter(pk=run.pk, rejects_key=run.rejects_key).update(rejects_key="")


def _lists_of(run: Run) -> set[str]:
    pages = objects.versions(run.bucket, folder_of(run))
    return {version.source.key for page in pages for version in page if version.newest}


def _remove(bucket: str, key: str) -> bool:
    """Delete by name, so that a versioned bucket keeps the version as long as its rules say."""
    return objects.remove(SourceObject(bucket=bucket, key=key, size=0))


def _delete_before_images(dataset: Dataset, run_ids: list[int]) -> int:
    try:
        with transaction.atomic():
            loading.lock(connection.connection, dataset.name)
            forget(connection.connection, dataset.name, run_ids)
            return Run.objects.filter(pk__in=run_ids).update(undoable=False)
    except psycopg2.Error as error:
        if error.pgcode != _LOCK_NOT_AVAILABLE:
            raise
        _LOG.info("The table %s is busy: deleting the before-images of its old runs is postponed.", dataset.name)
        return 0
