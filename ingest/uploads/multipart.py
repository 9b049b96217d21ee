"""Upload files from a browser to S3 in parts. S3 knows which parts it has (ADMIN, "Upload")."""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import reduce
from operator import or_
from typing import Any, Final, TypeVar

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from ingest.aws import uploads
from ingest.aws.uploads import Part, UploadGone
from ingest.datasets.permission import permitted
from ingest.datasets.pins import may_pin
from ingest.loader.outcome.errors import IngestError, RunFailed
from ingest.loader.outcome.source_object import SourceObject
from ingest.models import Upload
from ingest.uploads.keys import key_of
from ingest.uploads.ownership import ENDED, refusal
from ingest.uploads.precheck import SelectedFile, check_pins, refuse_size
from ingest.uploads.tracking import note_finished

MOST_LINKS: Final = 50
"""How many parts links are signed for in one request."""
MOST_FILES: Final = 50
"""Files in one request, which has 29 seconds and 6 MB on Lambda: each takes one or two calls to S3, 8 at a time."""
_PART: Final = 8 << 20
_PARTS: Final = 9_000
"""S3 allows 10,000 parts."""
_CALLS: Final = 8
_SLACK: Final = timedelta(seconds=5)
"""An upload starts in S3 a moment before we record it."""

_NO_UPLOAD: Final = UploadGone("This upload was discarded in the meantime: choose the file again.")

_T, _R = TypeVar("_T"), TypeVar("_R")


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadSession:
    """The state of an upload, and the links for its next parts."""

    upload: Upload
    there: tuple[int, ...] = ()
    """The parts that S3 has received completely."""
    links: dict[int, str] = field(default_factory=dict)


def part_size(size: int) -> int:
    """Return the size of each part but the last: 8 MiB, or more to keep the number of parts under S3's limit."""
    return max(_PART, math.ceil(size / _PARTS))


def start_uploads(files: Sequence[SelectedFile], *, user: Any, preview: bool) -> list[UploadSession | IngestError]:
    """Start to upload each of ``files``, or continue the unfinished upload of it that belongs to ``user``.

    Returns for each its session with the first links, or an error: RunFailed, also if the upload belongs to someone
    else, or RunInterrupted, which can be retried.
    """
    keys, pins = _keys(files, user, preview)
    files = [replace(file, pins=checked) for file, checked in zip(files, pins, strict=True)]
    by_mark = {_mark(key, file): file for key, file in zip(keys, files, strict=True) if isinstance(key, str)}
    who = user.get_username()
    sessions = _begin(by_mark, who)
    expired = [mark for mark, session in sessions.items() if isinstance(session, UploadGone)]
    if expired:  # S3 has deleted it: start again
        _unfinished_rows(expired).delete()
        sessions |= _begin({mark: by_mark[mark] for mark in expired}, who)
    return [sessions[_mark(key, file)] if isinstance(key, str) else key for key, file in zip(keys, files, strict=True)]


def sign_parts(upload_id: int, numbers: Iterable[int], *, user: Any) -> dict[int, str]:
    """Return links for these parts, at most ``MOST_LINKS``.

    Raises RunFailed if ``user`` has no such upload, or it has no such part.
    """
    upload = _owned_upload(upload_id, user)
    sizes = upload.part_sizes
    requested = sorted(set(numbers))
    if len(requested) > MOST_LINKS or not set(requested) <= sizes.keys():
        raise RunFailed(f"{upload.key} has parts 1 to {len(sizes):,}, of which {MOST_LINKS} can be requested at once.")
    return uploads.sign(settings.BUCKET, upload.key, upload.upload_id, {number: sizes[number] for number in requested})


def finish_uploads(upload_ids: Sequence[int], *, user: Any) -> list[Upload | list[int] | IngestError]:
    """Complete uploads of ``user`` from the parts that S3 lists. Doing so twice is harmless.

    Returns for each the upload with its version, the parts that are missing, or an error.
    """
    who = user.get_username()
    known = Upload.objects.in_bulk(list(upload_ids))
    destinations = permitted([upload.key for upload in known.values()], user)
    results: dict[int, Upload | list[int] | IngestError] = {pk: known.get(pk, _NO_UPLOAD) for pk in upload_ids}
    results |= {pk: error for pk, upload in known.items() if (error := refusal(upload, destinations[upload.key], who))}
    unfinished = [upload for pk, upload in known.items() if results[pk] is upload and upload.finished is None]
    received = dict(zip((upload.pk for upload in unfinished), _map(_received, unfinished), strict=True))
    complete = {pk: parts for pk, parts in received.items() if isinstance(parts, tuple)}
    for pk, parts in list(complete.items()):  # before S3 sends the object's event, which looks up who sent it
        if not Upload.objects.filter(pk=pk, who=who).update(etag=_etag(parts)):  # taken over, or discarded
            del complete[pk]
            received[pk] = refusal(Upload.objects.filter(pk=pk).first(), None, who) or _NO_UPLOAD
    objects = dict(zip(complete, _map(lambda pk: _complete(known[pk], complete[pk]), complete), strict=True))
    for pk, result in (received | objects).items():
        results[pk] = note_finished(known[pk], result, who) if isinstance(result, SourceObject) else result
    return [results[pk] for pk in upload_ids]


def give_up_upload(upload_id: int, *, user: Any) -> Upload:
    """Discard an unfinished upload of ``user`` and its parts.

    Raises RunFailed or RunInterrupted, but not if S3 has already deleted the parts.
    """
    upload = _owned_upload(upload_id, user)
    if upload.upload_id:
        uploads.abort(settings.BUCKET, upload.key, upload.upload_id)
    Upload.objects.filter(pk=upload_id, finished__isnull=True).delete()
    return upload


# -- the rows ---------------------------------------------------------------------------------------------------------

_Mark = tuple[str, int, str]
"""What identifies an unfinished upload: key, size, fingerprint."""


def _mark(key: str, file: SelectedFile) -> _Mark:
    return key, file.size, f"{file.modified}:{file.fingerprint}"


def _keys(
    files: Sequence[SelectedFile], user: Any, preview: bool
) -> tuple[list[str | RunFailed], list[Mapping[str, Any]]]:
    """Return the key of each file, or why it can't be uploaded, and its pins, if the dataset's can still be set."""
    keys: list[str | RunFailed] = []
    for file in files:
        try:
            refuse_size(file.size)
            keys.append(key_of(file.path, preview=preview))
        except RunFailed as refused:
            keys.append(refused)
    destinations = permitted([key for key in keys if isinstance(key, str)], user)
    pins: list[Mapping[str, Any]] = [{} for _ in files]
    for index, (file, key) in enumerate(zip(files, list(keys), strict=True)):
        destination = destinations[key] if isinstance(key, str) else key
        try:
            if isinstance(destination, RunFailed):
                raise destination
            pins[index] = check_pins(file.pins) if file.pins and may_pin(destination.dataset, user) else {}
        except RunFailed as refused:
            keys[index] = refused
    return keys, pins


def _unfinished_rows(marks: Iterable[_Mark]) -> QuerySet[Upload]:
    same = [Q(key=key, size=size, fingerprint=fingerprint) for key, size, fingerprint in marks]
    return Upload.objects.filter(reduce(or_, same, Q(pk=None)), finished__isnull=True)


def _begin(files: dict[_Mark, SelectedFile], who: str) -> dict[_Mark, UploadSession | IngestError]:
    """Return the session of each file, starting those that aren't in progress."""
    rows = _by_mark(_unfinished_rows(files))
    fresh = [mark for mark in files if mark not in rows]
    started = dict(zip(fresh, _map(lambda mark: uploads.begin(settings.BUCKET, mark[0]), fresh), strict=True))
    rows |= _create_rows(files, {mark: name for mark, name in started.items() if isinstance(name, str)}, who)
    refused = {mark: error for mark, upload in rows.items() if (error := refusal(upload, None, who))}
    rows = {mark: upload for mark, upload in rows.items() if mark not in refused}
    for mark, upload in rows.items():
        if upload.pins != files[mark].pins:  # continued with other settings than it was started with
            Upload.objects.filter(pk=upload.pk).update(pins=files[mark].pins)
    new = {mark for mark, name in started.items() if mark in rows and rows[mark].upload_id == name}  # without parts
    sessions = _map(lambda mark: _session(rows[mark], () if mark in new else None), rows)
    return started | refused | dict(zip(rows, sessions, strict=True))


def _create_rows(files: dict[_Mark, SelectedFile], started: dict[_Mark, str], who: str) -> dict[_Mark, Upload]:
    """Create the rows of new uploads; if another request was faster, return its row and abort our upload."""
    now = timezone.now()
    rows = [
        Upload(
            key=mark[0],
            size=mark[1],
            fingerprint=mark[2],
            modified=files[mark].modified,
            part_size=part_size(mark[1]),
            upload_id=upload_id,
            who=who,
            started=now,
            pins=files[mark].pins,
        )
        for mark, upload_id in started.items()
    ]
    Upload.objects.bulk_create(rows, ignore_conflicts=True)
    created = _by_mark(_unfinished_rows(started))
    late = [mark for mark, upload in created.items() if upload.upload_id != started[mark]]
    _map(lambda mark: uploads.abort(settings.BUCKET, mark[0], started[mark]), late)
    return created


def _by_mark(rows: Iterable[Upload]) -> dict[_Mark, Upload]:
    return {(upload.key, upload.size, upload.fingerprint): upload for upload in rows}


def _owned_upload(upload_id: int, user: Any) -> Upload:
    """Return an unfinished upload of ``user``, or raise why there is none."""
    upload = Upload.objects.filter(pk=upload_id, finished__isnull=True).first()
    if upload is None:
        raise ENDED
    refused = refusal(upload, permitted([upload.key], user)[upload.key], user.get_username())
    if refused:
        raise refused
    return upload


# -- S3, several calls at a time; no database in their threads ---------------------------------------------------------


def _map(call: Callable[[_T], _R], items: Iterable[_T]) -> list[_R | IngestError]:
    """Return the result of ``call`` for each item, or its IngestError, with several calls at a time."""

    def result_of(item: _T) -> _R | IngestError:
        try:
            return call(item)
        except IngestError as error:
            return error

    items = list(items)
    if len(items) < 2:
        return [result_of(item) for item in items]
    with ThreadPoolExecutor(_CALLS) as threads:
        return list(threads.map(result_of, items))


def _session(upload: Upload, received: Sequence[Part] | None) -> UploadSession:
    """Return the upload with its first links. S3 lists what it received, unless that is known."""
    if received is None:
        received = uploads.parts(settings.BUCKET, upload.key, upload.upload_id)
    sizes = upload.part_sizes
    there = tuple(part.number for part in received if part.size == sizes.get(part.number))
    missing = [number for number in sizes if number not in set(there)]
    next_parts = {number: sizes[number] for number in missing[: MOST_LINKS // 10]}
    return UploadSession(
        upload=upload,
        there=there,
        links=uploads.sign(settings.BUCKET, upload.key, upload.upload_id, next_parts),
    )


def _received(upload: Upload) -> tuple[Part, ...] | list[int] | SourceObject:
    """Return all parts of the upload, the numbers of the missing ones, or the object if it is already complete."""
    try:
        received = uploads.parts(settings.BUCKET, upload.key, upload.upload_id)
    except UploadGone:
        source = uploads.completed(settings.BUCKET, upload.key, upload.started - _SLACK)
        if source is None or source.size != upload.size:
            raise
        return source
    sizes = upload.part_sizes
    complete = {part.number: part for part in received if part.size == sizes.get(part.number)}
    missing = [number for number in sizes if number not in complete]
    return missing or tuple(complete.values())


def _complete(upload: Upload, parts: tuple[Part, ...]) -> SourceObject:
    try:
        return uploads.complete(settings.BUCKET, upload.key, upload.upload_id, parts)
    except UploadGone:  # another request was faster, or the answer of an earlier one was lost
        source = uploads.completed(settings.BUCKET, upload.key, upload.started - _SLACK)
        if source is None or source.size != upload.size:
            raise
        return source


def _etag(parts: Iterable[Part]) -> str:
    """Return the ETag that S3 will give the object: a digest, unless a KMS key encrypts it, and the number of parts."""
    digests = [part.etag.strip('"') for part in sorted(parts, key=lambda part: part.number)]
    try:
        joined = b"".join(map(bytes.fromhex, digests))
    except ValueError:
        return f"-{len(digests)}"
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(digests)}"
