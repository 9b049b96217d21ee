"""Track uploads: which run an uploaded file became, and who sent the file of a run."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from ingest.loader.outcome.source_object import SourceObject
from ingest.models import Run, Upload

_MAX_CANDIDATES = 20
"""How many uploads of one key and size are considered: those of a version or ETag, and unfinished ones."""


def runs_of(uploads: Iterable[Upload]) -> dict[int, Run]:
    """Return the runs of ``uploads``, by the upload's id, in one query."""
    sent = {(upload.key, _identity(upload)): upload.pk for upload in uploads if upload.finished}
    if not sent:
        return {}
    loads = Run.objects.filter(
        bucket=settings.BUCKET,
        key__in={key for key, _ in sent},
        source_identity__in={identity for _, identity in sent},
        load_number=1,
    )
    runs = loads.select_related("dataset", "progress").defer(*Run.WIDE)
    return {sent[known]: run for run in runs if (known := (run.key, run.source_identity)) in sent}


def upload_of(source: SourceObject) -> Upload | None:
    """Return the upload that sent ``source`` from the upload page; None if it arrived another way.

    Its event may arrive before S3's response with the version. Then it is recognized by the ETag that we predicted; if
    a KMS key encrypts the bucket, the ETag differs but the number of parts at its end is the same.
    """
    candidates = Q(version_id=source.version_id) | Q(etag=source.etag) | Q(finished__isnull=True)
    sent = list(Upload.objects.filter(candidates, key=source.key, size=source.size).order_by("-id")[:_MAX_CANDIDATES])
    checks = (_is_version, _has_etag, _is_copied, _is_completed)
    return next((upload for check in checks for upload in sent if check(upload, source)), None)


def _is_version(upload: Upload, source: SourceObject) -> bool:
    return bool(source.version_id) and upload.version_id == source.version_id


def _has_etag(upload: Upload, source: SourceObject) -> bool:
    """Compare ETags, unless both have a version: the same bytes sent by someone else are another upload."""
    return bool(source.etag) and upload.etag == source.etag and not (upload.version_id and source.version_id)


def _is_copied(upload: Upload, _: SourceObject) -> bool:
    """Return whether the upload is a copy within S3 that is in progress."""
    return upload.finished is None and not upload.upload_id


def _is_completed(upload: Upload, source: SourceObject) -> bool:
    """Return whether S3 was asked to complete the object from this number of parts and hasn't answered yet."""
    parts, expected = source.etag.partition("-")[2], upload.etag.partition("-")[2]
    return upload.finished is None and bool(expected) and parts == expected


@contextmanager
def sent_by(who: str, key: str, size: int) -> Iterator[list[SourceObject]]:
    """Record that what is copied to ``key`` is sent by ``who``; the new object is appended to the yielded list."""
    mark = f"copy {timezone.now().isoformat()}"
    upload = Upload.objects.create(key=key, size=size, who=who, fingerprint=mark, started=timezone.now())
    sources: list[SourceObject] = []
    try:
        yield sources
    except BaseException:
        upload.delete()
        raise
    for source in sources:
        note_finished(upload, source, who)


def note_finished(upload: Upload, source: SourceObject, who: str) -> Upload:
    """Record which version an upload became, and who sent it."""
    upload.finished, upload.who = timezone.now(), who
    upload.version_id, upload.etag = source.version_id, source.etag
    upload.save(update_fields=["finished", "who", "version_id", "etag"])
    return upload


def _identity(upload: Upload) -> str:
    return Run.identity_of(
        SourceObject(
            bucket=settings.BUCKET,
            key=upload.key,
            size=upload.size,
            etag=upload.etag,
            version_id=upload.version_id,
        )
    )
