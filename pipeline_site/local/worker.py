"""The worker stands in Lambda's place: it takes events from the queue, gives them to the handlers, and keeps time."""

import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import boto3

from pipeline_site.local.outages import describe, is_outage

SCHEDULE_SECONDS = 5.0
LIMIT_SECONDS = 900.0
"""What an invocation is told it may take, as on Lambda. Nobody ends it here."""
BATCH = 10
_POLL_SECONDS = 1  # Lambda polls for 20; the local queue, told to stop, first waits for the end of a poll
_PAUSE_SECONDS = 1.0

_LOG = logging.getLogger("pipeline_site.worker")

Handler = Callable[[dict[str, Any], object], Any]


@dataclass(frozen=True, kw_only=True)
class Context:
    """What Lambda tells a handler about its invocation."""

    function_name: str = "ingest"
    aws_request_id: str = field(default_factory=lambda: str(uuid4()))
    ends: float = field(default_factory=lambda: monotonic() + LIMIT_SECONDS)

    def get_remaining_time_in_millis(self) -> int:
        """How long this invocation may still take."""
        return max(0, int((self.ends - monotonic()) * 1000))


@dataclass(kw_only=True)
class Worker:
    """The loop: long-poll the queue, hand over each batch, delete what was carried, call the schedule in between."""

    sqs: Any
    queue_url: str
    on_event: Handler
    on_schedule: Handler
    every: float = SCHEDULE_SECONDS
    _next: float = 0.0

    def work(self, *, until: Callable[[], bool] = lambda: False) -> None:
        """Work until ``until`` says stop, or a signal does; no event and no outage ends it."""
        while not until():
            try:
                self._turn()
            except Exception as error:
                _log(error, "The queue can't be reached; retrying.")
                sleep(_PAUSE_SECONDS)

    def _turn(self) -> None:
        if monotonic() >= self._next:
            self._invoke(self.on_schedule, {})
            self._next = monotonic() + self.every
        got = self.sqs.receive_message(
            QueueUrl=self.queue_url,
            MaxNumberOfMessages=BATCH,
            WaitTimeSeconds=_POLL_SECONDS,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages = got.get("Messages", [])
        if messages:
            self._hand_over(messages)

    def _hand_over(self, messages: list[dict[str, Any]]) -> None:
        """Give one batch to the handler; what it doesn't give back, or all if it crashes, stays in the queue."""
        carried, answer = self._invoke(self.on_event, {"Records": [_record(message) for message in messages]})
        if not carried:
            return
        failures = (answer or {}).get("batchItemFailures") or []
        again = {failure["itemIdentifier"] for failure in failures}
        done = [
            {"Id": str(ordinal), "ReceiptHandle": message["ReceiptHandle"]}
            for ordinal, message in enumerate(messages)
            if message["MessageId"] not in again
        ]
        if done:
            self.sqs.delete_message_batch(QueueUrl=self.queue_url, Entries=done)

    def _invoke(self, handler: Handler, event: dict[str, Any]) -> tuple[bool, Any]:
        """Whether ``handler`` came to its end, and its answer."""
        try:
            return True, handler(event, Context())
        except Exception as error:
            _log(error, "The invocation failed; what it was given comes again.")
            return False, None


def _log(error: Exception, told: str) -> None:
    """Log an outage as one sentence, anything else with its traceback."""
    if is_outage(error):
        _LOG.warning("%s %s", told, describe(error))
    else:
        _LOG.error(told, exc_info=error)


def _record(message: dict[str, Any]) -> dict[str, Any]:
    """A message as Lambda's event source mapping writes it."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": message.get("MessageAttributes", {}),
        "md5OfBody": message.get("MD5OfBody", ""),
        "eventSource": "aws:sqs",
        "eventSourceARN": "",
        "awsRegion": os.environ.get("AWS_DEFAULT_REGION", ""),
    }


def main() -> None:
    """Work on the settings' queue until SIGTERM or Ctrl-C; a run in hand is put back, to be taken again."""
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    import django

    django.setup()
    from django.conf import settings

    from ingest import handlers

    _LOG.info("Working on %s", settings.QUEUE_URL)
    Worker(
        sqs=boto3.client("sqs"),
        queue_url=settings.QUEUE_URL,
        on_event=handlers.on_event,
        on_schedule=handlers.on_schedule,
    ).work()


def _leave(signum: int, _: object) -> None:
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)  # once: the run in hand is being put back
    sys.exit(0)
