"""Parse the events that AWS sends into source objects (file-rules#events).

Events that don't announce a file of ours are logged at INFO, malformed ones at WARNING, in one sentence each. Neither
gives an object: no retry would help, and the other messages of the batch are still read.
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
"""Prefixes of our own output, at the bucket's root or after the configured prefix: never loaded."""

_MARKER_FOLDERS = ("_temporary", "_spark_metadata")
_MARKER_NAMES = ("_committed_", "_started_")

_LARGEST_TEXT = 1 << 20  # characters; SQS and SNS carry at most 1 MiB
_LARGEST_NAME = 1_024  # bytes; S3's own limit on keys and version ids
_LARGEST_SIZE = 1 << 63  # what the database's bigint can't hold anymore
_SHOWN = 100  # characters of foreign text in a log line


class UnknownEvent(RunFailed):
    """The event as a whole has an unknown form: its sender gets an error."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One message of the event, with the objects that it announces."""

    message_id: str
    """The ID that SQS needs to redeliver it; empty for other kinds of events."""
    objects: tuple[SourceObject, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scope:
    """The bucket and prefix that are ours, and the message being read."""

    bucket: str
    prefix: str
    message_id: str = ""


class _NotOursError(Exception):
    """The event is valid, but announces nothing to load."""


class _MalformedError(Exception):
    """The event doesn't have a form that S3 sends."""


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
            f"Unknown event: {problem}. Send S3 notifications, directly or through SQS, SNS or EventBridge."
        ) from problem
    return [Message(message_id="", objects=objects)]


def is_ours(key: str, size: int, *, prefix: str) -> bool:
    """Return whether an event for an object ``key`` of ``size`` bytes would be read as one for a file to load."""
    try:
        _check_key(key, _Scope(bucket="", prefix=prefix))
    except (_NotOursError, _MalformedError):
        return False
    return size > 0 or not key.endswith("/")


def is_marker(path: str) -> bool:
    """Return whether ``path``, a key without the prefix, is a marker that other tools write (file-rules#ignored).

    Spark and Hadoop write `_SUCCESS` and its like, and checksums and file systems write names that begin with a dot.
    A name of nothing but known extensions (`.csv`) is a file that someone forgot to name.
    """
    *folders, name = path.split("/")
    if any(folder in _MARKER_FOLDERS or (folder.startswith(".") and folder.strip(".")) for folder in folders):
        return True
    hidden = name.startswith(".") and not all(map(is_extension, name[1:].split(".")))
    return hidden or name == "_SUCCESS" or name.startswith(_MARKER_NAMES)


def _queued(record: object, scope: _Scope) -> Message:
    """Return the Message of one SQS record, without objects if it can't be read."""
    message_id = record.get("messageId") if isinstance(record, dict) else None
    scope = replace(scope, message_id=message_id if isinstance(message_id, str) else "")
    return Message(message_id=scope.message_id, objects=_guarded(_body, record, scope))


def _body(record: object, scope: _Scope) -> _Objects:
    content = _json(_text(record, "body"))
    if isinstance(content, dict) and content.get("Type") == "Notification" and "TopicArn" in content:
        content = _json(_text(content, "Message"))
    return _told(content, scope)


def _topics(event: object, scope: _Scope) -> _Objects:
    """Return the objects of SNS records, as Lambda receives them from a topic."""
    return _all(lambda record, scope: _told(_json(_text(record, "Sns", "Message")), scope), event, scope)


def _told(content: object, scope: _Scope) -> _Objects:
    """Return the objects of an event without its envelopes; raises _MalformedError if S3 sends no such event."""
    if isinstance(content, dict):
        if content.get("Event") == "s3:TestEvent":
            _LOG.info("Not loaded: s3:TestEvent, which S3 sends to test a new notification.", extra=_marks(scope))
            return ()
        if content.get("source") == "aws.s3" and "detail-type" in content:
            return _guarded(_bridged, content, scope)
        if "aws:s3" in _senders(content):
            return _all(_notified, content, scope)
    raise _MalformedError(f"it is {_kind(content)}, not a form that S3 sends")


def _notified(record: object, scope: _Scope) -> _Objects:
    """Return the object of one record of an S3 notification; its key is URL-encoded."""
    happened = _text(record, "eventName").removeprefix("s3:")
    if not happened.startswith("ObjectCreated:"):
        raise _NotOursError(f"{_shown(happened)}, only ObjectCreated announces a file")
    _check_bucket(_text(record, "s3", "bucket", "name"), scope)
    encoded = _text(record, "s3", "object", "key")
    try:
        key = unquote_plus(encoded, errors="strict")
    except UnicodeDecodeError:
        raise _MalformedError(f"the key {_shown(encoded)} is not UTF-8") from None
    return _source(key, _at(record, "s3", "object"), scope, etag="eTag", version="versionId")


def _bridged(content: object, scope: _Scope) -> _Objects:
    """Return the object of one EventBridge event; its key is not encoded."""
    happened = _text(content, "detail-type")
    if happened != "Object Created":
        raise _NotOursError(f"{_shown(happened)}, only Object Created announces a file")
    _check_bucket(_text(content, "detail", "bucket", "name"), scope)
    key = _text(content, "detail", "object", "key")
    return _source(key, _at(content, "detail", "object"), scope, etag="etag", version="version-id")


def _source(key: str, described: object, scope: _Scope, *, etag: str, version: str) -> _Objects:
    """Return the object at ``key``, if it is ours; ``etag`` and ``version`` name the fields of this kind of event."""
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
        raise _MalformedError(f"it names neither a version nor an ETag of {_shown(key)}")
    if source.sequencer.strip("0123456789abcdefABCDEF"):
        raise _MalformedError(f"the sequencer of {_shown(key)} is not hexadecimal")
    return (source,)


def _version(version_id: str) -> str:
    """Return the version ID; empty for "null", which every version has in a bucket with suspended versioning."""
    return "" if version_id == "null" else version_id


def _check_bucket(bucket: str, scope: _Scope) -> None:
    if bucket != scope.bucket:
        raise _NotOursError(f"the bucket {_shown(bucket)} is not {_shown(scope.bucket)}")


def _check_key(key: str, scope: _Scope) -> None:
    if not key.startswith(scope.prefix):
        raise _NotOursError(f"{_shown(key)} is outside the prefix {_shown(scope.prefix)}")
    if key.startswith(OUTPUT_PREFIXES) or key.removeprefix(scope.prefix).startswith(OUTPUT_PREFIXES):
        raise _NotOursError(f"{_shown(key)} is one of our own output files")
    if is_marker(key.removeprefix(scope.prefix)):
        raise _NotOursError(f"{_shown(key)} is another tool's marker file, or hidden")
    if not key:
        raise _MalformedError("the key is empty")
    _check_name(key)


# -- reading foreign JSON ------------------------------------------------------------------------------------------


def _guarded(read: Callable[[object, _Scope], _Objects], content: object, scope: _Scope) -> _Objects:
    """Call ``read`` with one record; log what is wrong with it, and return nothing then."""
    try:
        return read(content, scope)
    except _NotOursError as reason:
        _LOG.info("Not loaded: %s.", reason, extra=_marks(scope))
    except _MalformedError as problem:
        _LOG.warning("Not loaded, the message is malformed: %s.", problem, extra=_marks(scope))
    return ()


def _all(read: Callable[[object, _Scope], _Objects], event: object, scope: _Scope) -> _Objects:
    """Call ``read`` with every record of the event, each guarded on its own."""
    return tuple(source for record in _records(event) for source in _guarded(read, record, scope))


def _records(event: object) -> list[object]:
    records = event.get("Records") if isinstance(event, dict) else None
    return records if isinstance(records, list) else []


def _senders(event: object) -> set[str]:
    """Return the sources that the records name: S3 and SQS write `eventSource`, SNS writes `EventSource`."""
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


def _at(content: object, *path: str) -> object:
    for name in path:
        if not isinstance(content, dict) or name not in content:
            raise _MalformedError(f"it has no {'.'.join(path)}")
        content = content[name]
    return content


def _text(content: object, *path: str) -> str:
    value = _at(content, *path)
    if not isinstance(value, str):
        raise _MalformedError(f"its {'.'.join(path)} is {_kind(value)}, not a string")
    return value


def _name(content: object, field: str) -> str:
    """Return a short string; empty where it is missing or null."""
    if not isinstance(content, dict) or content.get(field) is None:
        return ""
    value = _text(content, field)
    _check_name(value)
    return value


def _request_name(content: object, field: str) -> str:
    """Return a name as ``_name`` does, if it can go into the headers and the address of a request to S3."""
    value = _name(content, field)
    if not (value.isascii() and value.isprintable()):
        raise _MalformedError(f"its {field} {_shown(value)} is not printable ASCII")
    return value


def _check_name(value: str) -> None:
    """Check a name: the database and S3 need UTF-8, S3 limits the length, and PostgreSQL stores no NUL."""
    try:
        encoded = value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can carry
        raise _MalformedError(f"{_shown(value)} is not UTF-8") from None
    if len(encoded) > _LARGEST_NAME:
        raise _MalformedError(f"{_shown(value)} has {len(encoded):,} bytes, over S3's limit of {_LARGEST_NAME:,}")
    if b"\0" in encoded:
        raise _MalformedError(
            f"{_shown(value)} contains a NUL character, which PostgreSQL can't store: rename the file"
        )


def _kind(value: object) -> str:
    """Describe ``value`` without quoting its content, which may come from anyone."""
    if isinstance(value, dict):
        names = ", ".join(_shown(name) for name in list(value)[:3] if isinstance(name, str))
        return f"an object of {len(value):,} fields ({names})"
    return {str: "a string", list: "a list", type(None): "null"}.get(type(value), "a number or a flag")


def _shown(text: str) -> str:
    """Return ``text`` as one printable line of bounded length."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _marks(scope: _Scope) -> dict[str, str]:
    return {"bucket": scope.bucket, "message_id": scope.message_id}
