"""What is told about a failure: a sentence for the operator, a story for the developer, and never a secret."""

import traceback

from ingest.loader.outcome.errors import IngestError
from ingest.notifications.redaction import scrub

_LONGEST_REASON = 2_000  # characters
_LONGEST_TRACEBACK = 20_000


def operator_message(error: BaseException) -> str:
    """The operator's sentence about ``error``: what, where, what to do."""
    if isinstance(error, IngestError):
        told = str(error)
    elif hasattr(error, "pgcode"):
        said = (error.diag.message_primary or str(error)).strip().splitlines() or ["the connection broke"]
        told = f"The database said: {said[0]}."
    elif isinstance(error, OSError):
        told = f"The worker's system said: {error.strerror or error}."
    else:
        told = (
            f"The run met an error that it doesn't know ({type(error).__name__}); nothing was loaded. "
            "Please report it with the run's traceback."
        )
    return scrub(told)[:_LONGEST_REASON]


def developer_traceback(error: BaseException) -> str:
    """The developer's traceback."""
    return scrub("".join(traceback.format_exception(error)))[-_LONGEST_TRACEBACK:]
