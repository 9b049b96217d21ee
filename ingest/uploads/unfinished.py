"""Unfinished: the uploads that somebody has begun, how much of each has come, and when the bucket drops them."""

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

_PATIENCE: Final = 3.0
"""Seconds that a page waits for S3 to tell what has come: 50 uploads take 0.2 s where it answers."""
_CALLS: Final = 8
_LIFE: Final = timedelta(days=EXPIRE_DAYS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Unfinished:
    """An upload that nobody has finished."""

    upload: Upload
    came: int | None
    """Bytes of the parts that lie in S3; None where it didn't tell in time."""
    gone: bool = False
    """Whether S3 knows nothing of it any more."""

    @property
    def expires(self) -> datetime:
        """From when on the bucket's rule drops it."""
        return self.upload.started + _LIFE


def unfinished_uploads(user: Any, most: int) -> list[Unfinished]:
    """The newest uploads that somebody has begun and nobody finished, of datasets that aren't closed to ``user``."""
    begun = Upload.objects.filter(finished__isnull=True, started__gte=timezone.now() - _LIFE).exclude(upload_id="")
    begun = list(begun.order_by("-started")[:most])
    goes = permitted([upload.key for upload in begun], user)
    return _asked([upload for upload in begun if not isinstance(goes[upload.key], RunFailed)])


def forget_expired() -> int:
    """Forget the uploads that the bucket's rule has dropped by now; gives how many they were."""
    return Upload.objects.filter(finished__isnull=True, started__lt=timezone.now() - _LIFE).delete()[0]


def _asked(begun: Sequence[Upload]) -> list[Unfinished]:
    """What has come of each, several asked at a time, and nobody waited for beyond patience."""
    threads = ThreadPoolExecutor(_CALLS)
    asked = [threads.submit(uploads.parts, settings.BUCKET, each.key, each.upload_id) for each in begun]
    wait(asked, timeout=_PATIENCE)
    threads.shutdown(wait=False, cancel_futures=True)
    return [_told(upload, answer) for upload, answer in zip(begun, asked, strict=True)]


def _told(upload: Upload, answer: "Future[list[uploads.Part]]") -> Unfinished:
    if not answer.done() or answer.cancelled():
        return Unfinished(upload=upload, came=None)
    try:
        return Unfinished(upload=upload, came=sum(part.size for part in answer.result()))
    except UploadGone:
        return Unfinished(upload=upload, came=None, gone=True)
    except IngestError:
        return Unfinished(upload=upload, came=None)
