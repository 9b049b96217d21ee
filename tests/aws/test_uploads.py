"""Parts come by signed links, in any order and again, and become the object; S3 alone knows what is there."""

import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from ingest.aws import uploads
from ingest.aws.objects import describe
from ingest.aws.uploads import UploadGone
from ingest.loader.outcome.errors import RunFailed
from pipeline_site.local.aws import LocalAws, let_pages_send
from pipeline_site.settings import bucket_origin

KEY = "data/a b+é.csv"
FIRST, LAST = b"x" * (5 << 20), b"the end"


def send(url: str, body: bytes, **headers: str) -> int:
    """The status of a PUT, as a browser would send it."""
    request = urllib.request.Request(url, data=body, method="PUT", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


def test_parts_that_came_by_links_become_the_object(bucket: str, s3: Any) -> None:
    upload = uploads.begin(bucket, KEY)
    assert uploads.parts(bucket, KEY, upload) == []
    links = uploads.sign(bucket, KEY, upload, {1: len(FIRST), 2: len(LAST)})
    assert [send(links[2], LAST), send(links[1], FIRST), send(links[2], LAST)] == [200] * 3
    came = uploads.parts(bucket, KEY, upload)
    assert [(part.number, part.size) for part in came] == [(1, len(FIRST)), (2, len(LAST))]
    source = uploads.complete(bucket, KEY, upload, came[::-1])
    assert (source, source.size) == (describe(bucket, KEY), len(FIRST + LAST))
    assert source.version_id
    assert s3.get_object(Bucket=bucket, Key=KEY)["Body"].read() == FIRST + LAST


def test_more_parts_are_listed_than_one_answer_holds(bucket: str, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_PAGE", 2)
    upload = uploads.begin(bucket, KEY)
    for number in range(1, 6):
        s3.upload_part(Bucket=bucket, Key=KEY, UploadId=upload, PartNumber=number, Body=b"x")
    assert [part.number for part in uploads.parts(bucket, KEY, upload)] == [1, 2, 3, 4, 5]


def test_a_link_takes_its_own_part_and_no_other_bytes(bucket: str) -> None:
    upload = uploads.begin(bucket, KEY)
    link = uploads.sign(bucket, KEY, upload, {2: 7})[2]
    assert send(link.replace("partNumber=2", "partNumber=1"), LAST) == 403
    assert send(link, LAST + b"and more") == 403
    assert uploads.parts(bucket, KEY, upload) == []


def test_what_is_gone_says_so(bucket: str) -> None:
    upload = uploads.begin(bucket, KEY)
    uploads.abort(bucket, KEY, upload)
    uploads.abort(bucket, KEY, upload)
    with pytest.raises(UploadGone, match=r"expired after 7 days\. Choose the file again"):
        uploads.parts(bucket, KEY, upload)
    with pytest.raises(RunFailed, match=r"The bucket of s3://absent-bucket/data/a\.csv doesn't exist"):
        uploads.begin("absent-bucket", "data/a.csv")


def test_an_answer_that_was_lost_is_found_again(bucket: str) -> None:
    began = datetime.now(UTC)
    assert uploads.completed(bucket, KEY, began) is None
    upload = uploads.begin(bucket, KEY)
    send(uploads.sign(bucket, KEY, upload, {1: 7})[1], LAST)
    source = uploads.complete(bucket, KEY, upload, uploads.parts(bucket, KEY, upload))
    assert uploads.completed(bucket, KEY, began) == source
    assert uploads.completed(bucket, KEY, began + timedelta(hours=1)) is None, "what lay there before is not it"


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_links_lead_to_the_origin_that_the_pages_policy_names(
    region: str, reached: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    from ingest.aws import objects

    objects._made.cache_clear()
    link = urlsplit(uploads.sign("some-files", KEY, "u", {1: 7})[1])
    objects._made.cache_clear()
    assert f"{link.scheme}://{link.netloc}" == bucket_origin("some-files", region)


def test_pages_of_the_site_alone_may_send(bucket: str, reached: LocalAws) -> None:
    let_pages_send(reached, bucket=bucket, origins=["http://127.0.0.1:8000"])
    upload = uploads.begin(bucket, KEY)
    link = uploads.sign(bucket, KEY, upload, {1: 7})[1]

    def asked(origin: str, method: str) -> int:
        headers = {"Origin": origin, "Access-Control-Request-Method": method}
        request = urllib.request.Request(link, method="OPTIONS", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            refused.close()
            return refused.code

    assert asked("http://127.0.0.1:8000", "PUT") == 200
    assert asked("http://127.0.0.1:8000", "GET") == 403
    assert asked("https://elsewhere.example", "PUT") == 403
