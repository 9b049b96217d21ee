"""Any event that AWS sends becomes frozen source objects, once, here at the edge (BEHAVIOUR 1).

What is no news of a file of ours is logged at INFO, what is broken at WARNING, in one sentence each, and gives no
object: no retry would mend it, and it doesn't stop the other messages of its batch.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import unquote_plus

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.source_object import SourceObject
from ingest.loader.source.identifiers import is_extension

_LOG = logging.getLogger(__name__)

OUTPUT_PREFIXES = ("_rejects/", "_exports/")
"""What we write ourselves, at the bucket's root or behind the prefix: never taken in again."""

_MARKER_FOLDERS = ("_temporary", "_spark_metadata")
_MARKER_NAMES = ("_committed_", "_started_")

_LARGEST_TEXT = 1 << 20  # characters; SQS and SNS carry at most 1 MiB
_LARGEST_NAME = 1_024  # bytes; S3's own limit on keys and version ids
_LARGEST_SIZE = 1 << 63  # what the database's bigint can't hold any more
_SHOWN = 100  # characters of a stranger's text in a log line


class UnknownEvent(RunFailed):
    """The event as a whole is of no form that we know: whoever sent it should hear of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What one message of the event told us."""

    message_id: str
    """SQS's, for its list of failures; empty where the event came another way."""
    objects: tuple[SourceObject, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scope:
    """What is ours, and which message is being read."""

    bucket: str
    prefix: str
    message_id: str = ""


class _NotOursError(Exception):
    """Nothing to load, and nothing wrong either."""


class _MalformedError(Exception):
    """Of no form that S3 sends."""


_Objects = tuple[SourceObject, ...]


def parse(event: object, *, bucket: str, prefix: str) -> list[Message]:
    """Read ``event`` (decoded JSON): one Message an SQS record, in their order, else exactly one.

    Knows S3 notifications, EventBridge's `Object Created` and `s3:TestEvent`; each bare, in SQS, in SNS, and in SNS in
    SQS, with raw delivery or without. Only objects of ``bucket`` whose key begins with ``prefix`` come out, in the
    order told, twice if told twice. Raises UnknownEvent if the event as a whole is of no known form, and nothing else.
    """
    scope = _Scope(bucket=bucket, prefix=prefix)
    if "aws:sqs" in _senders(event):
        return [_queued(record, scope) for record in _records(event)]
    try:
        objects = _topics(event, scope) if "aws:sns" in _senders(event) else _told(event, scope)
    except _MalformedError as problem:
        raise UnknownEvent(
            f"This event is not known here: {problem}. Send S3 notifications, directly or by SQS, SNS or EventBridge."
        ) from problem
    return [Message(message_id="", objects=objects)]


def is_ours(key: str, size: int, *, prefix: str) -> bool:
    """Whether the news of an object ``key`` of ``size`` bytes would be read as that of a file to load."""
    try:
        _check_key(key, _Scope(bucket="", prefix=prefix))
    except (_NotOursError, _MalformedError):
        return False
    return size > 0 or not key.endswith("/")


def is_marker(path: str) -> bool:
    """Whether ``path``, a key after the prefix, is one that other tools leave beside their files (BEHAVIOUR 1).

    Spark and Hadoop write `_SUCCESS` and its like, and checksums and file systems write names that begin with a dot.
    A name of nothing but known extensions (`.csv`) is a file that somebody forgot to name.
    """
    *folders, name = path.split("/")
    if any(folder in _MARKER_FOLDERS or (folder.startswith(".") and folder.strip(".")) for folder in folders):
        return True
    hidden = name.startswith(".") and not all(map(is_extension, name[1:].split(".")))
    return hidden or name == "_SUCCESS" or name.startswith(_MARKER_NAMES)


def _queued(record: object, scope: _Scope) -> Message:
    """One SQS record: Message, even if nothing can be made of it."""
    message_id = record.get("messageId") if isinstance(record, dict) else None
    scope = replace(scope, message_id=message_id if isinstance(message_id, str) else "")
    return Message(message_id=scope.message_id, objects=_guarded(_body, record, scope))


def _body(record: object, scope: _Scope) -> _Objects:
    content = _json(_text(record, "body"))
    if isinstance(content, dict) and content.get("Type") == "Notification" and "TopicArn" in content:
        content = _json(_text(content, "Message"))
    return _told(content, scope)


def _topics(event: object, scope: _Scope) -> _Objects:
    """SNS records, as Lambda gets them from a topic."""
    return _all(lambda record, scope: _told(_json(_text(record, "Sns", "Message")), scope), event, scope)


def _told(content: object, scope: _Scope) -> _Objects:
    """The innermost form; raises _MalformedError if it is none of S3's."""
    if isinstance(content, dict):
        if content.get("Event") == "s3:TestEvent":
            _LOG.info("Not loaded: s3:TestEvent, by which S3 tries a new notification.", extra=_marks(scope))
            return ()
        if content.get("source") == "aws.s3" and "detail-type" in content:
            return _guarded(_bridged, content, scope)
        if "aws:s3" in _senders(content):
            return _all(_notified, content, scope)
    raise _MalformedError(f"it is {_kind(content)}, of no form that S3 sends")


def _notified(record: object, scope: _Scope) -> _Objects:
    """One record of an S3 notification; its key is URL-encoded."""
    happened = _text(record, "eventName").removeprefix("s3:")
    if not happened.startswith("ObjectCreated:"):
        raise _NotOursError(f"{_shown(happened)}, only ObjectCreated brings a file")
    _check_bucket(_text(record, "s3", "bucket", "name"), scope)
    encoded = _text(record, "s3", "object", "key")
    try:
        key = unquote_plus(encoded, errors="strict")
    except UnicodeDecodeError:
        raise _MalformedError(f"the key {_shown(encoded)} is not UTF-8") from None
    return _source(key, _at(record, "s3", "object"), scope, etag="eTag", version="versionId")


def _bridged(content: object, scope: _Scope) -> _Objects:
    """One EventBridge event; its key stands as it is."""
    happened = _text(content, "detail-type")
    if happened != "Object Created":
        raise _NotOursError(f"{_shown(happened)}, only Object Created brings a file")
    _check_bucket(_text(content, "detail", "bucket", "name"), scope)
    key = _text(content, "detail", "object", "key")
    return _source(key, _at(content, "detail", "object"), scope, etag="etag", version="version-id")


def _source(key: str, described: object, scope: _Scope, *, etag: str, version: str) -> _Objects:
    """The object behind ``key``, if it is ours; ``etag`` and ``version`` name the fields of this form."""
    _check_key(key, scope)
    size = _at(described, "size")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < _LARGEST_SIZE:
        raise _MalformedError(f"the size of {_shown(key)} is not a number of bytes")
    if size == 0 and key.endswith("/"):
        raise _NotOursError(f"{_shown(key)} is a folder marker")
    source = SourceObject(
        bucket=scope.bucket,
        key=key,
        size=size,
        etag=_request_name(described, etag).strip('"'),
        version_id=_version(_request_name(described, version)),
        sequencer=_name(described, "sequencer"),
    )
    if not source.version_id and not source.etag:
        raise _MalformedError(f"neither version nor ETag says which {_shown(key)} is meant")
    if source.sequencer.strip("0123456789abcdefABCDEF"):
        raise _MalformedError(f"the sequencer of {_shown(key)} is not hexadecimal")
    return (source,)


def _version(version_id: str) -> str:
    """A bucket whose versioning is suspended calls every version of a key "null": that pins nothing."""
    return "" if version_id == "null" else version_id


def _check_bucket(bucket: str, scope: _Scope) -> None:
    if bucket != scope.bucket:
        raise _NotOursError(f"the bucket {_shown(bucket)} is not {_shown(scope.bucket)}")


def _check_key(key: str, scope: _Scope) -> None:
    if not key.startswith(scope.prefix):
        raise _NotOursError(f"{_shown(key)} is outside the prefix {_shown(scope.prefix)}")
    if key.startswith(OUTPUT_PREFIXES) or key.removeprefix(scope.prefix).startswith(OUTPUT_PREFIXES):
        raise _NotOursError(f"{_shown(key)} was written by ourselves")
    if is_marker(key.removeprefix(scope.prefix)):
        raise _NotOursError(f"{_shown(key)} is a marker of another tool, or hidden")
    if not key:
        raise _MalformedError("the key is empty")
    _check_name(key)


# -- reading strangers' JSON ------------------------------------------------------------------------------------------


def _guarded(read: Callable[[object, _Scope], _Objects], told: object, scope: _Scope) -> _Objects:
    """``read`` one piece; what is wrong with it is logged and stays with this piece."""
    try:
        return read(told, scope)
    except _NotOursError as reason:
        _LOG.info("Not loaded: %s.", reason, extra=_marks(scope))
    except _MalformedError as problem:
        _LOG.warning("Not loaded, the message is malformed: %s.", problem, extra=_marks(scope))
    return ()


def _all(read: Callable[[object, _Scope], _Objects], event: object, scope: _Scope) -> _Objects:
    """``read`` every record, each guarded by itself."""
    return tuple(source for record in _records(event) for source in _guarded(read, record, scope))


def _records(event: object) -> list[object]:
    records = event.get("Records") if isinstance(event, dict) else None
    return records if isinstance(records, list) else []


def _senders(event: object) -> set[str]:
    """Who sent the records, as they say: S3 and SQS write `eventSource`, SNS writes `EventSource`."""
    named = (
        record.get("eventSource", record.get("EventSource")) for record in _records(event) if isinstance(record, dict)
    )
    return {name for name in named if isinstance(name, str)}


def _json(text: str) -> object:
    if len(text) > _LARGEST_TEXT:
        raise _MalformedError(f"its text has {len(text):,} characters, more than SQS carries")
    try:
        decoded: object = json.loads(text)
    except (ValueError, RecursionError):  # RecursionError: nested some thousands deep
        raise _MalformedError(f"its text is not JSON: {_shown(text)}") from None
    return decoded


def _at(told: object, *path: str) -> object:
    for name in path:
        if not isinstance(told, dict) or name not in told:
            raise _MalformedError(f"it has no {'.'.join(path)}")
        told = told[name]
    return told


def _text(told: object, *path: str) -> str:
    value = _at(told, *path)
    if not isinstance(value, str):
        raise _MalformedError(f"its {'.'.join(path)} is {_kind(value)}, not a text")
    return value


def _name(told: object, field: str) -> str:
    """A short text that may be missing or null: then empty."""
    if not isinstance(told, dict) or told.get(field) is None:
        return ""
    value = _text(told, field)
    _check_name(value)
    return value


def _request_name(told: object, field: str) -> str:
    """Return a name as ``_name`` does, if it can go into the headers and the address of a request to S3."""
    value = _name(told, field)
    if not (value.isascii() and value.isprintable()):
        raise _MalformedError(f"its {field} {_shown(value)} is not printable ASCII")
    return value


def _check_name(value: str) -> None:
    """Names go into the database and back to S3: both want UTF-8, S3 sets the length, PostgreSQL takes no NUL."""
    try:
        encoded = value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can carry
        raise _MalformedError(f"{_shown(value)} is not UTF-8") from None
    if len(encoded) > _LARGEST_NAME:
        raise _MalformedError(f"{_shown(value)} has {len(encoded):,} bytes, over S3's limit of {_LARGEST_NAME:,}")
    if b"\0" in encoded:
        raise _MalformedError(f"{_shown(value)} holds a NUL character, which no database text can: rename the file")


def _kind(value: object) -> str:
    """What ``value`` is, without showing what a stranger put in it."""
    if isinstance(value, dict):
        names = ", ".join(_shown(name) for name in list(value)[:3] if isinstance(name, str))
        return f"an object of {len(value):,} fields ({names})"
    return {str: "a text", list: "a list", type(None): "null"}.get(type(value), "a number or a flag")


def _shown(text: str) -> str:
    """``text`` in one printable line of a bounded length."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _marks(scope: _Scope) -> dict[str, str]:
    return {"bucket": scope.bucket, "message_id": scope.message_id}
