"""The code of an earlier version comes back, from our bucket or, where it was deleted there, from Lambda itself."""

import io
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline_site.deploy import DeployError, versions
from pipeline_site.deploy.account import AwsAccount
from pipeline_site.local.aws import LocalAws
from tests.aws.wires import answering


def code(text: str) -> bytes:
    """A package that answers with ``text``."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as files:
        files.writestr(zipfile.ZipInfo("a.py"), f"def b(event, context):\n    return {text!r}\n")
    return made.getvalue()


OLD, NEW = code("old"), code("new")


@pytest.fixture
def name(aws_server: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A function, and a bucket of its name, with two versions; the newer one is live."""
    for variable, value in aws_server.environment.items():
        monkeypatch.setenv(variable, value)
    name, roles, client = f"back-{uuid.uuid4().hex[:8]}", aws_server.client("iam"), aws_server.client("lambda")
    aws_server.client("s3").create_bucket(Bucket=name)
    role = roles.create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    for number, content in enumerate((OLD, NEW)):
        (tmp_path / "made.zip").write_bytes(content)
        place = {"S3Bucket": name, "S3Key": versions.upload(here(), name, name, tmp_path / "made.zip")}
        if number:
            client.update_function_code(FunctionName=name, Publish=True, **place)
        else:
            told: dict[str, Any] = {"Runtime": "python3.12", "Role": role, "Handler": "a.b", "Publish": True}
            client.create_function(FunctionName=name, Code=place, **told)
    yield name
    client.delete_function(FunctionName=name)
    roles.delete_role(RoleName=name)


def here() -> AwsAccount:
    """The account that the environment leads to."""
    return AwsAccount(number="000000000000", region="us-east-1")


def live(aws: LocalAws, name: str) -> str:
    """The hash of the code that answers now."""
    return str(aws.client("lambda").get_function_configuration(FunctionName=name)["CodeSha256"])


def test_the_version_before_is_published_again(aws_server: LocalAws, name: str) -> None:
    newest, before = versions.published(here(), name)
    assert (newest, before) == ("2", "1")
    new = live(aws_server, name)
    assert versions.roll_back(here(), name, name, before) == "3"
    assert live(aws_server, name) != new
    assert versions.published(here(), name) == ["3", "2", "1"]
    versions.roll_back(here(), name, name, newest)
    assert live(aws_server, name) == new


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, b"", r"^The code can't be downloaded from Lambda \(HTTPError\)"),
        (200, NEW, "gave other code than that of"),
    ],
)
def test_what_lambda_gives_is_held_against_the_hash(
    aws_server: LocalAws, name: str, monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, said: str
) -> None:
    forgotten(aws_server, name)
    with answering(status, body) as address:
        monkeypatch.setattr(versions, "_download", elsewhere(address, versions._download))
        with pytest.raises(DeployError, match=said):
            versions.roll_back(here(), name, name, "1")


def test_code_that_the_bucket_has_deleted_comes_from_lambda(
    aws_server: LocalAws, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgotten(aws_server, name)
    with answering(200, OLD) as address:
        monkeypatch.setattr(versions, "_download", elsewhere(address, versions._download))
        assert versions.roll_back(here(), name, name, "1") == "3"
    assert versions.published(here(), name) == ["3", "2", "1"]


def forgotten(aws: LocalAws, bucket: str) -> None:
    """Delete every zip, as the bucket's rule does after a month."""
    for each in aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]:
        aws.client("s3").delete_object(Bucket=bucket, Key=each["Key"])


def elsewhere(address: str, download: Any) -> Any:
    """The local Lambda gives the newest code, whichever version is asked for."""
    return lambda location, path: download(address, path)
