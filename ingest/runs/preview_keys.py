"""Keys of previewed files, and the keys they would be loaded from."""

from django.conf import settings

from ingest.models import Run

FOLDER = "_preview/"
"""Follows the prefix: files in it are previewed, never loaded."""


def kind_of(key: str) -> str:
    """Return the kind of a run of this key."""
    return Run.Kind.PREVIEW if _is_preview(key) else Run.Kind.LOAD


def key_of_load(key: str) -> str:
    """Return the key a file is loaded from: its own, without ``_preview/``."""
    return settings.PREFIX + key.removeprefix(settings.PREFIX + FOLDER) if _is_preview(key) else key


def _is_preview(key: str) -> bool:
    return key.startswith(settings.PREFIX + FOLDER)
