"""Follow: which run an uploaded file became, and who sent the file of a run."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from ingest.loader.outcome.source_object import SourceObject
from ingest.models import Run, Upload

_MOST_SENT = 20
"""Uploads of one key and size that may be the one: those of a version or ETag, and unfinished ones."""


def runs_of(uploads: Iterable[Upload]) -> dict[int, Run]:
    """The runs that have come of ``uploads``, by the upload's number, asked in one query."""
    sent = {(upload.key, _identity(upload)): upload.pk for upload in uploads if upload.finished}
    if not sent:
        return {}
    found = Run.objects.filter(
        bucket=settings.BUCKET,
        key__in={key for key, _ in sent},
        source_identity__in={identity for _, identity in sent},
        load_number=1,
    )
    runs = found.select_related("dataset", "progress").defer(*Run.WIDE)
    return {sent[known]: run for run in runs if (known := (run.key, run.source_identity)) in sent}


def upload_of(source: SourceObject) -> Upload | None:
    """Return the upload by which ``source`` was sent from a page of ours; None if it came another way.

    Its event may be faster than the answer that tells us its version. Then it is known by the ETag that we foretold;
    where a KMS key encrypts the bucket that is another, but the number of parts behind it stays.
    """
    told = Q(version_id=source.version_id) | Q(etag=source.etag) | Q(finished__isnull=True)
    sent = list(Upload.objects.filter(told, key=source.key, size=source.size).order_by("-id")[:_MOST_SENT])
    ways = (_is_version, _has_etag, _is_copied, _is_completed)
    return next((upload for way in ways for upload in sent if way(upload, source)), None)


def _is_version(upload: Upload, source: SourceObject) -> bool:
    return bool(source.version_id) and upload.version_id == source.version_id


def _has_etag(upload: Upload, source: SourceObject) -> bool:
    """Without a version; the same bytes, put there once more by another, are another one."""
    return bool(source.etag) and upload.etag == source.etag and not (upload.version_id and source.version_id)


def _is_copied(upload: Upload, _: SourceObject) -> bool:
    """Whether a copy within S3 goes on."""
    return upload.finished is None and not upload.upload_id


def _is_completed(upload: Upload, source: SourceObject) -> bool:
    """Whether S3 was told to make an object of so many parts, and hasn't answered yet."""
    parts, expected = source.etag.partition("-")[2], upload.etag.partition("-")[2]
    return upload.finished is None and bool(expected) and parts == expected


@contextmanager
def sent_by(who: str, key: str, size: int) -> Iterator[list[SourceObject]]:
    """Note that what is copied to ``key`` meanwhile was sent by ``who``; what it became goes into the list given."""
    mark = f"copy {timezone.now().isoformat()}"
    upload = Upload.objects.create(key=key, size=size, who=who, fingerprint=mark, started=timezone.now())
    became: list[SourceObject] = []
    try:
        yield became
    except BaseException:
        upload.delete()
        raise
    for source in became:
        note_finished(upload, source, who)


def note_finished(upload: Upload, source: SourceObject, who: str) -> Upload:
    """Write down which version an upload has become, and who has sent it."""
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
