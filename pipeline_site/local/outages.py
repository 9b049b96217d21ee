"""Outages: a database or an AWS that fails for a moment is said once, waited for, and asked again."""

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
"""What the database, S3 and SQS raise."""
_OURS: Final = tuple(
    getattr(driver, name)
    for driver in (django.db, psycopg2)
    for name in ("DataError", "IntegrityError", "NotSupportedError", "ProgrammingError")
)
"""Those of them by which a question is at fault: it would be answered the same again."""
_PAUSES: Final = (0.1, 0.5, 1.0, 2.0)
"""Seconds before each further try; the last one from then on."""

_T = TypeVar("_T")


def is_outage(error: BaseException) -> bool:
    """Whether what failed may work in a moment: a dropped connection, a server that starts again, an error of AWS."""
    return isinstance(error, FAULTS) and not isinstance(error, _OURS)


def sentence(error: BaseException) -> str:
    """What has happened, on one line."""
    what = "The database" if isinstance(error, (django.db.Error, psycopg2.Error)) else "The local AWS"
    words = " ".join(str(error).split()) or type(error).__name__
    return f"{what} doesn't answer as it should: {words.rstrip('.')}."


def outlast(
    ask: Callable[[], _T],
    *,
    say: Callable[[str], None],
    check: Callable[[], object] = lambda: None,
    patience: float = math.inf,
    pause: Callable[[float], None] = sleep,
) -> _T:
    """What ``ask`` gives, asked again after each outage; said once, and once more when it is over.

    ``check`` is called before each further try, and raises LocalError where a server has ended for good. Raises
    LocalError, too, for a fault that is no outage, and for an outage that is still there after ``patience`` seconds.
    """
    end, tries = monotonic() + patience, 0
    while True:
        try:
            answer = ask()
        except FAULTS as error:
            _drop_connection()
            check()
            if not is_outage(error) or monotonic() > end:
                raise LocalError(sentence(error)) from error
            if not tries:
                say(f"{sentence(error)} Trying again.")
            pause(_PAUSES[min(tries, len(_PAUSES) - 1)])
            tries += 1
        else:
            if tries:
                say("It answers again.")
            return answer


def _drop_connection() -> None:
    """Have Django connect anew: it would ask on a connection that was dropped for ever."""
    if settings.configured:
        with suppress(Exception):  # it is gone either way
            django.db.connection.close()
