"""What BEHAVIOUR 1 decides before anything is loaded: the same content again, or versions in the wrong order."""

import hashlib
import json

from django.db import connection
from django.db.models import QuerySet

from ingest.loader.load import VERSION
from ingest.loader.writing.catalog import read_table
from ingest.models import Dataset, Run


def fingerprint(dataset: Dataset) -> str:
    """All but the file's content that a load's result depends on: policy, key, mode and the loader itself."""
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
    """The dataset's newest run, if it loaded the very content of ``run`` whole, under the same conditions.

    ``sha256`` is empty as long as the file isn't fetched: then ETag and size have to tell. Certain only under the
    table's lock, with ``dataset`` read under it.
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
    """Whether the dataset's table is still there: somebody may have dropped it."""
    with connection.cursor() as cursor:
        return read_table(cursor, dataset.name).exists


def newer_loads(run: Run) -> list[Run]:
    """The loads of newer versions of the run's key that are in the dataset's table, oldest version first.

    Mostly none, which one look at an index tells.
    """
    loaded = _newer(run).filter(status__in=Run.COMMITTED, undone=False, repeated_by=None)
    numbers = list(loaded.values_list("pk", flat=True))
    return list(Run.objects.filter(pk__in=numbers).order_by("version_order", "load_number")) if numbers else []


def newer_known(run: Run) -> Run | None:
    """The newest version of the run's key that we have heard of, if it is newer than the run's own."""
    return _first(_newer(run))


def previous_snapshot(run: Run) -> Run | None:
    """The newest run that loaded the dataset's whole truth before ``run``."""
    return _loaded_before(run).filter(snapshot=True).order_by("-finished").first()


def last_records(run: Run) -> int | None:
    """Return how many records the dataset's last load before ``run`` had; None where there is none.

    Certain only under the table's lock. Without a newest run, after an undo or a change by hand, the last one is looked
    for by its number: sorting a long history by time would take longer than a small load.
    """
    newest = run.dataset.newest
    if newest is not None:
        return newest.records
    return _loaded_before(run).order_by("-pk").values_list("records", flat=True).first()


def _loaded_before(run: Run) -> QuerySet[Run]:
    loaded = Run.objects.filter(dataset=run.dataset_id, kind=Run.Kind.LOAD, status__in=Run.COMMITTED, undone=False)
    return loaded.exclude(pk=run.pk)


def _first(found: QuerySet[Run]) -> Run | None:
    """The first, mostly none: then its many columns aren't asked for."""
    number = found.values_list("pk", flat=True).first()
    return None if number is None else Run.objects.get(pk=number)


def _newer(run: Run) -> QuerySet[Run]:
    order = run.version_order
    newer = Run.objects.filter(dataset=run.dataset_id, bucket=run.bucket, key=run.key, kind=Run.Kind.LOAD)
    newer = newer.filter(version_order__gt=order) if order else newer.none()
    return newer.order_by("-version_order", "-load_number")
