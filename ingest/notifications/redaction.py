"""Passwords, keys and signatures are taken out of every text that leaves the process."""

import re

from django.conf import settings

from ingest.aws import secrets
from ingest.models import storable

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
