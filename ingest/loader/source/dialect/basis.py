"""Describe how a file was read, and why: by its content, the dataset's header, a pinned setting, or a choice."""

from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from typing import Any

from ingest.loader.source.dialect.dialect import Dialect, Examined, Pinned, lines_above
from ingest.loader.source.encoding.names import known


class Basis(StrEnum):
    """What one part of a reading rests on."""

    FOUND = "found"
    """It was found out from the file."""
    KNOWN = "known"
    """The file has the header that its dataset knows, which settles it."""
    PINNED = "pinned"
    """It is set on the dataset."""
    CHOSEN = "chosen"
    """Someone chose it when the run was held as a question."""


_BY_HEADER = ("delimiter", "preamble", "has_header")
"""What is settled once the known header is found."""


def written_as(
    dialect: Dialect,
    examined: Examined,
    *,
    pinned: Pinned,
    head: bytes,
    chosen: bool = False,
    chosen_encoding: bool = False,
) -> dict[str, object]:
    """Return how a file was read, as it is kept on its run: the dialect, with bases, margin and skipped lines.

    ``head`` is the file's beginning in UTF-8. ``chosen``: someone has taken ``dialect`` from what was offered; there
    is no margin then. ``chosen_encoding``: the encoding was, before that.
    """
    skipped = list(lines_above(head, dialect))
    extra: dict[str, object] = {"skipped": skipped} if skipped else {}
    if not chosen:
        extra["margin"] = examined.margin
    return (
        asdict(dialect)
        | extra
        | {"basis": _bases(dialect, examined, pinned, chosen=chosen, chosen_encoding=chosen_encoding)}
    )


def read_as(stored: Mapping[str, Any]) -> Dialect:
    """Return the dialect that ``written_as`` stored on a run; older versions stored fewer of its fields."""
    return Dialect(**{name: value for name, value in stored.items() if name in Dialect.__dataclass_fields__})


def _bases(
    dialect: Dialect, examined: Examined, pinned: Pinned, *, chosen: bool, chosen_encoding: bool
) -> dict[str, str]:
    """Return the basis of each part that can be pinned; where the file has it otherwise, the pin wasn't used."""
    quote = pinned.quote
    pins = {**asdict(pinned), "escape": pinned.escape or quote or None}
    bases = {}
    for name, pin in pins.items():
        if pin is not None and _has(dialect, name, pin):
            bases[name] = Basis.PINNED
        elif chosen_encoding if name == "encoding" else chosen:
            bases[name] = Basis.CHOSEN
        elif examined.has_known_header and name in _BY_HEADER:
            bases[name] = Basis.KNOWN
        else:
            bases[name] = Basis.FOUND
    return {name: str(basis) for name, basis in bases.items()}


def _has(dialect: Dialect, name: str, pin: object) -> bool:
    """Return whether the file is read as it is pinned; a byte order mark overrules the encoding."""
    if name != "encoding":
        return bool(pin == getattr(dialect, name))
    pinned, read = (known(str(name)).removesuffix("-sig") for name in (pin, dialect.encoding))
    return read == pinned or read.startswith(f"{pinned}-")  # utf-16 is read as utf-16-le
