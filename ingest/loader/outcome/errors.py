"""The errors of a run, and whether each makes it fail or be retried (file-rules#errors)."""

import errno
from enum import StrEnum
from typing import Any

import psycopg2

from ingest.loader.outcome.outcome import Outcome

# Class 08 connection, 53 resources (disk full, too many connections), 57 shutting down or cancelled by an
# administrator, 58 system error; 40 serialization and deadlock, 55P03 lock not available, 25006 read-only standby.
_RETRIED_CLASSES = ("08", "40", "53", "57", "58")
_RETRIED_STATES = ("55P03", "25006")
_RETRIED_ERRNO = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENOMEM)


class Disposition(StrEnum):
    """What happens to a run after an error. (A bad row raises none: it becomes a Reject.)"""

    FAIL = "fail"
    RETRY = "retry"


class IngestError(Exception):
    """The base class of our errors; the text is for the operator: what happened, where, and what to do."""

    disposition = Disposition.FAIL


class RunFailed(IngestError):
    """The run fails permanently: the same file would fail again.

    ``outcome`` is what the run would have done, if it got that far before it was rolled back.
    """

    def __init__(self, sentence: str, outcome: Outcome | None = None) -> None:
        super().__init__(sentence)
        self.outcome = outcome


class SchemaMismatch(RunFailed):
    """The file doesn't fit the table, by its columns or by too many of its records; it may be for another table."""


class RunHeld(RunFailed):
    """The run stops before its commit, for an operator to approve or discard (file-rules#held).

    ``outcome`` is None where it stopped before anything was loaded.
    """

    def __init__(self, sentence: str, outcome: Outcome | None, brakes: dict[str, int]) -> None:
        super().__init__(sentence, outcome)
        self.brakes = brakes


class RunUnclear(RunFailed):
    """The file can be read in several ways: the run is held as a question before anything is loaded.

    See file-rules#questions.

    ``question`` lists the readings to choose from, the likeliest first, as they are stored on the run.
    """

    def __init__(self, sentence: str, question: list[dict[str, Any]]) -> None:
        super().__init__(sentence)
        self.question = question


class RunInterrupted(IngestError):
    """Something other than the file failed; the run is retried and no row is rejected."""

    disposition = Disposition.RETRY


def disposition_of(error: BaseException) -> Disposition:
    """Return whether a run that raised ``error`` fails or is retried; nothing else decides this.

    Reads an error's fields (SQLSTATE, errno), never its text.
    """
    if isinstance(error, IngestError):
        return error.disposition
    if isinstance(error, psycopg2.Error):
        return _disposition_of_sqlstate(error)
    if isinstance(error, (ConnectionError, TimeoutError, MemoryError)):
        return Disposition.RETRY
    if isinstance(error, OSError) and error.errno in _RETRIED_ERRNO:
        return Disposition.RETRY
    return Disposition.FAIL


def _disposition_of_sqlstate(error: psycopg2.Error) -> Disposition:
    state = error.pgcode
    if state is None:  # the driver's own: a connection that broke before the server could say why
        lost = isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError))
        return Disposition.RETRY if lost else Disposition.FAIL
    return Disposition.RETRY if state in _RETRIED_STATES or state.startswith(_RETRIED_CLASSES) else Disposition.FAIL
