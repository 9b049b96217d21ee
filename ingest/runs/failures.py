"""What is told about a failure: a sentence for the operator, a story for the developer, and never a secret."""

import re
import traceback

from django.conf import settings

from ingest.aws import secrets
from ingest.loader.errors import IngestError
from ingest.models import storable

_LONGEST_REASON = 2_000  # characters
_LONGEST_TRACEBACK = 20_000

_SECRETS = (
    re.compile(r"(?P<before>\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/]+(?=@)", re.IGNORECASE),
    re.compile(
        r"(?P<before>\b\w*(?:password|passwd|secret|token|signature|credential|access_?key(?:_?id)?)\w*['\"]?\s*[=:]\s*)"
        r"(?:'[^']*'|\"[^\"]*\"|[^\s&,;)}\]]+)",
        re.IGNORECASE,
    ),
)


def scrub(text: str) -> str:
    """``text`` without passwords, keys and signatures, in a form that the database can hold."""
    for database in settings.DATABASES.values():
        if len(database.get("PASSWORD") or "") > 3:
            text = text.replace(database["PASSWORD"], "***")
    for known in filter(None, (settings.EMAIL_HOST_PASSWORD, settings.NOTIFY_WEBHOOK_SECRET, *secrets.known())):
        text = text.replace(known, "***")
    for secret in _SECRETS:
        text = secret.sub(r"\g<before>***", text)
    return storable(text)


def sentence(error: BaseException) -> str:
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


def story(error: BaseException) -> str:
    """The developer's traceback."""
    return scrub("".join(traceback.format_exception(error)))[-_LONGEST_TRACEBACK:]
