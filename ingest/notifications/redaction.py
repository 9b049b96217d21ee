"""Remove passwords, keys and signatures from every text that leaves the process."""

import re

from django.conf import settings

from ingest.aws import secrets
from ingest.models import storable
from ingest.notifications.channels import CHANNELS

_SECRETS = (
    re.compile(r"(?P<before>\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/]+(?=@)", re.IGNORECASE),
    re.compile(
        r"(?P<before>\b\w*(?:password|passwd|secret|token|signature|credential|access_?key(?:_?id)?)\w*['\"]?\s*[=:]\s*)"
        r"(?:'[^']*'|\"[^\"]*\"|[^\s&,;)}\]]+)",
        re.IGNORECASE,
    ),
)


def scrub(text: str) -> str:
    """Return ``text`` without passwords, keys and signatures, in a form that the database can store."""
    for database in settings.DATABASES.values():
        if len(database.get("PASSWORD") or "") > 3:
            text = text.replace(database["PASSWORD"], "***")
    of_channels = [secret for channel in CHANNELS.values() for secret in channel.secrets()]
    for secret in filter(None, (*of_channels, *secrets.known())):
        text = text.replace(secret, "***")
    for pattern in _SECRETS:
        text = pattern.sub(r"\g<before>***", text)
    return storable(text)
