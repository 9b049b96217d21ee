"""Find out before a load whether its content is already loaded or newer versions are.

See file-rules#identical and #version-order.
"""

import hashlib
import json

from django.db import connection
from django.db.models import QuerySet

from ingest.loader.load import VERSION
from ingest.loader.writing.catalog import read_table
from ingest.models import Dataset, Run


def fingerprint(dataset: Dataset) -> str:
    """Return a digest of what a load's result depends on besides the file: policy, key, mode, loader version…"""
    conditions = [
        VERSION,
        dataset.mode,
        dataset.policy,
        dataset.declared_key,
        dataset.identities,
        dataset.ignore_email_case,
        dataset.null_tokens,
        dataset.reject_share,
        dataset.reject_count,
        dataset.encoding,
        dataset.delimiter,
        dataset.quote,
        dataset.escape,
        dataset.preamble,
        dataset.has_header,
    ]
    return hashlib.sha256(json.dumps(conditions).encode()).hexdigest()


def same_content(run: Run, dataset: Dataset, sha256: str = "") -> Run | None:
    """Return the dataset's newest run if it loaded all of the content of ``run`` under the same conditions.

    ``sha256`` is empty before the file is fetched; then ETag and size are compared. Only reliable under the table's
    lock, with ``dataset`` read under it.
    """
    newest = dataset.newest
    if newest is None or run.forced or dataset.mode == Dataset.Mode.APPEND:
        return None
    if newest.rejected or newest.duplicate or newest.deletion_withheld or newest.fingerprint != fingerprint(dataset):
        return None
    by_etag = bool(run.etag) and (run.etag, run.size) == (newest.etag, newest.size)
    by_digest = bool(sha256) and sha256 == newest.sha256
    return newest if (by_etag or by_digest) and _has_table(dataset) else None


def _has_table(dataset: Dataset) -> bool:
    """Return whether the dataset's table still exists, since someone may have dropped it."""
    with connection.cursor() as cursor:
        return read_table(cursor, dataset.name).exists


def newer_loads(run: Run) -> list[Run]:
    """Return the loads of newer versions of the run's key that are in the dataset's table, oldest version first.

    There are usually none, which takes one index lookup.
    """
    loaded = _newer(run).filter(status__in=Run.COMMITTED, undone=False, repeated_by=None)
    numbers = list(loaded.values_list("pk", flat=True))
    return list(Run.objects.filter(pk__in=numbers).order_by("version_order", "load_number")) if numbers else []


def newer_known(run: Run) -> Run | None:
    """Return the run of the newest known version of the run's key, if it is newer than the run's own."""
    return _first(_newer(run))


def previous_snapshot(run: Run) -> Run | None:
    """Return the newest run that loaded a snapshot of the dataset before ``run``."""
    return _loaded_before(run).filter(snapshot=True).order_by("-finished").first()


def last_records(run: Run) -> int | None:
    """Return how many records the dataset's last load before ``run`` had; None if there is none.

    Only reliable under the table's lock. If no newest run is noted, after an undo or a manual change, the last one is
    found by its id: sorting a long history by time would take longer than a small load.
    """
    newest = run.dataset.newest
    if newest is not None:
        return newest.records
    return _loaded_before(run).order_by("-pk").values_list("records", flat=True).first()


def _loaded_before(run: Run) -> QuerySet[Run]:
    loaded = Run.objects.filter(dataset=run.dataset_id, kind=Run.Kind.LOAD, status__in=Run.COMMITTED, undone=False)
    return loaded.exclude(pk=run.pk)


def _first(runs: QuerySet[Run]) -> Run | None:
    """Return the first run. There is usually none, so its many columns are only read if there is."""
    number = runs.values_list("pk", flat=True).first()
    return None if number is None else Run.objects.get(pk=number)


def _newer(run: Run) -> QuerySet[Run]:
    order = run.version_order
    newer = Run.objects.filter(dataset=run.dataset_id, bucket=run.bucket, key=run.key, kind=Run.Kind.LOAD)
    newer = newer.filter(version_order__gt=order) if order else newer.none()
    return newer.order_by("-version_order", "-load_number")
