"""Follow: which run an uploaded file became, and who sent the file of a run."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from ingest.loader.source import SourceObject
from ingest.models import Run, Upload

_WIDE = ("columns", "ddl", "notes", "dialect", "traceback", "stayed", "sample", "stages")


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
    runs = found.select_related("dataset", "progress").defer(*_WIDE)
    return {sent[known]: run for run in runs if (known := (run.key, run.source_identity)) in sent}


def sender_of(source: SourceObject) -> str:
    """Who sent ``source`` from a page of ours; empty if nobody did.

    Its event may be faster than the answer that tells us its version: so its ETag, known before, is asked for.
    """
    known = Q(upload_id="", finished__isnull=True)
    known |= Q(etag=source.etag) if source.etag else Q(version_id=source.version_id)
    sent = Upload.objects.filter(known, key=source.key, size=source.size)
    return sent.order_by("-id").values_list("who", flat=True).first() or ""


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
