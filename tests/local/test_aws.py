"""The local AWS is set up anew at every start, whatever stands already, and refuses strangers."""

import json
import os
import secrets
import signal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline_site.local.aws import LocalAws, set_up
from tests.local.processes import comes_true

NAMES = {"bucket": "files", "prefix": "data/", "queue": "events"}


def fresh(folder: Path, port: int = 0) -> LocalAws:
    """A server that isn't started, with keys that no other test run has."""
    key, secret = f"AKIA{secrets.token_hex(8).upper()}", secrets.token_hex(20)
    return LocalAws(folder=folder / "a folder", port=port, access_key=key, secret_key=secret)


def put(aws: LocalAws, key: str) -> None:
    """A small object under ``key``."""
    aws.client("s3").put_object(Bucket="files", Key=key, Body=b"id\n1\n")


def taken(aws: LocalAws, queue_url: str) -> list[str]:
    """The keys that the queue tells of; they are taken from it."""
    keys = []
    sqs = aws.client("sqs")
    for _ in range(20):
        told = sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
        if not told.get("Messages"):
            break
        for message in told["Messages"]:
            keys += [record["s3"]["object"]["key"] for record in json.loads(message["Body"]).get("Records", ())]
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return sorted(keys)


def test_setting_up_twice_changes_nothing(aws_server: LocalAws) -> None:
    first, second = set_up(aws_server, **NAMES), set_up(aws_server, **NAMES)
    assert first == second
    put(aws_server, "data/a.csv")
    put(aws_server, "other/b.csv")
    assert taken(aws_server, first) == ["data/a.csv"]
    assert aws_server.client("s3").get_bucket_versioning(Bucket="files")["Status"] == "Enabled"
    attributes: Any = aws_server.client("sqs").get_queue_attributes(QueueUrl=first, AttributeNames=["All"])
    assert json.loads(attributes["Attributes"]["RedrivePolicy"])["deadLetterTargetArn"].endswith(":events-dead")


def test_a_key_that_is_not_ours_is_refused(aws_server: LocalAws) -> None:
    stranger = LocalAws(folder=aws_server.folder, port=aws_server.port, access_key="AKIASTRANGER", secret_key="x")
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        stranger.client("s3").list_buckets()


def test_objects_outlive_a_kill_and_the_rest_is_set_up_anew(tmp_path: Path) -> None:
    aws = fresh(tmp_path)
    aws.start()
    try:
        set_up(aws, **NAMES)
        put(aws, "data/before.csv")
        assert aws.child
        killed = aws.child
        os.kill(killed.pid, signal.SIGKILL)
        assert comes_true(lambda: killed.status is not None)
        aws.port = 0
        aws.start()
        queue_url = set_up(aws, **NAMES)
        put(aws, "data/after.csv")
        assert "data/after.csv" in taken(aws, queue_url)
        listed = aws.client("s3").list_objects_v2(Bucket="files")["Contents"]
        assert [each["Key"] for each in listed] == ["data/after.csv", "data/before.csv"]
    finally:
        aws.stop()


def test_it_listens_elsewhere_when_its_port_is_taken_before_it_binds(tmp_path: Path, contested_port: int) -> None:
    aws = fresh(tmp_path, contested_port)
    aws.start()
    try:
        assert aws.port not in (0, contested_port)
        assert aws.client("s3").list_buckets()["Buckets"] == []
    finally:
        aws.stop()
