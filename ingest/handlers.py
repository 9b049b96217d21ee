"""What Lambda calls: events become runs, and runs are carried; the answer says what to deliver again."""

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
"""Seconds: with less left, an invocation begins no further run. Its first one it begins with whatever it has."""

Answer = dict[str, list[dict[str, str]]]


def on_event(event: dict[str, Any], context: object = None) -> Answer:
    """Receive and load every file that ``event`` tells of (file-rules#events).

    For SQS, gives the messages to deliver again: those whose run met a fault outside of its file, or that there was
    no time for. An event that came another way raises instead, so that its sender tries again. A file that fails for
    good is no reason for either.
    """
    failed: list[dict[str, str]] = []
    with _invocation(context):
        for ordinal, message in enumerate(parse(event, bucket=settings.BUCKET, prefix=settings.PREFIX)):
            try:
                _carry(message, late=ordinal > 0 and _seconds_left(context) < MARGIN)
            except Exception as error:
                if not message.message_id:
                    raise
                level = logging.WARNING if isinstance(error, RunInterrupted) else logging.ERROR
                _LOG.log(level, "Message %s is delivered again: %s", message.message_id, type(error).__name__)
                failed.append({"itemIdentifier": message.message_id})
    return {"batchItemFailures": failed}


def on_schedule(event: object = None, context: object = None) -> dict[str, int]:
    """Take up what waits and what died with its worker, as far as the time goes; gives how many runs were carried.

    The scratch space of dead workers is swept; with time left, people are told what they haven't
    been told yet, what was kept for the undo of old runs is forgotten, and lost files are looked for.
    """
    carried = 0
    sweep()
    with _invocation(context):
        for run_id in due():
            if carried and _seconds_left(context) < MARGIN:
                break
            carried += claim_and_execute(run_id) is not None
        if _seconds_left(context) > MARGIN:
            refresh_incidents()
            deliver(until=lambda: _seconds_left(context) < MARGIN)
            expire()
            _reconcile(context)
    return {"carried": carried}


def _reconcile(context: object) -> None:
    """Look for lost files, if it is time to; a bucket that can't be listed just now is no reason to stop."""
    try:
        reconcile_when_due(until=lambda: _seconds_left(context) < MARGIN)
    except IngestError as refused:
        _LOG.warning("The bucket was not searched for files whose event was lost: %s", refused)


def _carry(message: Message, *, late: bool) -> None:
    """Receive and execute one message's files. Raises RunInterrupted if one of them has to come again."""
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
    """How long this invocation may still take; without end where its context doesn't say."""
    ask = getattr(context, "get_remaining_time_in_millis", None)
    return ask() / 1000 if ask else math.inf


@contextmanager
def _invocation(context: object) -> Iterator[None]:
    """Name the invocation in the log, and drop connections that broke between two: Django checks requests only."""
    request = REQUEST.set(str(getattr(context, "aws_request_id", "")))
    close_old_connections()
    try:
        yield
    finally:
        close_old_connections()
        REQUEST.reset(request)
