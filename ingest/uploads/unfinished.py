"""Unfinished uploads: how much of each S3 has received, and when the bucket deletes them."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.utils import timezone

from ingest.aws import uploads
from ingest.aws.uploads import EXPIRE_DAYS, UploadGone
from ingest.datasets.permission import permitted
from ingest.loader.outcome.errors import IngestError, RunFailed
from ingest.models import Upload

_TIMEOUT_SECONDS: Final = 3.0
"""How long a page waits for S3 to list the parts: 50 uploads take 0.2 s if it answers."""
_CALLS: Final = 8
_LIFE: Final = timedelta(days=EXPIRE_DAYS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unfinished:
    """An upload that isn't finished."""

    upload: Upload
    came: int | None
    """Bytes of the parts in S3; None if it didn't answer in time."""
    gone: bool = False
    """Whether S3 no longer knows the upload."""

    @property
    def expires(self) -> datetime:
        """When the bucket's lifecycle rule may delete it."""
        return self.upload.started + _LIFE


def unfinished_uploads(user: Any, limit: int) -> list[Unfinished]:
    """Return the newest unfinished uploads, at most ``limit``, of datasets that aren't closed to ``user``."""
    started = Upload.objects.filter(finished__isnull=True, started__gte=timezone.now() - _LIFE).exclude(upload_id="")
    newest = list(started.order_by("-started")[:limit])
    destinations = permitted([upload.key for upload in newest], user)
    return _with_progress([upload for upload in newest if not isinstance(destinations[upload.key], RunFailed)])


def forget_expired() -> int:
    """Delete the rows of uploads that the bucket's lifecycle rule has deleted; return how many there were."""
    return Upload.objects.filter(finished__isnull=True, started__lt=timezone.now() - _LIFE).delete()[0]


def _with_progress(started: Sequence[Upload]) -> list[Unfinished]:
    """Return the uploads with what S3 received, with several calls at a time and one timeout for all."""
    threads = ThreadPoolExecutor(_CALLS)
    calls = [threads.submit(uploads.parts, settings.BUCKET, upload.key, upload.upload_id) for upload in started]
    wait(calls, timeout=_TIMEOUT_SECONDS)
    threads.shutdown(wait=False, cancel_futures=True)
    return [_progress(upload, call) for upload, call in zip(started, calls, strict=True)]


def _progress(upload: Upload, call: "Future[list[uploads.Part]]") -> Unfinished:
    if not call.done() or call.cancelled():
        return Unfinished(upload=upload, came=None)
    try:
        return Unfinished(upload=upload, came=sum(part.size for part in call.result()))
    except UploadGone:
        return Unfinished(upload=upload, came=None, gone=True)
    except IngestError:
        return Unfinished(upload=upload, came=None)
