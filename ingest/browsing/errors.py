"""What stands in the way of browsing becomes one sentence: what, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError

from ingest.loader.outcome.errors import IngestError


class BrowseError(IngestError):
    """The page can't show it; the text says why and what to do."""


class QueryTimeout(BrowseError):
    """The database was stopped at the time limit."""


_CANCELLED, _LOCKED, _READ_ONLY = "57014", "55P03", "25006"
_CHANGED = {"42P01": "table", "42703": "column", "42883": "column", "42804": "column", "3F000": "schema"}
_SENTENCES = {
    _LOCKED: "The table is being changed by a load just now; try again in a moment.",
    _READ_ONLY: "Reading this table would have written something, which isn't allowed here.",
    "42501": "The role that pages read tables by has no SELECT on this table: run `manage.py migrate`, or grant it "
    "(`manage.py doctor` names the role).",
    "54000": "This is more than PostgreSQL can do at once: choose fewer columns.",
}


@contextmanager
def told(*, slow: str) -> Iterator[None]:
    """Turn what the database refuses into BrowseError; ``slow`` says what to do where it took too long.

    Read from the error's SQLSTATE, never its text.
    """
    try:
        yield
    except DatabaseError as error:
        state = getattr(error.__cause__, "pgcode", None) or ""
        if state == _CANCELLED:
            raise QueryTimeout(slow) from error
        if state in _CHANGED:
            raise BrowseError(f"A {_CHANGED[state]} no longer exists or has changed. Reload the page.") from error
        if state in _SENTENCES:
            raise BrowseError(_SENTENCES[state]) from error
        if state.startswith("22"):
            raise BrowseError(
                "A value that was asked for doesn't fit its column; change or remove its filter."
            ) from error
        raise
