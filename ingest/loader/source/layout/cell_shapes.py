"""Classify the cells of a column: numbers, dates, words, or fragments of a wrong split."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

TYPED = frozenset(("number", "date", "time", "money", "mail", "url", "uuid"))
"""Shapes that hardly ever come about by accident."""

_DIGITS = rb"(?:\d+|\d{1,3}(?:[,.' ]\d{3})+)(?:[.,]\d+)?"
_SHAPE = re.compile(
    rb"""(?:
     (?P<number> [+-]?(?:%(digits)s|[.,]\d+)(?:[eE][+-]?\d+)?[ ]?%%? )
    |(?P<date>   (?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}
                   |\d{1,2}[ -]?[A-Za-z]{3,9}[ ,-]{0,2}\d{2,4}|[A-Za-z]{3,9}[ -]\d{1,2},?[ ]\d{4}
                   |\d{4}-[A-Za-z]{3}-\d{1,2})
                 (?:[T, ]{1,2}\d{1,2}[:.]\d{2}(?:[:.]\d{2}(?:[.,]\d+)?)?(?:[ ]?[AaPp][Mm])?
                   [ ]?(?:Z|UTC|[+-]\d{2}:?\d{2})?)? )
    |(?P<time>   [+-]?\d{1,3}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:[ ]?[AaPp][Mm])? )
    |(?P<money>  [(-]?(?:[$]|\xc2\xa3|\xe2\x82\xac|\xc2\xa5|[A-Z]{3}[ ])[ -]?%(digits)s\)?
                 |-?%(digits)s[ ]?(?:[$]|\xc2\xa3|\xe2\x82\xac|\xc2\xa5) )
    |(?P<uuid>   [0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12} )
    |(?P<mail>   [^@\s,;|"']+@[^@\s,;|"']+ )
    |(?P<url>    (?:[a-z][a-z0-9+.-]*://|www\.)[^\s|]+ )
    |(?P<null>   (?i:n/?a|nan|null|none|nil|\#n/a|-+|\.+|\?+|\\n) )
    |(?P<code>   [^\s,;|"']+ )
    |(?P<odd>    "[\x00-\xff]*|[\x00-\xff]*"|'[\x00-\xff]*' )
    |(?P<glued>  [\x00-\xff]*(?:,(?=[^ \r\n])|[;|\t](?=[^\s]))[\x00-\xff]* )
    |(?P<words>  [^,;|]+ )
    |(?P<prose>  [\x00-\xff]+ )
    )\Z"""
    % {b"digits": _DIGITS},
    re.VERBOSE,
)
_WORTH = {"odd": 0.15, "glued": 0.15, "prose": 0.7, "words": 0.8, "code": 0.85, "null": 0.9}
_MOST = 200
"""Bytes of a cell that are examined."""
_EMPTY = 0.8
"""What a column without any value is worth."""


@lru_cache(maxsize=1 << 14)
def shape(cell: bytes) -> str:
    """Return what ``cell`` looks like; "" for one that is blank."""
    cell = cell[:_MOST].strip()
    match = _SHAPE.match(cell) if cell else None
    return match.lastgroup or "" if match else ""


@dataclass(frozen=True, slots=True)
class Column:
    """The shapes of one column's cells."""

    counts: Counter[str]
    """How many cells have each; blank ones are left out."""

    @property
    def values(self) -> int:
        """How many cells aren't blank."""
        return self.counts.total()

    @property
    def type(self) -> str:
        """The shape of nearly all values, where it is one that doesn't come about by accident; else ""."""
        known = self.counts.total() - self.counts["null"]
        for name, count in self.counts.most_common(2):
            if name in TYPED and count >= 0.9 * known:
                return name
        return ""

    @property
    def worth(self) -> float:
        """How coherent the cells are, 0 to 1: those of one type most, pieces of others least."""
        total = self.counts.total()
        if not total:
            return _EMPTY
        worth = sum(count * _WORTH.get(name, 1) for name, count in self.counts.items()) / total
        mixed = 1 - max(self.counts.values()) / total
        return worth * (1 - 0.25 * mixed)


def columns(records: Sequence[Sequence[bytes]], width: int) -> list[Column]:
    """Return the columns of records that all have ``width`` cells."""
    return [Column(Counter(_shapes(record[place] for record in records))) for place in range(width)]


def _shapes(cells: Iterable[bytes]) -> Iterable[str]:
    return (name for cell in cells if (name := shape(cell)))
