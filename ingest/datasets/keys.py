"""Keys in the bucket: those of previewed files, those that are ours, and what none may hold."""

import unicodedata

from django.conf import settings

from ingest.aws.events import OUTPUT_PREFIXES
from ingest.models import Run

FOLDER = "_preview/"
"""Follows the prefix: files in it are previewed, never loaded."""
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
    """Whether a character in it is a control character, line and paragraph separators included."""
    return any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in text)
