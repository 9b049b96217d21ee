"""A local AWS on loopback: S3 and SQS in a process of their own, with bucket, queue and notification set up."""

import json
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pipeline_site.local.children import HOST, Child, LocalError, start_on_port

REGION = "us-east-1"
ENVIRONMENT_FOLDER = Path(__file__).resolve().parents[2] / ".venv-aws"
RECEIVES = 5
"""A message that was given out so often without being deleted goes to the dead-letter queue."""
VISIBILITY_SECONDS = 60
"""A message that its reader never deleted comes back after so long."""


@dataclass(kw_only=True)
class LocalAws:
    """The server: where it keeps its state, where it listens, which keys it knows.

    ``port`` is the wanted one, or 0; from its start on, it is the one on which the server listens.

    It refuses keys that it doesn't know, but lets ``test`` in whatever the secret: it is for loopback, and no lock.
    """

    folder: Path
    port: int
    access_key: str
    secret_key: str
    child: Child | None = None

    @property
    def endpoint(self) -> str:
        """The address of every service."""
        return f"http://{HOST}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What boto3 and the AWS command line read to come here, with these keys."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service: str, **limits: float) -> Any:
        """A boto3 client with these keys, whatever the environment says; ``limits`` are botocore's timeouts."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=REGION,
            config=Config(retries={"max_attempts": 3, "mode": "standard"}, s3={"addressing_style": "path"}, **limits),
        )

    def start(self) -> None:
        """Start the server and return when it answers."""
        python = ENVIRONMENT_FOLDER / "bin" / "python"
        if not python.exists():
            raise LocalError("The local AWS isn't installed: run `make env`.")
        state, objects, scratch = (self.folder / name for name in ("state", "objects", "tmp"))
        for each in (state, objects, scratch):
            each.mkdir(parents=True, exist_ok=True)
        start_on_port(self.port, self._start_on)

    def _start_on(self, port: int) -> None:
        self.port = port
        log = self.folder / "aws.log"
        command = [str(ENVIRONMENT_FOLDER / "bin" / "python"), "-m", "ministack"]
        self.child = Child("The local AWS", command, log=log, environment=self._variables(), folder=self.folder)
        self.child.wait_until(self._is_ready, seconds=60)

    def _variables(self) -> dict[str, str]:
        """What the server finds in its environment."""
        state, objects, scratch = (self.folder / name for name in ("state", "objects", "tmp"))
        # Nothing of the user's own AWS account, Docker or Django comes near it, nor near the functions that it runs.
        # It would listen on every address unless told.
        foreign = ("AWS_", "DJANGO_", "DOCKER_", "PYTHON")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return (
            kept
            | self.environment
            | {
                "BIND_HOST": HOST,
                "MINISTACK_HOST": HOST,
                "GATEWAY_PORT": str(self.port),
                "AUTH": "true",
                "IOT_MTLS_ENABLED": "0",
                "LAMBDA_EXECUTOR": "local",
                "PERSIST_STATE": "1",
                "STATE_DIR": str(state),
                "S3_PERSIST": "1",
                "S3_DATA_DIR": str(objects),
                "TMPDIR": str(scratch),
                "DOCKER_HOST": f"unix://{scratch / 'no-docker'}",
                "LOG_LEVEL": "WARNING",
            }
        )

    def stop(self) -> None:
        """Stop the server."""
        if self.child:
            self.child.stop()
            self.child = None

    def _is_ready(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex((HOST, self.port)):
                return False
        try:
            # Whoever else listens there may never answer; our own server says that in its exit status.
            self.client("s3", connect_timeout=1, read_timeout=2).list_buckets()
        except (BotoCoreError, ClientError):
            return False
        return True


def set_up(aws: LocalAws, *, bucket: str, prefix: str, queue: str) -> str:
    """Make the versioned ``bucket`` that tells ``queue`` of every object under ``prefix``; return the queue's URL.

    Whatever stands already is left or put right: a server that was killed forgets queues and notifications.
    """
    s3, sqs = aws.client("s3"), aws.client("sqs")
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    dead = _arn(sqs, _queue(sqs, f"{queue}-dead"))
    url = _queue(sqs, queue)
    arn = _arn(sqs, url)
    policy = {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "s3.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}},
        },
    }
    attributes = {
        "VisibilityTimeout": str(VISIBILITY_SECONDS),
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": RECEIVES}),
        "Policy": json.dumps(policy),
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    notification = {
        "QueueArn": arn,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}},
    }
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [notification]}
    )
    return url


def let_pages_send(aws: LocalAws, *, bucket: str, origins: Sequence[str]) -> None:
    """Let pages of ``origins`` PUT files into ``bucket``, and no other page anything."""
    rule = {"AllowedMethods": ["PUT"], "AllowedOrigins": list(origins), "AllowedHeaders": ["*"], "MaxAgeSeconds": 3000}
    aws.client("s3").put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})


def _queue(sqs: Any, name: str) -> str:
    try:
        return str(sqs.get_queue_url(QueueName=name)["QueueUrl"])
    except sqs.exceptions.QueueDoesNotExist:
        return str(sqs.create_queue(QueueName=name)["QueueUrl"])


def _arn(sqs: Any, url: str) -> str:
    return str(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])
