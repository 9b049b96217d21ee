"""Retry while the database or the local AWS is briefly unavailable."""

import math
from collections.abc import Callable
from contextlib import suppress
from time import monotonic, sleep
from typing import Final, TypeVar

import django.db
import psycopg2
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from django.conf import settings

from pipeline_site.local.children import LocalError

FAULTS: Final = (django.db.Error, psycopg2.Error, BotoCoreError, ClientError, ResponseParserError)
"""Errors of the database, S3 and SQS."""
_OURS: Final = tuple(
    getattr(driver, name)
    for driver in (django.db, psycopg2)
    for name in ("DataError", "IntegrityError", "NotSupportedError", "ProgrammingError")
)
"""Errors that a retry can't fix: the statement itself is wrong."""
_PAUSES: Final = (0.1, 0.5, 1.0, 2.0)
"""Seconds before each retry; the last value repeats."""

_T = TypeVar("_T")


def is_outage(error: BaseException) -> bool:
    """Return whether a retry may help: a dropped connection, a restarting server, an error from AWS."""
    return isinstance(error, FAULTS) and not isinstance(error, _OURS)


def describe(error: BaseException) -> str:
    """Return the error as one sentence."""
    what = "Database" if isinstance(error, (django.db.Error, psycopg2.Error)) else "Local AWS"
    words = " ".join(str(error).split()) or type(error).__name__
    return f"{what} error: {words.rstrip('.')}."


def retry_outages(
    ask: Callable[[], _T],
    *,
    say: Callable[[str], None],
    check: Callable[[], object] = lambda: None,
    patience: float = math.inf,
    pause: Callable[[float], None] = sleep,
) -> _T:
    """Return what ``ask`` returns, calling it again after each outage; ``say`` when one starts and when it is over.

    ``check`` runs before each retry and raises LocalError if a server has exited for good. LocalError is also raised
    for an error that a retry can't fix, and for an outage that lasts longer than ``patience`` seconds.
    """
    end, tries = monotonic() + patience, 0
    while True:
        try:
            answer = ask()
        except FAULTS as error:
            _drop_connection()
            check()
            if not is_outage(error) or monotonic() > end:
                raise LocalError(describe(error)) from error
            if not tries:
                say(f"{describe(error)} Retrying.")
            pause(_PAUSES[min(tries, len(_PAUSES) - 1)])
            tries += 1
        else:
            if tries:
                say("Reconnected.")
            return answer


def _drop_connection() -> None:
    """Make Django reconnect: it would keep using the dropped connection."""
    if settings.configured:
        with suppress(Exception):  # it may be broken already
            django.db.connection.close()
