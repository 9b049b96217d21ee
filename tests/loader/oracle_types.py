"""The plain model of section 4: which type a value has, how types widen, how PostgreSQL writes a value."""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

Value = bool | int | Decimal | date | datetime | UUID | str | None

CHAINS = (("bigint", "numeric"), ("date", "timestamp"))
"""Types that widen into one another without a loss; everything else meets in ``text``."""


def kind_of(text: str) -> str:
    """The narrowest type that gives ``text`` (not empty, no spaces around) back as it came or as an equal value."""
    if text.lower() in ("true", "false"):
        return "boolean"
    return _number(text) or _moment(text) or _uuid(text) or "text"


def _number(text: str) -> str | None:
    whole, point, fraction = text.removeprefix("-").partition(".")
    if not (whole.isascii() and whole.isdecimal()) or (whole != "0" and whole.startswith("0")):
        return None
    if not point:
        return "bigint" if len(whole) < 20 and -(2**63) <= int(text) < 2**63 else "numeric"
    return "numeric" if fraction.isascii() and fraction.isdecimal() else None


def _moment(text: str) -> str | None:
    day, between, clock = text[:10], text[10:11], text[11:]
    if len(day) != 10 or day[4] != "-" or day[7] != "-" or not _parses(date.fromisoformat, day):
        return None
    if not between:
        return "date"
    if between not in ("T", " "):
        return None
    moment = re.fullmatch(r"(\d\d:\d\d:\d\d(?:\.\d{1,6})?)(Z|[+-]\d\d:\d\d)?", clock, re.ASCII)
    if moment is None or not _parses(time.fromisoformat, moment[1]):
        return None
    return "timestamptz" if moment[2] else "timestamp"


def _uuid(text: str) -> str | None:
    parts = text.split("-")
    return "uuid" if [len(part) for part in parts] == [8, 4, 4, 4, 12] and _parses(UUID, text) else None


def _parses(parser: object, text: str) -> bool:
    try:
        parser(text)  # type: ignore[operator]
    except ValueError:
        return False
    return True


def join(kinds: Iterable[str]) -> str:
    """The narrowest type that holds values of all ``kinds``; text where there is none, or no value."""
    distinct = set(kinds)
    if len(distinct) == 1:
        return distinct.pop()
    for chain in CHAINS:
        if distinct and distinct <= set(chain):
            return chain[max(chain.index(kind) for kind in distinct)]
    return "text"


def value_of(text: str, kind: str) -> Value:
    """``text``, which fits ``kind``, as a value that equals what equals it in PostgreSQL."""
    if kind == "text":
        return text
    text = text.strip(" ")
    if kind == "boolean":
        return text.lower() == "true"
    if kind == "bigint":
        return int(text)
    if kind == "numeric":
        return Decimal(text)
    if kind == "date":
        return date.fromisoformat(text)
    if kind == "uuid":
        return UUID(text)
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if kind == "timestamptz" else moment


def written(value: Value) -> str | None:
    """The value as PostgreSQL writes it (ISO, UTC)."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        text = value.replace(tzinfo=None).isoformat(" ")
        return (text.rstrip("0") if value.microsecond else text) + ("+00" if value.tzinfo else "")
    return str(value)


def widened(value: Value, kind: str) -> Value:
    """An older value in a column that has become ``kind``."""
    if value is None:
        return None
    if kind == "text":
        return written(value)
    if kind == "numeric":
        return Decimal(value)  # type: ignore[arg-type]
    if kind == "timestamp" and not isinstance(value, datetime):
        return datetime.combine(value, time())  # type: ignore[arg-type]
    return value
