"""The worker gives events to the handlers as Lambda would, and nothing that a handler does ends it."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline_site.local.worker import Worker
from tests.conftest import Aws


class Handlers:
    """Stand-ins that keep what they are given; they raise at a key with ``crash`` and give one with ``again`` back."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.remaining: list[int] = []
        self.calls = 0

    def on_event(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Take a batch."""
        self.events.append(event)
        self.remaining.append(context.get_remaining_time_in_millis())
        bodies = {record["messageId"]: record["body"] for record in event["Records"]}
        if any("crash" in body for body in bodies.values()):
            raise RuntimeError("the handler crashed")
        return {"batchItemFailures": [{"itemIdentifier": each} for each, body in bodies.items() if "again" in body]}

    def on_schedule(self, event: dict[str, Any], context: Any) -> None:
        """Count."""
        self.calls += 1

    @property
    def keys(self) -> list[str]:
        """The keys of all objects told so far."""
        records = [record for event in self.events for record in event["Records"]]
        told = [json.loads(record["body"]).get("Records", ()) for record in records]
        return [each["s3"]["object"]["key"] for events in told for each in events]


@pytest.fixture
def handlers() -> Handlers:
    """Fresh stand-ins."""
    return Handlers()


@pytest.fixture
def work(aws: Aws, handlers: Handlers) -> Callable[[Callable[[], bool]], None]:
    """Let a worker work until something holds, at most some turns."""

    def until(done: Callable[[], bool]) -> None:
        turns = iter(range(10))
        worker = Worker(
            sqs=aws.client("sqs"),
            queue_url=aws.queue_url,
            on_event=handlers.on_event,
            on_schedule=handlers.on_schedule,
            every=0.1,
        )
        worker.work(until=lambda: done() or next(turns, None) is None)

    return until


def put(aws: Aws, *keys: str) -> None:
    """Small objects under ``keys``."""
    for key in keys:
        aws.client("s3").put_object(Bucket=aws.bucket, Key=f"data/{key}", Body=b"id\n1\n")


def in_flight(aws: Aws) -> int:
    """How many messages were given out and not deleted."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=aws.queue_url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def test_a_file_is_handed_over_as_lambda_does_and_deleted(aws: Aws, handlers: Handlers, work: Any) -> None:
    put(aws, "a.csv")
    work(lambda: "data/a.csv" in handlers.keys)
    record = handlers.events[-1]["Records"][-1]
    assert set(record) >= {"messageId", "receiptHandle", "body", "attributes", "eventSource"}
    assert record["eventSource"] == "aws:sqs"
    assert 890_000 < handlers.remaining[-1] <= 900_000
    assert in_flight(aws) == 0


def test_what_a_handler_gives_back_stays_in_the_queue(aws: Aws, handlers: Handlers, work: Any) -> None:
    put(aws, "again.csv", "b.csv")
    work(lambda: {"data/again.csv", "data/b.csv"} <= set(handlers.keys))
    assert in_flight(aws) == 1


def test_a_crash_of_one_event_does_not_end_the_worker(aws: Aws, handlers: Handlers, work: Any) -> None:
    put(aws, "crash.csv")
    work(lambda: "data/crash.csv" in handlers.keys)
    crashed = in_flight(aws)
    assert crashed >= 1
    put(aws, "c.csv")
    work(lambda: "data/c.csv" in handlers.keys)
    assert "data/c.csv" in handlers.keys
    assert in_flight(aws) == crashed


def test_the_schedule_is_called_in_between(handlers: Handlers, work: Any) -> None:
    work(lambda: handlers.calls == 2)
    assert handlers.calls == 2


def test_an_outage_of_the_queue_does_not_end_the_worker(
    aws: Aws, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline_site.local.worker._PAUSE_SECONDS", 0)
    turns = iter(range(3))
    worker = Worker(
        sqs=aws.client("sqs"),
        queue_url=f"{aws.queue_url}-is-not-there",
        on_event=handlers.on_event,
        on_schedule=handlers.on_schedule,
        every=0,
    )
    worker.work(until=lambda: next(turns, None) is None)
    assert handlers.calls == 3
    assert handlers.events == []
