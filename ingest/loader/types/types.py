"""The column types, the grammar of each, and how they widen (file-rules#types).

Regular grammars decide, in DuckDB (RE2) and in Python alike: what passes is read by PostgreSQL to a value that is
written back as the same text or an equal value.
"""

import re
from collections.abc import Iterable
from enum import StrEnum


class Type(StrEnum):
    """A column's type, by its name in PostgreSQL, narrowest first."""

    BOOLEAN = "boolean"
    BIGINT = "bigint"
    NUMERIC = "numeric"
    DATE = "date"
    TIMESTAMP = "timestamp without time zone"
    TIMESTAMPTZ = "timestamp with time zone"
    UUID = "uuid"
    TEXT = "text"

    @property
    def short(self) -> str:
        """The name that people read: ``timestamptz`` for ``timestamp with time zone``."""
        return _SHORT.get(self, self.value)


_SHORT = {Type.TIMESTAMP: "timestamp", Type.TIMESTAMPTZ: "timestamptz"}

SPACES = " \t\n\r\v\f"
"""What is ignored around a typed value, and what a blank identity consists of: the white space of ASCII."""

LONGEST_TYPED = 1_000
"""Characters of a typed value: numeric keeps 16,383 digits, but no one's number is longer than this."""


def _up_to(limit: str) -> str:
    """Return a pattern of the whole numbers of exactly ``len(limit)`` digits that are at most ``limit``."""
    parts = [limit]
    for index, digit in enumerate(limit):
        lowest = "1" if index == 0 else "0"
        if digit > lowest:
            rest = len(limit) - index - 1
            parts.append(f"{limit[:index]}[{lowest}-{chr(ord(digit) - 1)}]" + (f"[0-9]{{{rest}}}" if rest else ""))
    return "|".join(parts)


_BIGINT = (
    rf"-?(?:0|[1-9][0-9]{{0,17}}|{_up_to('9223372036854775807')})|-9223372036854775808"  # as far as the type reaches
)
_NUMERIC = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|-?\.[0-9]+"
_YEAR = r"(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"  # 0001 to 9999: there is no year 0
_INNER_YEAR = r"(?:000[2-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-8][0-9]{3}|9[0-8][0-9]{2}|99[0-8][0-9]|999[0-8])"
_LEAP = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"


def _date(year: str) -> str:
    return (
        rf"(?:{year}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
        r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
        rf"|{_LEAP}-02-29)"
    )


# No leap second and no 24:00: PostgreSQL reads them as the next minute or day, which isn't the text that came in.
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
_OFFSET = r" ?[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?"  # -14 to +14: nothing on earth is farther
_UTC = r" ?(?:Z|[+-]00(?::?00)?)"

GRAMMAR: dict[Type, str] = {
    Type.BOOLEAN: "[Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]",
    Type.BIGINT: _BIGINT,
    Type.NUMERIC: _NUMERIC,
    Type.DATE: _date(_YEAR),
    Type.TIMESTAMP: f"{_date(_YEAR)}(?:[T ]{_TIME})?",
    # The first and the last year only in UTC: elsewhere the instant may fall out of the years that have four digits.
    Type.TIMESTAMPTZ: f"{_date(_YEAR)}[T ]{_TIME}{_UTC}|{_date(_INNER_YEAR)}[T ]{_TIME}{_OFFSET}",
    Type.UUID: "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
}
"""Every value that a column of the type can hold, as a pattern for a full match; ``text`` holds all."""

WIDER: dict[Type, Type] = {Type.BIGINT: Type.NUMERIC, Type.DATE: Type.TIMESTAMP}
"""The next wider type short of ``text``, where there is one: its grammar holds the narrower one's."""

_COMPILED = {kind: re.compile(pattern) for kind, pattern in GRAMMAR.items()}


def holds(kind: Type, value: str) -> bool:
    """Return whether a column of ``kind`` can hold ``value``, which has no outer spaces."""
    return kind is Type.TEXT or (len(value) <= LONGEST_TYPED and _COMPILED[kind].fullmatch(value) is not None)


def classify(value: str) -> Type:
    """Return the narrowest type that holds ``value``; spaces around it are ignored."""
    value = value.strip(SPACES)
    return next(kind for kind in Type if holds(kind, value))


def widest(kind: Type) -> Type:
    """Return the widest type short of ``text`` that holds all of ``kind``."""
    return WIDER.get(kind, kind)


def join(first: Type | None, second: Type | None) -> Type | None:
    """Return the narrowest type that holds both; None, a column with no value yet, gives way to anything.

    Associative and commutative, so the parts of a file can be judged in any order.
    """
    if first is None or second is None or first == second:
        return first or second
    if first in WIDER and WIDER[first] == second:
        return second
    if second in WIDER and WIDER[second] == first:
        return first
    return Type.TEXT


def join_all(kinds: Iterable[Type | None]) -> Type | None:
    """Return the narrowest type that holds all of ``kinds``."""
    result: Type | None = None
    for kind in kinds:
        result = join(result, kind)
    return result
