"""Read what a form or a script sends: each field is of its type and within its limits, or it is refused by a sentence.

A number is written in the digits 0 to 9, as our own pages write it; other alphabets' digits and underscores, which
Python's ``int`` takes too, are none.
"""

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.db.models import BigIntegerField

LARGEST = BigIntegerField.MAX_BIGINT
"""The largest number that the database can hold."""
NOT_UNDERSTOOD = "The site didn't understand this request. Reload the page."
TOO_MUCH = "Too many items were requested at once. Reload the page."

_T = TypeVar("_T")


class Unreadable(Exception):
    """What was asked for has no form that is known here; the text is for the person before the page."""


def whole(text: str) -> int | None:
    """Return the number that ``text`` is; None if it is none, or larger than the database can hold."""
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(LARGEST)):
        return None
    number = int(text)
    return number if number <= LARGEST else None


def boolean(told: Mapping[str, Any], name: str) -> bool:
    """Return a field that is true, false or left out. Raises Unreadable."""
    return _of(told.get(name, False), bool)


def text(told: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """Return a text; without ``default`` it must be there. Raises Unreadable."""
    return _of(told.get(name, default), str)


def mark(told: Mapping[str, Any], name: str, *, most: int) -> str:
    """Return a text of printable ASCII, such as our script makes. Raises Unreadable."""
    found = text(told, name, "")
    if len(found) > most or not (found.isascii() and (found.isprintable() or not found)):
        raise Unreadable(NOT_UNDERSTOOD)
    return found


def octets(told: Mapping[str, Any], name: str, *, most: int) -> bytes:
    """Return the first ``most`` bytes of a field in Base64. Raises Unreadable."""
    try:
        return b64decode(text(told, name, ""), validate=True)[:most]
    except ValueError:
        raise Unreadable(NOT_UNDERSTOOD) from None


def number(told: Mapping[str, Any], name: str, *, least: int = 0) -> int:
    """Return a whole number that the database can hold. Raises Unreadable."""
    return _number(told.get(name), least)


def numbers(told: Mapping[str, Any], name: str, *, most: int) -> list[int]:
    """Return a list of such numbers. Raises Unreadable."""
    return listed(told, name, lambda each: _number(each, 0), most=most)


def listed(
    told: Mapping[str, Any], name: str, read: Callable[[Any], _T], *, most: int, too_many: str = TOO_MUCH
) -> list[_T]:
    """Return a list, each of whose parts is what ``read`` makes of it. Raises Unreadable."""
    found = _of(told.get(name), list)
    if len(found) > most:
        raise Unreadable(too_many)
    return [read(each) for each in found]


def fields(value: object) -> dict[str, Any]:
    """Return an object of JSON. Raises Unreadable."""
    return _of(value, dict)


def _of(value: object, kind: type[_T]) -> _T:
    if not isinstance(value, kind):
        raise Unreadable(NOT_UNDERSTOOD)
    return value


def _number(value: object, least: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= LARGEST:
        raise Unreadable(NOT_UNDERSTOOD)
    return value
