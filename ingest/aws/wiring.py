"""Check the AWS resources between the bucket and the function; each is fine, or the finding says what to do."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final

import boto3
from botocore import exceptions as boto
from botocore.config import Config

_LARGEST_DRIFT: Final = 60.0
"""Seconds that our clock may be off; beyond 15 minutes, AWS rejects all requests."""
_AGAIN: Final = "deploy the stage again"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """The result of one check."""

    subject: str
    good: bool
    told: str
    """The state; where it isn't good, also what to do."""
    caution: bool = False
    """Whether it needs attention, though everything works."""

    @property
    def mark(self) -> str:
        """The mark before its line."""
        return "NOT OK" if not self.good else "CAUTION" if self.caution else "ok"


class CheckFailed(Exception):
    """The text says what is wrong, and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wiring:
    """The names of the resources; ``function`` is empty where a worker reads the queue."""

    bucket: str
    prefix: str
    queue_url: str
    function: str = ""


def check_wiring(wiring: Wiring) -> list[Finding]:
    """Check every resource, even if others are missing or can't be accessed."""
    subjects: tuple[tuple[str, Callable[[Wiring], str]], ...] = (
        ("bucket", _bucket),
        ("notification", _notification),
        ("queue", _queue),
        ("dead letters", _dead_letters),
        *((("mapping", _mapping),) if wiring.function else ()),
        ("clock", _clock),
    )
    return [_looked(subject, lambda check=check: check(wiring)) for subject, check in subjects]  # type: ignore[misc]


def _looked(subject: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(subject=subject, good=True, told=check())
    except CheckFailed as wrong:
        message = str(wrong)
    except boto.ClientError as error:
        code, call = error.response.get("Error", {}).get("Code", "an error"), error.operation_name
        message = f"AWS answered {call} with {code}: check that it exists, the region, and the right to {call}."
    except (boto.BotoCoreError, boto.HTTPClientError) as error:
        message = f"AWS can't be reached ({type(error).__name__}): check the network, the region and the credentials."
    return Finding(subject=subject, good=False, told=message)


def _bucket(wiring: Wiring) -> str:
    if not wiring.bucket:
        raise CheckFailed("BUCKET is not set: set it to the bucket's name.")
    if _client("s3").get_bucket_versioning(Bucket=wiring.bucket).get("Status") != "Enabled":
        raise CheckFailed(f"{wiring.bucket} has no versioning, so a file can change while it is read: {_AGAIN}.")
    return f"{wiring.bucket} has versioning enabled"


def _notification(wiring: Wiring) -> str:
    """Check that the bucket notifies our queue of new objects under our prefix."""
    response = _client("s3").get_bucket_notification_configuration(Bucket=wiring.bucket)
    queue = _queue_arn(wiring)
    ours = [
        configuration for configuration in response.get("QueueConfigurations", ()) if configuration["QueueArn"] == queue
    ]
    if not ours:
        raise CheckFailed(f"{wiring.bucket} doesn't notify the queue of new files, so none is loaded: {_AGAIN}.")
    created = [
        configuration for configuration in ours if any(_brings_files(event) for event in configuration["Events"])
    ]
    if not created:
        raise CheckFailed(f"{wiring.bucket} doesn't notify the queue of new files (s3:ObjectCreated:*): {_AGAIN}.")
    prefixes = [next(_rules(configuration, "prefix"), "") for configuration in created]
    if not any(wiring.prefix.startswith(prefix) for prefix in prefixes):
        raise CheckFailed(
            f"{wiring.bucket} notifies of files under {' and '.join(map(repr, prefixes))}, but PREFIX is "
            f"{wiring.prefix!r}: make them the same in infra/stages.toml, and {_AGAIN}."
        )
    suffixes = [suffix for configuration in created for suffix in _rules(configuration, "suffix") if suffix]
    if len(suffixes) == len(created):
        raise CheckFailed(f"{wiring.bucket} notifies only of files that end with {suffixes[0]!r}: {_AGAIN}.")
    return f"{wiring.bucket} notifies the queue of new files under {wiring.prefix!r}"


def _brings_files(event: str) -> bool:
    return event in ("s3:ObjectCreated:*", "s3:ObjectCreated:Put")


def _rules(configuration: dict[str, Any], name: str) -> Iterator[str]:
    """Yield the values of the filter rules ``name``; S3 writes the names in either case."""
    for rule in configuration.get("Filter", {}).get("Key", {}).get("FilterRules", ()):
        if rule["Name"].lower() == name:
            yield rule["Value"]


def _queue(wiring: Wiring) -> str:
    redrive = _redrive(wiring)
    if not redrive:
        raise CheckFailed(
            f"The queue has no dead-letter queue, so unreadable messages are redelivered forever: {_AGAIN}."
        )
    times = int(redrive.get("maxReceiveCount", 0))
    attributes = _attributes(wiring.queue_url)
    waiting = int(attributes["ApproximateNumberOfMessages"])
    return f"{waiting:,} waiting; moved to the dead-letter queue after {times} deliveries"


def _dead_letters(wiring: Wiring) -> str:
    redrive = _redrive(wiring)
    if not redrive:
        raise CheckFailed(f"There is no dead-letter queue: {_AGAIN}.")
    name = str(redrive["deadLetterTargetArn"]).rsplit(":", 1)[-1]
    waiting = int(_attributes(_client("sqs").get_queue_url(QueueName=name)["QueueUrl"])["ApproximateNumberOfMessages"])
    if waiting:
        raise CheckFailed(f"{waiting:,} messages failed: read why in the log, then redrive them (docs/runbook.md).")
    return "none"


def _mapping(wiring: Wiring) -> str:
    """Check that the queue feeds the function, and that only failed messages are redelivered."""
    client = _client("lambda")
    response = client.list_event_source_mappings(FunctionName=wiring.function, EventSourceArn=_queue_arn(wiring))
    mappings = response["EventSourceMappings"]
    if not mappings:
        raise CheckFailed(f"No event source mapping delivers the queue's messages to {wiring.function}: {_AGAIN}.")
    state = mappings[0].get("State", "")
    if state not in ("Enabled", "Enabling", "Updating"):
        raise CheckFailed(
            f"The mapping from the queue to {wiring.function} is {state or 'off'}: enable it with `aws lambda "
            f"update-event-source-mapping --uuid {mappings[0]['UUID']} --enabled`, or {_AGAIN}."
        )
    if "ReportBatchItemFailures" not in mappings[0].get("FunctionResponseTypes", ()):
        raise CheckFailed(
            f"The mapping doesn't report failures of single messages (ReportBatchItemFailures): {_AGAIN}."
        )
    return f"the queue's messages are delivered to {wiring.function}"


def _clock(wiring: Wiring) -> str:
    """Compare our clock with that of S3."""
    answer = _client("s3").get_bucket_location(Bucket=wiring.bucket)
    server_time = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
    return drift(datetime.now(UTC), server_time, whose="S3's")


def drift(here: datetime, there: datetime, *, whose: str) -> str:
    """Compare our clock with another; raises CheckFailed where they differ too much."""
    seconds = (here - there).total_seconds()
    if abs(seconds) > _LARGEST_DRIFT:
        raise CheckFailed(
            f"This machine's clock is {abs(seconds):,.0f} seconds {'ahead of' if seconds > 0 else 'behind'} {whose}: "
            "synchronize it with a time server. Beyond 15 minutes, AWS rejects its requests."
        )
    return f"within {_LARGEST_DRIFT:.0f} seconds of {whose}"


def _queue_arn(wiring: Wiring) -> str:
    if not wiring.queue_url:
        raise CheckFailed("QUEUE_URL is not set: set it to the URL of the queue.")
    return str(_attributes(wiring.queue_url)["QueueArn"])


def _redrive(wiring: Wiring) -> dict[str, Any]:
    _queue_arn(wiring)
    return dict(json.loads(_attributes(wiring.queue_url).get("RedrivePolicy") or "{}"))


def _attributes(queue_url: str) -> dict[str, str]:
    return dict(_client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"])


def _client(service: str) -> Any:
    return _made(service, os.environ.get("AWS_ENDPOINT_URL"), os.environ.get("AWS_DEFAULT_REGION"))


@lru_cache(maxsize=8)
def _made(service: str, endpoint: str | None, region: str | None) -> Any:
    config = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=10)
    return boto3.session.Session().client(service, endpoint_url=endpoint, region_name=region, config=config)
