"""The label and colour of a run's status, the same on every page, in every list and command."""

from typing import Final

_SUCCEEDED: Final = "succeeded"
PARTIAL: Final = "partial"
"""The look of a run that succeeded with rejects: amber, because green means no problems."""


def label_of(status: str, rejected: int, *, asks: bool = False) -> str:
    """Return the status in words, with the number of rejected records if a run succeeded with some.

    ``asks``: the run is held as a question, which is answered with a reading rather than approved.
    """
    if asks:
        return f"{status} · question"
    return f"{status} · {rejected:,} rejected" if status == _SUCCEEDED and rejected else str(status)


def look_of(status: str, rejected: int) -> str:
    """Return the name of the status's colour: the status itself, or ``PARTIAL``."""
    return PARTIAL if status == _SUCCEEDED and rejected else str(status)
