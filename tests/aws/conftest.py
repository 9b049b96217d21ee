"""Buckets on the local AWS, and the code under test sent there."""

import uuid
from typing import Any

import pytest

from pipeline_site.local.aws import LocalAws


@pytest.fixture
def reached(aws_server: LocalAws, monkeypatch: pytest.MonkeyPatch) -> LocalAws:
    """The local AWS, named in an environment that a test may change."""
    for name, value in aws_server.environment.items():
        monkeypatch.setenv(name, value)
    return aws_server


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
