"""One root, three fates: a row is rejected, a run fails for good, or a run is retried (BEHAVIOUR 9)."""

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
    """What becomes of a run that met an error. (A row's fate is no exception: it is a Reject.)"""

    FAIL = "fail"
    RETRY = "retry"


class IngestError(Exception):
    """The root of our own errors; its text is the operator's sentence: what, where, what to do."""

    disposition = Disposition.FAIL


class RunFailed(IngestError):
    """The run fails for good: the same file would fail again.

    ``outcome`` is what the run would have done, where it came so far before it was rolled back.
    """

    def __init__(self, sentence: str, outcome: Outcome | None = None) -> None:
        super().__init__(sentence)
        self.outcome = outcome


class SchemaMismatch(RunFailed):
    """The file doesn't fit the table: its columns, or too many of its records. It may be meant for another one."""


class RunHeld(RunFailed):
    """The run stops before its commit, for an operator to approve or discard (BEHAVIOUR 8).

    ``outcome`` is None where it stopped before anything was loaded.
    """

    def __init__(self, sentence: str, outcome: Outcome | None, brakes: dict[str, int]) -> None:
        super().__init__(sentence, outcome)
        self.brakes = brakes


class RunUnclear(RunFailed):
    """The file can be read in several ways: the run is held as a question before anything is loaded (BEHAVIOUR 3).

    ``question`` are the readings that are offered, the likeliest first, as they are kept on the run.
    """

    def __init__(self, sentence: str, question: list[dict[str, Any]]) -> None:
        super().__init__(sentence)
        self.question = question


class RunInterrupted(IngestError):
    """Something outside the file stood in the way; the run is retried and no row is blamed."""

    disposition = Disposition.RETRY


def disposition_of(error: BaseException) -> Disposition:
    """Return whether a run that raised ``error`` fails or is retried; nothing else decides this.

    Reads an error's fields (SQLSTATE, errno), never its text.
    """
    if isinstance(error, IngestError):
        return error.disposition
    if isinstance(error, psycopg2.Error):
        return _fate_of_sqlstate(error)
    if isinstance(error, (ConnectionError, TimeoutError, MemoryError)):
        return Disposition.RETRY
    if isinstance(error, OSError) and error.errno in _RETRIED_ERRNO:
        return Disposition.RETRY
    return Disposition.FAIL


def _fate_of_sqlstate(error: psycopg2.Error) -> Disposition:
    state = error.pgcode
    if state is None:  # the driver's own: a connection that broke before the server could say why
        lost = isinstance(error, (psycopg2.OperationalError, psycopg2.InterfaceError))
        return Disposition.RETRY if lost else Disposition.FAIL
    return Disposition.RETRY if state in _RETRIED_STATES or state.startswith(_RETRIED_CLASSES) else Disposition.FAIL
