"""How an address holds what is no plain word: the place of a row, the numbers of many columns. Pure."""

import base64
import binascii
import json
import re
from collections.abc import Sequence

from ingest.models import storable

_HIGHEST_NUMBER = 1_600
"""That PostgreSQL gives to a column."""
_RANGE_OF_NUMBERS = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")


def as_ranges(numbers: Sequence[int]) -> str:
    """The numbers in their order, neighbours together: 1-30,45."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def from_ranges(text: str) -> list[int]:
    """The numbers that ``text`` names, each once; none where it can't be read."""
    found: dict[int, None] = {}
    for part in text.split(","):
        match = _RANGE_OF_NUMBERS.fullmatch(part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if not 1 <= first <= last <= _HIGHEST_NUMBER:
            return []
        found |= dict.fromkeys(range(first, last + 1))
    return list(found)


def packed(place: Sequence[str | None]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def unpacked(text: str, length: int) -> tuple[str | None, ...]:
    """The place that ``text`` names; nothing where it is none of so many values."""
    try:
        place = json.loads(base64.urlsafe_b64decode(text.encode() + b"=="))
    except (ValueError, binascii.Error, RecursionError):
        return ()
    if not isinstance(place, list) or len(place) != length:
        return ()
    fine = all(each is None or (isinstance(each, str) and storable(each) == each) for each in place)
    return tuple(place) if fine and all(each is not None for each in place[1:]) else ()
