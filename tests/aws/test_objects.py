"""Files come out of a real S3 by their exact version, over wires that break, or not at all."""

import hashlib
import io
import random
import socket
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ingest.aws import objects
from ingest.aws.objects import Fetched, SourceGone, copy, describe, fetch, presigned_url, put
from ingest.loader.outcome.errors import Disposition, RunFailed, RunInterrupted, disposition_of
from ingest.loader.outcome.source_object import SourceObject
from pipeline_site.local.aws import LocalAws
from tests.aws.wires import answering, cutting

BYTES = random.Random(7).randbytes(5_000_000)
SHA256 = hashlib.sha256(BYTES).hexdigest()
ABSENT = SourceObject(bucket="absent-bucket", key="data/a.csv", size=5, etag="e" * 32)


def put_bytes(bucket: str, content: bytes, key: str = "data/a.csv") -> SourceObject:
    return put(io.BytesIO(content), bucket, key)


# -- fetch ------------------------------------------------------------------------------------------------------------


def test_it_fetches_a_file_whole_and_hashes_it_on_the_way(bucket: str, tmp_path: Path) -> None:
    told: list[int] = []
    fetched = fetch(put_bytes(bucket, BYTES), tmp_path / "a", progress=told.append)
    assert fetched == Fetched(sha256=SHA256, size=len(BYTES))
    assert (tmp_path / "a").read_bytes() == BYTES
    assert told == sorted(set(told))
    assert told[-1] == len(BYTES)


def test_it_fetches_an_empty_file(bucket: str, tmp_path: Path) -> None:
    assert fetch(put_bytes(bucket, b""), tmp_path / "a").size == 0
    assert (tmp_path / "a").read_bytes() == b""


def test_it_fetches_the_version_it_was_told_though_a_newer_one_lies_there(bucket: str, tmp_path: Path) -> None:
    first = put_bytes(bucket, b"first")
    second = put_bytes(bucket, b"second")
    fetch(first, tmp_path / "a")
    fetch(second, tmp_path / "b")
    assert [(tmp_path / name).read_bytes() for name in "ab"] == [b"first", b"second"]


def test_it_fetches_a_version_though_the_key_was_deleted(bucket: str, s3: Any, tmp_path: Path) -> None:
    source = put_bytes(bucket, b"first")
    s3.delete_object(Bucket=bucket, Key=source.key)
    fetch(source, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"first"


def test_it_never_takes_another_version_for_the_one_it_was_told(plain_bucket: str, tmp_path: Path) -> None:
    first = put_bytes(plain_bucket, b"first")
    put_bytes(plain_bucket, b"second")
    with pytest.raises(SourceGone, match="deleted or overwritten before it was read") as error:
        fetch(first, tmp_path / "a")
    assert disposition_of(error.value) is Disposition.FAIL
    assert not (tmp_path / "a").exists()


def test_it_says_that_a_version_a_key_or_a_bucket_is_gone(bucket: str, s3: Any, tmp_path: Path) -> None:
    source = put_bytes(bucket, b"first")
    s3.delete_object(Bucket=bucket, Key=source.key, VersionId=source.version_id)
    for gone in (source, replace(source, version_id=""), replace(source, key="data/other.csv")):
        with pytest.raises(SourceGone, match="Put it in the bucket again"):
            fetch(gone, tmp_path / "a")
    with pytest.raises(RunFailed, match=r"The bucket of s3://absent-bucket/data/a\.csv doesn't exist"):
        fetch(ABSENT, tmp_path / "a")


def test_it_refuses_an_object_that_nothing_pins(bucket: str, tmp_path: Path) -> None:
    put_bytes(bucket, b"first")
    with pytest.raises(RunFailed, match="neither a version nor an ETag"):
        fetch(SourceObject(bucket=bucket, key="data/a.csv", size=5), tmp_path / "a")


@pytest.mark.parametrize(
    "key",
    ["data/a+b c%2B&d=é😀?#.csv", "data/x/../y.csv", "data//a.csv", "/a.csv", "data/\r\n\t'\".csv", "d/" + "é" * 511],
)
def test_any_key_goes_in_and_comes_out(key: str, bucket: str, tmp_path: Path) -> None:
    source = put_bytes(bucket, b"first", key)
    assert describe(bucket, key) == source
    fetch(source, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"first"


# -- cut streams ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("versioned", [True, False])
def test_a_cut_stream_goes_on_from_where_it_stopped(
    versioned: bool,
    bucket: str,
    plain_bucket: str,
    reached: LocalAws,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    source = put_bytes(bucket if versioned else plain_bucket, BYTES)
    told: list[int] = []
    with cutting(reached.port, [2_500_000, 1_500_000]) as (address, proxy):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        fetched = fetch(source, tmp_path / "a", progress=told.append)
    assert fetched == Fetched(sha256=SHA256, size=len(BYTES))
    assert (tmp_path / "a").read_bytes() == BYTES
    assert told == sorted(set(told))
    heads = [line for head in proxy.requests for line in head.decode().split("\r\n")]
    starts = [int(line.removeprefix("Range: bytes=").removesuffix("-")) for line in heads if line.startswith("Range")]
    assert len(starts) == 2
    assert set(starts) <= set(told)


def test_a_stream_that_is_always_cut_ends_as_an_interruption(
    plain_bucket: str, reached: LocalAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(objects, "_PAUSE", 0.001)
    source = put_bytes(plain_bucket, BYTES)
    with cutting(reached.port, [100_000] * 20) as (address, proxy):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        with pytest.raises(RunInterrupted, match=r"The connection to S3 broke 9 times while s3://") as error:
            fetch(source, tmp_path / "a")
    assert len(proxy.requests) == 9
    assert disposition_of(error.value) is Disposition.RETRY
    assert not (tmp_path / "a").exists()


def test_a_file_overwritten_while_its_stream_was_cut_is_gone(
    plain_bucket: str, reached: LocalAws, s3: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = put_bytes(plain_bucket, BYTES)

    def overwrite(so_far: int) -> None:
        s3.put_object(Bucket=plain_bucket, Key=source.key, Body=b"another")

    with cutting(reached.port, [2_500_000]) as (address, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        with pytest.raises(SourceGone):
            fetch(source, tmp_path / "a", progress=overwrite)
    assert not (tmp_path / "a").exists()


# -- errors -----------------------------------------------------------------------------------------------------------


def test_a_full_disk_interrupts_the_run_and_leaves_no_file(bucket: str, tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/dev/full")
    with pytest.raises(RunInterrupted, match=r"The disk filled up while s3://.* free space"):
        fetch(put_bytes(bucket, BYTES), tmp_path / "a")
    assert not (tmp_path / "a").is_symlink()


def test_an_s3_out_of_reach_interrupts_the_run(monkeypatch: pytest.MonkeyPatch, reached: LocalAws) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    with pytest.raises(RunInterrupted, match=r"S3 could not be reached for s3://absent-bucket/data/a\.csv"):
        describe("absent-bucket", "data/a.csv")


def test_a_role_without_rights_is_told_what_to_grant(
    bucket: str, reached: LocalAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = put_bytes(bucket, b"first")
    iam = reached.client("iam")
    iam.create_user(UserName=bucket)
    key = iam.create_access_key(UserName=bucket)["AccessKey"]
    with cutting(reached.port, []) as (address, _):  # another address: another client
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        with pytest.raises(RunFailed, match="grant the loader's role s3:GetObject and s3:GetObjectVersion") as error:
            fetch(source, tmp_path / "a")
        with pytest.raises(RunFailed, match="grant the loader's role s3:GetObject on the object, and s3:ListBucket"):
            describe(bucket, source.key)
        with pytest.raises(RunFailed, match="grant the loader's role s3:PutObject"):
            put_bytes(bucket, b"second")
    assert disposition_of(error.value) is Disposition.FAIL


def test_an_archived_object_says_to_restore_it(bucket: str, s3: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket=bucket, Key="data/a.csv", Body=b"first", StorageClass="GLACIER")
    with pytest.raises(RunFailed, match=r"is archived \(S3 Glacier\): restore it"):
        fetch(describe(bucket, "data/a.csv"), tmp_path / "a")


def refusal(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>so it is</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "body", "raised", "sentence"),
    [
        (403, refusal("AccessDenied"), RunFailed, "grant the loader's role"),
        (403, refusal("InvalidObjectState"), RunFailed, r"is archived \(S3 Glacier\): restore it"),
        (400, refusal("KMS.DisabledException"), RunFailed, "kms:Decrypt"),
        (400, refusal("InvalidArgument"), RunFailed, "S3 refused s3://"),
        (405, refusal("MethodNotAllowed"), SourceGone, "no longer in the bucket"),
        (404, refusal("NoSuchVersion"), SourceGone, "no longer in the bucket"),
        (400, refusal("ExpiredToken"), RunInterrupted, "S3 is busy"),
        (400, refusal("TokenRefreshRequired"), RunInterrupted, "S3 is busy"),
        (400, refusal("KMS.ThrottlingException"), RunInterrupted, "S3 is busy"),
        (503, refusal("SlowDown"), RunInterrupted, r"S3 is busy .* \(SlowDown\)"),
        (500, b"<html>not what S3 says", RunInterrupted, "S3 (is busy|could not be reached)"),
    ],
)
def test_an_answer_of_s3_becomes_our_error(
    status: int,
    body: bytes,
    raised: type[Exception],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    reached: LocalAws,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0.0)
    with answering(status, body) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        with pytest.raises(raised, match=sentence) as error:
            fetch(ABSENT, tmp_path / "a")
    assert type(error.value) is raised
    assert not (tmp_path / "a").exists()


def test_a_bucket_that_is_no_bucket_is_said_so(reached: LocalAws) -> None:
    with pytest.raises(RunFailed, match=r"The request to S3 for s3://no bucket/a\.csv is not valid"):
        describe("no bucket", "a.csv")


# -- put, describe, links ---------------------------------------------------------------------------------------------


def test_it_tells_what_a_file_became_in_the_bucket(bucket: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(BYTES)
    source = put(tmp_path / "a.csv", bucket, "data/a.csv")
    assert source.size == len(BYTES)
    assert source.etag == hashlib.md5(BYTES).hexdigest()
    assert source.version_id
    assert describe(bucket, "data/a.csv") == source


def test_a_stream_is_put_from_its_start(bucket: str, tmp_path: Path) -> None:
    stream = io.BytesIO(b"first")
    stream.read()
    assert put(stream, bucket, "data/a.csv").size == 5


def test_a_big_file_goes_in_several_parts(bucket: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(BYTES * 14)
    source = put(tmp_path / "a.csv", bucket, "data/a.csv")
    assert source.size == 70_000_000
    assert source.etag.endswith("-9")
    assert fetch(source, tmp_path / "b").sha256 == hashlib.sha256(BYTES * 14).hexdigest()


def test_a_copy_is_of_the_very_version(bucket: str, tmp_path: Path) -> None:
    first = put_bytes(bucket, b"first")
    put_bytes(bucket, b"second")
    made = copy(first, "data/b ü+%.csv")
    assert (made.key, made.size, made.etag) == ("data/b ü+%.csv", 5, first.etag)
    fetch(made, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"first"


def test_a_big_file_is_copied_in_several_parts(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "_ONE_COPY", 1_000_000)
    source = put_bytes(bucket, BYTES * 2)
    put_bytes(bucket, b"second")
    assert fetch(copy(source, "data/b.csv"), tmp_path / "a").sha256 == hashlib.sha256(BYTES * 2).hexdigest()


def test_a_version_that_is_gone_is_not_copied(bucket: str, plain_bucket: str, s3: Any) -> None:
    source = put_bytes(bucket, b"first")
    s3.delete_object(Bucket=bucket, Key=source.key, VersionId=source.version_id)
    overwritten = put_bytes(plain_bucket, b"first")
    put_bytes(plain_bucket, b"second")
    for gone in (source, overwritten):
        with pytest.raises(SourceGone, match="Put it in the bucket again"):
            copy(gone, "data/b.csv")


def test_a_file_from_an_unversioned_bucket_is_known_by_its_etag(plain_bucket: str, tmp_path: Path) -> None:
    source = put_bytes(plain_bucket, b"first")
    assert source.version_id == ""
    assert fetch(source, tmp_path / "a").size == 5


def test_versions_written_while_versioning_is_suspended_pin_nothing(bucket: str, s3: Any) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert put_bytes(bucket, b"first").version_id == ""
    assert describe(bucket, "data/a.csv").version_id == ""


def test_a_link_gives_the_very_version(bucket: str) -> None:
    source = put_bytes(bucket, b"first")
    put_bytes(bucket, b"second")
    with urllib.request.urlopen(presigned_url(source, 60), timeout=10) as answer:
        assert answer.read() == b"first"


def test_a_link_is_a_download_under_the_files_name(plain_bucket: str) -> None:
    source = put_bytes(plain_bucket, b"<script>", "data/naïve 😀.html")
    with urllib.request.urlopen(presigned_url(source, 60), timeout=10) as answer:
        assert answer.read() == b"<script>"
        assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''na%C3%AFve%20%F0%9F%98%80.html"


def test_a_link_for_another_key_is_worth_nothing(bucket: str) -> None:
    source = put_bytes(bucket, b"first")
    put_bytes(bucket, b"secret", "data/b.csv")
    forged = presigned_url(source, 60).replace("a.csv", "b.csv", 1)
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(forged, timeout=10)
    error.value.close()
    assert error.value.code == 403


def test_a_link_is_signed_by_sigv4_for_the_regional_host(monkeypatch: pytest.MonkeyPatch, reached: LocalAws) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    url = urlsplit(presigned_url(ABSENT, 3600))
    assert url.hostname == "absent-bucket.s3.eu-west-1.amazonaws.com"
    asked = parse_qs(url.query)
    assert asked["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert asked["X-Amz-Expires"] == ["3600"]


@pytest.mark.parametrize("seconds", [0, -1, 604_801])
def test_a_link_lasts_a_week_at_most(seconds: int) -> None:
    with pytest.raises(ValueError, match="1 to 604,800 seconds"):
        presigned_url(ABSENT, seconds)


def test_all_threads_share_one_client(bucket: str, tmp_path: Path) -> None:
    sources = [put_bytes(bucket, BYTES[:n], f"data/{n}.csv") for n in range(1, 1_000_000, 125_000)]
    with ThreadPoolExecutor(8) as threads:
        fetched = list(threads.map(lambda source: fetch(source, tmp_path / str(source.size)), sources))
        clients = {id(client) for client in threads.map(lambda _: objects.client(), range(8))}
    assert [each.sha256 for each in fetched] == [hashlib.sha256(BYTES[: each.size]).hexdigest() for each in fetched]
    assert len(clients) == 1
