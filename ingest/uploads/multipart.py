"""Upload: a file goes from a browser to S3 in parts; what has come so far is S3's to say (ADMIN, "Upload")."""

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
"""Parts for which links are signed at once."""
MOST_FILES: Final = 50
"""Files in one request, which Lambda gives 29 seconds and 6 MB: each costs a call or two to S3, 8 of them at a time."""
_PART: Final = 8 << 20
_PARTS: Final = 9_000
"""S3 allows 10,000 parts."""
_CALLS: Final = 8
_SLACK: Final = timedelta(seconds=5)
"""An upload is begun in S3 a moment before we write it down."""

_NO_UPLOAD: Final = UploadGone("This upload was discarded in the meantime: choose the file again.")

_T, _R = TypeVar("_T"), TypeVar("_R")


@dataclass(frozen=True, kw_only=True, slots=True)
class UploadSession:
    """What there is of an upload, and the links for what comes next."""

    upload: Upload
    there: tuple[int, ...] = ()
    """The parts that lie in S3 whole."""
    links: dict[int, str] = field(default_factory=dict)


def part_size(size: int) -> int:
    """Bytes of each part but the last: 8 MiB, or as many as keep the parts under S3's limit."""
    return max(_PART, math.ceil(size / _PARTS))


def start_uploads(files: Sequence[SelectedFile], *, user: Any, preview: bool) -> list[UploadSession | IngestError]:
    """Start to upload each of ``files``, or continue the unfinished upload of it that belongs to ``user``.

    Gives for each what there is, with the first links, or why there is none: RunFailed, also if the upload belongs to
    somebody else, or RunInterrupted, which may be tried again.
    """
    keys, pins = _keys(files, user, preview)
    files = [replace(file, pins=given) for file, given in zip(files, pins, strict=True)]
    wanted = {_mark(key, file): file for key, file in zip(keys, files, strict=True) if isinstance(key, str)}
    who = user.get_username()
    sending = _begin(wanted, who)
    expired = [mark for mark, found in sending.items() if isinstance(found, UploadGone)]
    if expired:  # S3 has dropped it: from its beginning, then
        _unfinished_rows(expired).delete()
        sending |= _begin({mark: wanted[mark] for mark in expired}, who)
    return [sending[_mark(key, file)] if isinstance(key, str) else key for key, file in zip(keys, files, strict=True)]


def sign_parts(upload_id: int, numbers: Iterable[int], *, user: Any) -> dict[int, str]:
    """Links for these parts, ``MOST_LINKS`` at most.

    Raises RunFailed where ``user`` has no such upload, or it has no such part.
    """
    upload = _known(upload_id, user)
    sizes = upload.part_sizes
    asked = sorted(set(numbers))
    if len(asked) > MOST_LINKS or not set(asked) <= sizes.keys():
        raise RunFailed(f"{upload.key} has parts 1 to {len(sizes):,}, of which {MOST_LINKS} can be asked for at once.")
    return uploads.sign(settings.BUCKET, upload.key, upload.upload_id, {number: sizes[number] for number in asked})


def finish_uploads(upload_ids: Sequence[int], *, user: Any) -> list[Upload | list[int] | IngestError]:
    """Make the objects of their parts, which S3 is asked for, of uploads of ``user``. To do so twice does no harm.

    Gives for each the upload, with its version; or the parts that are missing; or why it can't be.
    """
    who = user.get_username()
    known = Upload.objects.in_bulk(list(upload_ids))
    goes = permitted([upload.key for upload in known.values()], user)
    answers: dict[int, Upload | list[int] | IngestError] = {pk: known.get(pk, _NO_UPLOAD) for pk in upload_ids}
    answers |= {pk: no for pk, upload in known.items() if (no := refusal(upload, goes[upload.key], who))}
    open_ = [upload for pk, upload in known.items() if answers[pk] is upload and upload.finished is None]
    came = dict(zip((upload.pk for upload in open_), _each(_came, open_), strict=True))
    whole = {pk: parts for pk, parts in came.items() if isinstance(parts, tuple)}
    for pk, parts in list(whole.items()):  # before S3 tells of the object: its event asks who sent it
        if not Upload.objects.filter(pk=pk, who=who).update(etag=_etag(parts)):  # taken over, or given up, meanwhile
            del whole[pk]
            came[pk] = refusal(Upload.objects.filter(pk=pk).first(), None, who) or _NO_UPLOAD
    made = dict(zip(whole, _each(lambda pk: _completed(known[pk], whole[pk]), whole), strict=True))
    for pk, result in (came | made).items():
        answers[pk] = note_finished(known[pk], result, who) if isinstance(result, SourceObject) else result
    return [answers[pk] for pk in upload_ids]


def give_up_upload(upload_id: int, *, user: Any) -> Upload:
    """Drop an unfinished upload of ``user`` and what has come of it.

    Raises RunFailed or RunInterrupted; gone already is fine.
    """
    upload = _known(upload_id, user)
    if upload.upload_id:
        uploads.abort(settings.BUCKET, upload.key, upload.upload_id)
    Upload.objects.filter(pk=upload_id, finished__isnull=True).delete()
    return upload


# -- the rows ---------------------------------------------------------------------------------------------------------

_Mark = tuple[str, int, str]
"""By which an unfinished upload is known again: key, size, fingerprint."""


def _mark(key: str, file: SelectedFile) -> _Mark:
    return key, file.size, f"{file.modified}:{file.fingerprint}"


def _keys(
    files: Sequence[SelectedFile], user: Any, preview: bool
) -> tuple[list[str | RunFailed], list[Mapping[str, Any]]]:
    """Where each file goes, or why it can't be sent, and how it is to be read there, if that is still to be set."""
    keys: list[str | RunFailed] = []
    for file in files:
        try:
            refuse_size(file.size)
            keys.append(key_of(file.path, preview=preview))
        except RunFailed as refused:
            keys.append(refused)
    goes = permitted([key for key in keys if isinstance(key, str)], user)
    pins: list[Mapping[str, Any]] = [{} for _ in files]
    for at, key in enumerate(keys):
        to = goes[key] if isinstance(key, str) else key
        try:
            if isinstance(to, RunFailed):
                raise to
            given = files[at].pins
            pins[at] = check_pins(given) if given and may_pin(to.dataset, user) else {}
        except RunFailed as refused:
            keys[at] = refused
    return keys, pins


def _unfinished_rows(marks: Iterable[_Mark]) -> QuerySet[Upload]:
    same = [Q(key=key, size=size, fingerprint=fingerprint) for key, size, fingerprint in marks]
    return Upload.objects.filter(reduce(or_, same, Q(pk=None)), finished__isnull=True)


def _begin(wanted: dict[_Mark, SelectedFile], who: str) -> dict[_Mark, UploadSession | IngestError]:
    """What there is of each, begun where nothing is."""
    rows = _by_mark(_unfinished_rows(wanted))
    fresh = [mark for mark in wanted if mark not in rows]
    begun = dict(zip(fresh, _each(lambda mark: uploads.begin(settings.BUCKET, mark[0]), fresh), strict=True))
    rows |= _written_down(wanted, {mark: name for mark, name in begun.items() if isinstance(name, str)}, who)
    others = {mark: no for mark, upload in rows.items() if (no := refusal(upload, None, who))}
    rows = {mark: upload for mark, upload in rows.items() if mark not in others}
    for mark, upload in rows.items():
        if upload.pins != wanted[mark].pins:  # an upload that goes on, with other settings than it was begun with
            Upload.objects.filter(pk=upload.pk).update(pins=wanted[mark].pins)
    new = {mark for mark, name in begun.items() if mark in rows and rows[mark].upload_id == name}  # nothing of it came
    told = _each(lambda mark: _sending(rows[mark], () if mark in new else None), rows)
    return begun | others | dict(zip(rows, told, strict=True))


def _written_down(files: dict[_Mark, SelectedFile], begun: dict[_Mark, str], who: str) -> dict[_Mark, Upload]:
    """The rows of uploads that were begun just now; where another request was faster, its row, and ours is dropped."""
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
        for mark, upload_id in begun.items()
    ]
    Upload.objects.bulk_create(rows, ignore_conflicts=True)
    found = _by_mark(_unfinished_rows(begun))
    late = [mark for mark, upload in found.items() if upload.upload_id != begun[mark]]
    _each(lambda mark: uploads.abort(settings.BUCKET, mark[0], begun[mark]), late)
    return found


def _by_mark(rows: Iterable[Upload]) -> dict[_Mark, Upload]:
    return {(upload.key, upload.size, upload.fingerprint): upload for upload in rows}


def _known(upload_id: int, user: Any) -> Upload:
    """An unfinished upload of ``user``."""
    upload = Upload.objects.filter(pk=upload_id, finished__isnull=True).first()
    if upload is None:
        raise ENDED
    refused = refusal(upload, permitted([upload.key], user)[upload.key], user.get_username())
    if refused:
        raise refused
    return upload


# -- S3, several calls at a time; no database in their threads ---------------------------------------------------------


def _each(call: Callable[[_T], _R], items: Iterable[_T]) -> list[_R | IngestError]:
    """``call`` for each, some at a time; an error of ours is its answer."""

    def answered(item: _T) -> _R | IngestError:
        try:
            return call(item)
        except IngestError as error:
            return error

    items = list(items)
    if len(items) < 2:
        return [answered(item) for item in items]
    with ThreadPoolExecutor(_CALLS) as threads:
        return list(threads.map(answered, items))


def _sending(upload: Upload, came: Sequence[Part] | None) -> UploadSession:
    """The upload with its first links; S3 is asked for what came, unless that is known."""
    if came is None:
        came = uploads.parts(settings.BUCKET, upload.key, upload.upload_id)
    sizes = upload.part_sizes
    there = tuple(part.number for part in came if part.size == sizes.get(part.number))
    next_ones = [number for number in sizes if number not in set(there)][: MOST_LINKS // 10]
    wanted = {number: sizes[number] for number in next_ones}
    return UploadSession(
        upload=upload,
        there=there,
        links=uploads.sign(settings.BUCKET, upload.key, upload.upload_id, wanted),
    )


def _came(upload: Upload) -> tuple[Part, ...] | list[int] | SourceObject:
    """All its parts, or the numbers of those that are missing; the object, if it was made already."""
    try:
        came = uploads.parts(settings.BUCKET, upload.key, upload.upload_id)
    except UploadGone:
        made = uploads.completed(settings.BUCKET, upload.key, upload.started - _SLACK)
        if made is None or made.size != upload.size:
            raise
        return made
    sizes = upload.part_sizes
    whole = {part.number: part for part in came if part.size == sizes.get(part.number)}
    missing = [number for number in sizes if number not in whole]
    return missing or tuple(whole.values())


def _completed(upload: Upload, parts: tuple[Part, ...]) -> SourceObject:
    try:
        return uploads.complete(settings.BUCKET, upload.key, upload.upload_id, parts)
    except UploadGone:  # another request was faster, or the answer of an earlier one was lost
        made = uploads.completed(settings.BUCKET, upload.key, upload.started - _SLACK)
        if made is None or made.size != upload.size:
            raise
        return made


def _etag(parts: Iterable[Part]) -> str:
    """What S3 will call the object made of ``parts``: a digest, unless a KMS key encrypts it, and their number."""
    digests = [part.etag.strip('"') for part in sorted(parts, key=lambda part: part.number)]
    try:
        joined = b"".join(map(bytes.fromhex, digests))
    except ValueError:
        return f"-{len(digests)}"
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(digests)}"
