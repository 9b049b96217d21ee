"""Lambda entry points: receive events, execute runs, and report the messages to deliver again."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import close_old_connections

from ingest.aws.events import Message, parse
from ingest.loader.outcome.errors import IngestError, RunInterrupted
from ingest.models import Run
from ingest.notifications.delivery import deliver
from ingest.notifications.incidents import refresh_incidents
from ingest.operations.reconcile import reconcile_when_due
from ingest.operations.retention import expire
from ingest.runs.execute import claim_and_execute, receive_and_execute
from ingest.runs.receive import receive
from ingest.runs.retry import due
from ingest.runs.scratch import sweep
from ingest.runs.telemetry import REQUEST

_LOG = logging.getLogger("ingest.handlers")

MARGIN = 60.0
"""Seconds. With less time left, an invocation starts no further run; the first run always starts."""

Answer = dict[str, list[dict[str, str]]]


def on_event(event: dict[str, Any], context: object = None) -> Answer:
    """Receive and load every file in ``event`` (file-rules#events).

    For SQS, returns the messages to deliver again: those whose run was interrupted by a fault outside its file, or for
    which no time was left. For other events it raises, so that the sender retries. A file that fails for good causes
    neither.
    """
    failed: list[dict[str, str]] = []
    with _invocation(context):
        for ordinal, message in enumerate(parse(event, bucket=settings.BUCKET, prefix=settings.PREFIX)):
            try:
                _execute_runs(message, late=ordinal > 0 and _seconds_left(context) < MARGIN)
            except Exception as error:
                if not message.message_id:
                    raise
                level = logging.WARNING if isinstance(error, RunInterrupted) else logging.ERROR
                _LOG.log(level, "Message %s is delivered again: %s", message.message_id, type(error).__name__)
                failed.append({"itemIdentifier": message.message_id})
    return {"batchItemFailures": failed}


def on_schedule(event: object = None, context: object = None) -> dict[str, int]:
    """Execute runs that wait or whose worker died, as long as there is time; return how many were executed.

    The scratch folders of dead workers are removed. With time left, notifications are sent, expired data is deleted,
    and the bucket is searched for files whose event was lost.
    """
    executed = 0
    sweep()
    with _invocation(context):
        for run_id in due():
            if executed and _seconds_left(context) < MARGIN:
                break
            executed += claim_and_execute(run_id) is not None
        if _seconds_left(context) > MARGIN:
            refresh_incidents()
            deliver(until=lambda: _seconds_left(context) < MARGIN)
            expire()
            _reconcile(context)
    return {"carried": executed}


def _reconcile(context: object) -> None:
    """Search for files whose event was lost, if that is due. A bucket that can't be listed is only logged."""
    try:
        reconcile_when_due(until=lambda: _seconds_left(context) < MARGIN)
    except IngestError as refused:
        _LOG.warning("The bucket was not searched for files whose event was lost: %s", refused)


def _execute_runs(message: Message, *, late: bool) -> None:
    """Receive and execute one message's files. Raises RunInterrupted if it has to be delivered again."""
    interrupted = []
    for source in message.objects:
        if late:
            interrupted.append(f"no time was left for run {receive(source).pk}")
            continue
        run, status = receive_and_execute(source)
        if status == Run.Status.WAITING:
            interrupted.append(f"run {run.pk} was interrupted")
    if interrupted:
        raise RunInterrupted(f"To be delivered again: {', '.join(interrupted)}.")


def _seconds_left(context: object) -> float:
    """Return the seconds that this invocation has left; infinity if its context doesn't say."""
    remaining_millis = getattr(context, "get_remaining_time_in_millis", None)
    return remaining_millis() / 1000 if remaining_millis else math.inf


@contextmanager
def _invocation(context: object) -> Iterator[None]:
    """Name the invocation in the log, and close broken connections, which Django only does for requests."""
    request = REQUEST.set(str(getattr(context, "aws_request_id", "")))
    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()
        REQUEST.reset(request)
