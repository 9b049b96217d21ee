"""Read and write S3 objects by their exact version, with botocore's errors translated into ours."""

import errno
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import quote

import boto3
import urllib3.exceptions
from boto3.s3.transfer import TransferConfig
from botocore import exceptions as boto
from botocore.config import Config
from botocore.parsers import ResponseParserError

from ingest.loader.outcome.errors import IngestError, RunFailed, RunInterrupted
from ingest.loader.outcome.source_object import SourceObject

_BLOCK: Final = 1 << 20
"""Bytes a read: 208 MiB from a local S3 took 0.8 s hashed, at 64 KiB 1.3 s; boto3's download_fileobj 4-5 s."""
_RESUMES: Final = 8
"""So often a cut stream is taken up again; a file that needs more has a network to blame, and its run is retried."""
_PAUSE: Final = 0.1  # seconds before the first resumption, doubled at each up to some seconds
_ONE_PIECE: Final = 64 << 20  # bytes up to which one PutObject tells ETag and version of what it wrote
_ONE_COPY: Final = 5 << 30  # bytes that one CopyObject may copy: S3's own limit
_PAGE: Final = 1_000  # versions in one answer: S3's own limit
_LONGEST_URL: Final = 7 * 24 * 3600  # seconds; SigV4's own limit

_GONE = {"404", "405", "412", "NoSuchKey", "NoSuchVersion", "NotFound", "MethodNotAllowed", "PreconditionFailed"}
_DENIED = {"401", "403", "AccessDenied", "AllAccessDisabled", "Forbidden", "InvalidAccessKeyId"}
_DENIED |= {"SignatureDoesNotMatch", "InvalidToken"}
_BUSY = {"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "BandwidthLimitExceeded"}
_BUSY |= {"RequestTimeout", "RequestTimeTooSkewed", "ExpiredToken", "OperationAborted", "ConditionalRequestConflict"}
_BUSY |= {"TokenRefreshRequired", "RequestExpired", "IncompleteBody", "BadDigest", "KMS.ThrottlingException"}
_LOST = (
    boto.HTTPClientError,
    boto.ConnectionError,
    boto.IncompleteReadError,
    boto.FlexibleChecksumError,
    boto.CredentialRetrievalError,
    boto.MetadataRetrievalError,
    ResponseParserError,
)
_CUT = (*_LOST, urllib3.exceptions.HTTPError, OSError)
"""What reading a stream raises besides: botocore doesn't wrap all of it."""
_TO_READ = "s3:GetObject and s3:GetObjectVersion on the object, and kms:Decrypt where a KMS key encrypts the bucket"
_TO_DESCRIBE = "s3:GetObject on the object, and s3:ListBucket on the bucket"
_TO_LIST = "s3:ListBucketVersions on the bucket"
TO_WRITE = "s3:PutObject on the object, and kms:GenerateDataKey where a KMS key encrypts the bucket"


class SourceGone(RunFailed):
    """The version that the run was to read is no longer in the bucket."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """What came out of the bucket."""

    sha256: str
    """Of the bytes as stored, in hexadecimal."""
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """One version in a listing of the bucket."""

    source: SourceObject
    """Without its sequencer, which no listing tells."""
    modified: datetime
    newest: bool
    """Whether it is what its key holds now."""


def fetch(source: SourceObject, path: Path, *, progress: Callable[[int], None] = lambda _: None) -> Fetched:
    """Download exactly the version ``source`` to ``path``; ``progress`` is called with the bytes received so far.

    An interrupted download is continued. Leaves no file on an error. Raises SourceGone if the version
    no longer exists, RunFailed if access is denied or the object is archived, RunInterrupted if S3, the network or the
    disk failed (file-rules#exact-version and #errors).
    """
    try:
        with path.open("wb") as file:
            return _stream(source, file, progress)
    except OSError as error:
        path.unlink(missing_ok=True)
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise RunInterrupted(
            f"The disk filled up while {_uri(source)} ({source.size:,} bytes) was being fetched: free space in "
            f"{path.parent}. The run is retried."
        ) from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def read(source: SourceObject) -> Iterator[bytes]:
    """Yield the bytes of exactly the version ``source``. Raises as ``fetch`` does."""
    size, cuts = 0, 0
    while True:
        try:
            for block in _blocks(source, size):
                size += len(block)
                yield block
            return
        except _CutError as cut:
            cuts += 1
            if cuts > _RESUMES:
                raise RunInterrupted(
                    f"The connection to S3 broke {cuts} times while {_uri(source)} was being fetched, the last time "
                    f"after {size:,} bytes. The run is retried."
                ) from cut
            time.sleep(min(_PAUSE * 2**cuts, 3))


def put(content: Path | BinaryIO, bucket: str, key: str) -> SourceObject:
    """Write a file, or a seekable stream from its start, to the bucket: what it became there.

    Over 64 MiB it goes in several parts, and S3 doesn't say which version they became: then the newest one is
    described, which is another's if that was faster. Raises as ``fetch`` does.
    """
    if isinstance(content, Path):
        with content.open("rb") as stream:
            return put(stream, bucket, key)
    size = content.seek(0, os.SEEK_END)
    content.seek(0)
    with translated(f"s3://{bucket}/{key}", TO_WRITE):
        if size > _ONE_PIECE:
            client().upload_fileobj(content, bucket, key, Config=TransferConfig(max_concurrency=4))  # 4 x 8 MiB held
            return describe(bucket, key)
        return described(client().put_object(Bucket=bucket, Key=key, Body=content), bucket, key, size)


def copy(source: SourceObject, key: str) -> SourceObject:
    """Copy exactly the version ``source`` to ``key`` within its bucket: what it became there.

    The bytes stay in S3. What ``put`` says of big files holds here too. Raises as ``fetch`` does.
    """
    pinned = _pinned(source)
    origin = {"Bucket": source.bucket, "Key": source.key}
    if "VersionId" in pinned:
        origin["VersionId"] = pinned["VersionId"]
    match = {"CopySourceIfMatch": pinned["IfMatch"]} if "IfMatch" in pinned else {}
    with translated(_uri(source), f"{_TO_READ}; and {TO_WRITE}"):
        if source.size > _ONE_COPY:
            client().copy(origin, source.bucket, key, ExtraArgs=match)
            return describe(source.bucket, key)
        answer = client().copy_object(Bucket=source.bucket, Key=key, CopySource=origin, **match)
    return described({**answer, **answer["CopyObjectResult"]}, source.bucket, key, source.size)


def describe(bucket: str, key: str) -> SourceObject:
    """Return the current version of ``key``, without its sequencer. Raises as ``fetch`` does."""
    with translated(f"s3://{bucket}/{key}", _TO_DESCRIBE):
        answer = client().head_object(Bucket=bucket, Key=key)
    return described(answer, bucket, key, answer["ContentLength"])


def check(source: SourceObject) -> None:
    """Check that exactly the version ``source`` is in the bucket. Raises as ``fetch`` does."""
    with translated(_uri(source), _TO_READ):
        client().head_object(Bucket=source.bucket, Key=source.key, **_pinned(source))


def remove(source: SourceObject) -> bool:
    """Delete exactly the version ``source``; False where that isn't granted. Raises as ``fetch`` does otherwise."""
    version = {"VersionId": source.version_id} if source.version_id else {}
    with translated(_uri(source), "s3:DeleteObject and s3:DeleteObjectVersion on the object"):
        try:
            client().delete_object(Bucket=source.bucket, Key=source.key, **version)
        except boto.ClientError as error:
            if error.response.get("Error", {}).get("Code") in _DENIED:
                return False
            raise
    return True


def versions(bucket: str, prefix: str, *, after: str = "") -> Iterator[list[Version]]:
    """Yield the versions of all keys under ``prefix`` that sort after the key ``after``, in pages of up to 1,000.

    By keys, the newest version of each first; no markers of deletion. Raises RunFailed or RunInterrupted.
    """
    with translated(f"s3://{bucket}/{prefix}", _TO_LIST):
        pages = (
            client()
            .get_paginator("list_object_versions")
            .paginate(Bucket=bucket, Prefix=prefix, KeyMarker=after, PaginationConfig={"PageSize": _PAGE})
        )
        for page in pages:
            yield [_version(entry, bucket) for entry in page.get("Versions", ())]


def _version(entry: dict[str, Any], bucket: str) -> Version:
    source = described(entry, bucket, entry["Key"], entry["Size"])
    return Version(source=source, modified=entry["LastModified"], newest=entry["IsLatest"])


def presigned_url(source: SourceObject, seconds: int) -> str:
    """Return a SigV4-signed URL to download ``source``, valid for ``seconds`` (up to a week)."""
    if not 0 < seconds <= _LONGEST_URL:
        raise ValueError(f"S3 signs links for 1 to {_LONGEST_URL:,} seconds, not {seconds:,}")
    parameters = {
        "Bucket": source.bucket,
        "Key": source.key,
        # A stranger's file is saved, never shown: a browser would run an HTML page under the bucket's address.
        "ResponseContentDisposition": f"attachment; filename*=UTF-8''{quote(source.file_name, safe='')}",
    }
    if source.version_id:
        parameters["VersionId"] = source.version_id
    with translated(_uri(source), _TO_READ):
        url: str = client().generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)
    return url


# -- the stream -------------------------------------------------------------------------------------------------------


class _CutError(Exception):
    """The stream ended before the object did."""


def _stream(source: SourceObject, file: BinaryIO, progress: Callable[[int], None]) -> Fetched:
    digest, size = hashlib.sha256(), 0
    for block in read(source):
        file.write(block)
        digest.update(block)
        size += len(block)
        progress(size)
    return Fetched(sha256=digest.hexdigest(), size=size)


def _blocks(source: SourceObject, start: int) -> Iterator[bytes]:
    """Yield the bytes of ``source`` from ``start``; raises _CutError where the connection breaks off."""
    body, skipped = _body(source, start)
    with closing(body):
        while True:
            try:
                block: bytes = body.read(min(skipped, _BLOCK) or _BLOCK)
            except _CUT as error:
                raise _CutError from error
            if not block:
                return
            if skipped:
                skipped -= len(block)
            else:
                yield block


def _body(source: SourceObject, start: int) -> tuple[Any, int]:
    """Open a stream of ``source`` from byte ``start``; return it and the byte at which it really begins.

    Not every S3 goes on in the middle: one that begins again sends the same version's bytes again, to be passed over.
    """
    parameters = {"Bucket": source.bucket, "Key": source.key, **_pinned(source)}
    if start:
        parameters["Range"] = f"bytes={start}-"
    with translated(_uri(source), _TO_READ):
        answer = client().get_object(**parameters)
    return answer["Body"], 0 if answer.get("ContentRange", "").startswith(f"bytes {start}-") else start


def _pinned(source: SourceObject) -> dict[str, str]:
    """Return the parameters that make S3 serve this version or none."""
    if source.version_id:
        return {"VersionId": source.version_id}
    if source.etag:
        return {"IfMatch": f'"{source.etag}"'}
    raise RunFailed(
        f"The event names neither a version nor an ETag of {_uri(source)}. Put the file in the bucket again."
    )


def described(answer: dict[str, Any], bucket: str, key: str, size: int) -> SourceObject:
    version_id = answer.get("VersionId", "")
    return SourceObject(
        bucket=bucket,
        key=key,
        size=size,
        etag=answer["ETag"].strip('"'),
        version_id="" if version_id == "null" else version_id,  # written while versioning was off: pins nothing
    )


# -- the client -------------------------------------------------------------------------------------------------------

_making = threading.Lock()


def client() -> Any:
    """Return this process's client: creating one takes 50-100 ms, and any thread can use it."""
    with _making:
        return _made(os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or "")


@lru_cache(maxsize=4)
def _made(endpoint: str) -> Any:
    # Links are signed for the bucket's regional host, which the pages' policy names: at the global one S3 would
    # redirect, and the signature break. A local endpoint has no host name for each bucket.
    config = Config(
        signature_version="s3v4",
        retries={"mode": "standard", "total_max_attempts": 4},
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=32,  # several requests at a time ask 8 things each
        s3={"addressing_style": "path" if endpoint else "virtual", "us_east_1_regional_endpoint": "regional"},
    )
    return boto3.session.Session().client("s3", endpoint_url=endpoint or None, config=config)


# -- errors -----------------------------------------------------------------------------------------------------------


@contextmanager
def translated(uri: str, grants: str, *, what: str = "run") -> Iterator[None]:
    """Turn what botocore raises into our errors.

    ``grants`` names the rights that the call needs, ``what`` the thing that is tried again.
    """
    try:
        yield
    except boto.ClientError as error:
        raise _answered(error, uri, grants, what) from error
    except _LOST as error:
        raise RunInterrupted(f"S3 could not be reached for {uri}: {error}. The {what} is retried.") from error
    except boto.NoCredentialsError as error:
        raise RunFailed(f"There are no AWS credentials to access {uri}: give the loader a role.") from error
    except boto.BotoCoreError as error:
        raise RunFailed(f"The request to S3 for {uri} is not valid: {error}.") from error


def _answered(error: boto.ClientError, uri: str, grants: str, what: str) -> IngestError:
    """Return our error for an S3 error response; responses to HEAD have only the status as their code."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _BUSY or status >= 500 or status == 429:
        return RunInterrupted(f"S3 is busy and did not serve {uri} ({code}). The {what} is retried.")
    if code == "NoSuchBucket":
        return RunFailed(f"The bucket of {uri} doesn't exist: check its name in the settings.")
    if code in _GONE:
        return SourceGone(
            f"{uri} is no longer in the bucket: it was deleted or overwritten before it was read. Put it in the "
            "bucket again."
        )
    if code == "InvalidObjectState":
        return RunFailed(f"{uri} is archived (S3 Glacier): restore it, or copy it to S3 Standard, and retry the run.")
    if code in _DENIED or code.startswith("KMS."):
        return RunFailed(f"S3 denied access to {uri} ({code}): grant the loader's role {grants}, and retry the {what}.")
    return RunFailed(f"S3 refused {uri}: {error}.")


def _uri(source: SourceObject) -> str:
    version = f" (version {source.version_id})" if source.version_id else ""
    return f"s3://{source.bucket}/{source.key}{version}"
