"""Describe a failure: a sentence for the operator and a traceback for the developer, both without secrets."""

import traceback

from ingest.loader.outcome.errors import IngestError
from ingest.notifications.redaction import scrub

_MAX_REASON_LENGTH = 2_000  # characters
_MAX_TRACEBACK_LENGTH = 20_000


def operator_message(error: BaseException) -> str:
    """Return the sentence about ``error`` for the operator: what happened, where, and what to do."""
    if isinstance(error, IngestError):
        message = str(error)
    elif hasattr(error, "pgcode"):
        lines = (error.diag.message_primary or str(error)).strip().splitlines() or ["the connection broke"]
        message = f"The database reported: {lines[0]}."
    elif isinstance(error, OSError):
        message = f"The worker's operating system reported: {error.strerror or error}."
    else:
        message = (
            f"The run failed with an unexpected error ({type(error).__name__}); nothing was loaded. "
            "Please report it with the run's traceback."
        )
    return scrub(message)[:_MAX_REASON_LENGTH]


def developer_traceback(error: BaseException) -> str:
    """Return the traceback for the developer."""
    return scrub("".join(traceback.format_exception(error)))[-_MAX_TRACEBACK_LENGTH:]
