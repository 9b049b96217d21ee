"""Object keys: of previewed files, of our own files, and what no key may contain."""

import unicodedata

from django.conf import settings

from ingest.aws.events import OUTPUT_PREFIXES
from ingest.models import Run

FOLDER = "_preview/"
"""The folder below the prefix whose files are previewed, never loaded."""
LONGEST_KEY = 1_024  # bytes; S3's own limit
OURS = (*OUTPUT_PREFIXES, FOLDER)


def kind_of(key: str) -> str:
    """Return the kind of a run of this key."""
    return Run.Kind.PREVIEW if _is_preview(key) else Run.Kind.LOAD


def key_of_load(key: str) -> str:
    """Return the key a file is loaded from: its own, without ``_preview/``."""
    return settings.PREFIX + key.removeprefix(settings.PREFIX + FOLDER) if _is_preview(key) else key


def _is_preview(key: str) -> bool:
    return key.startswith(settings.PREFIX + FOLDER)


def has_control(text: str) -> bool:
    """Return whether ``text`` contains a control character or a line or paragraph separator."""
    return any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in text)
