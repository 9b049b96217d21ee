"""Preview keys: a file under ``_preview/`` is shown, and the key under which it would be loaded."""

from django.conf import settings

from ingest.models import Run

FOLDER = "_preview/"
"""After the prefix: what is put there is shown, never loaded."""


def kind_of(key: str) -> str:
    """What a run of this key is."""
    return Run.Kind.PREVIEW if _is_preview(key) else Run.Kind.LOAD


def key_of_load(key: str) -> str:
    """The key under which a file is loaded: its own, or what it would be without ``_preview/``."""
    return settings.PREFIX + key.removeprefix(settings.PREFIX + FOLDER) if _is_preview(key) else key


def _is_preview(key: str) -> bool:
    return key.startswith(settings.PREFIX + FOLDER)
