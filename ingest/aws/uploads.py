"""Multipart uploads: a browser sends the parts to S3 by signed URLs, and S3 alone stores what was received."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from botocore.exceptions import ClientError

from ingest.aws.objects import TO_WRITE, client, described, translated
from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.source_object import SourceObject

LARGEST: Final = 5 << 40
"""Bytes of an object: S3's own limit."""
EXPIRE_DAYS: Final = 7
"""Days after which the bucket's lifecycle rule deletes an unfinished upload."""
_SECONDS: Final = 3600
"""How long a URL is valid: S3 checks it when the upload of a part begins, however long that takes."""
_PAGE: Final = 1_000
"""Parts that S3 lists in one answer: its own limit."""
_GRANTS: Final = (
    f"{TO_WRITE}; s3:AbortMultipartUpload and s3:ListMultipartUploadParts on the object, and s3:GetObject on it"
)


class UploadGone(RunFailed):
    """S3 doesn't have the upload: it was completed or aborted, or it has expired."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part of an upload that S3 has received."""

    number: int
    size: int
    etag: str


def begin(bucket: str, key: str) -> str:
    """Begin an upload to ``key``: S3's name for it. Raises RunFailed or RunInterrupted."""
    with _asked(bucket, key):
        upload_id: str = client().create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    return upload_id


def parts(bucket: str, key: str, upload_id: str) -> list[Part]:
    """Return the parts received so far, by number. Raises UploadGone, RunFailed or RunInterrupted."""
    with _asked(bucket, key):
        pages = (
            client()
            .get_paginator("list_parts")
            .paginate(Bucket=bucket, Key=key, UploadId=upload_id, PaginationConfig={"PageSize": _PAGE})
        )
        return [
            Part(number=part["PartNumber"], size=part["Size"], etag=part["ETag"])
            for page in pages
            for part in page.get("Parts", ())
        ]


def sign(bucket: str, key: str, upload_id: str, sizes: Mapping[int, int]) -> dict[int, str]:
    """Return a signed URL for each part, by number: it accepts a PUT of exactly that part's size."""
    with _asked(bucket, key):
        return {
            number: client().generate_presigned_url(
                "upload_part",
                Params={
                    "Bucket": bucket,
                    "Key": key,
                    "UploadId": upload_id,
                    "PartNumber": number,
                    "ContentLength": size,
                },
                ExpiresIn=_SECONDS,
            )
            for number, size in sizes.items()
        }


def complete(bucket: str, key: str, upload_id: str, came: Collection[Part]) -> SourceObject:
    """Complete the upload and return the version of the object. Raises UploadGone, RunFailed or RunInterrupted."""
    listing = [{"PartNumber": part.number, "ETag": part.etag} for part in sorted(came, key=lambda part: part.number)]
    with _asked(bucket, key):
        answer = client().complete_multipart_upload(
            Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": listing}
        )
    return described(answer, bucket, key, sum(part.size for part in came))


def completed(bucket: str, key: str, since: datetime) -> SourceObject | None:
    """Return the version that an upload started after ``since`` created, if any; S3 dates objects by that start.

    Raises RunFailed or RunInterrupted.
    """
    try:
        with _asked(bucket, key):
            answer = client().head_object(Bucket=bucket, Key=key)
    except UploadGone:
        return None
    if answer["LastModified"] < since.replace(microsecond=0):  # S3 tells whole seconds
        return None
    return described(answer, bucket, key, answer["ContentLength"])


def abort(bucket: str, key: str, upload_id: str) -> None:
    """Abort an upload, so that S3 deletes its parts, unless it no longer exists. Raises RunFailed or RunInterrupted."""
    try:
        with _asked(bucket, key):
            client().abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
    except UploadGone:
        return


@contextmanager
def _asked(bucket: str, key: str) -> Iterator[None]:
    uri = f"s3://{bucket}/{key}"
    try:
        with translated(uri, _GRANTS, what="upload"):
            yield
    except RunFailed as refused:
        answer = refused.__cause__
        if isinstance(answer, ClientError) and answer.response.get("Error", {}).get("Code") in ("NoSuchUpload", "404"):
            raise UploadGone(
                f"The upload of {uri} no longer exists in S3: it was completed or aborted, or it expired after "
                f"{EXPIRE_DAYS} days. Choose the file again."
            ) from answer
        raise
