"""Buckets on a real local S3."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline_site.local.aws import LocalAws
from pipeline_site.local.children import free_port


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """A local AWS for these tests."""
    server = LocalAws(folder=tmp_path_factory.mktemp("aws"), port=free_port(0), access_key="test", secret_key="test")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def reached(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> LocalAws:
    """The same, with the code under test sent there."""
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    return aws


@pytest.fixture
def s3(reached: LocalAws) -> Any:
    """A client of the tests' own."""
    return reached.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    """A new bucket that keeps versions."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def plain_bucket(s3: Any) -> str:
    """A new bucket that keeps no versions."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name)
    return name
