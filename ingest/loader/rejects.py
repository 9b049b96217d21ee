"""Records that did not go in, each with its reason; nothing is lost (BEHAVIOUR 7)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

STORED = 10_000
"""At most so many rejects of a run are kept whole; the counts stay exact beyond it."""

STORED_BYTES = 64 << 20
"""Nor more than so many bytes of their records, which may be as long as a record may be."""


class Code(StrEnum):
    """Why a record was rejected, in the order in which one fate is chosen."""

    MISSING_COLUMNS = "missing_columns"
    EXTRA_COLUMNS = "extra_columns"
    BAD_QUOTE = "bad_quote"
    BAD_ENCODING = "bad_encoding"
    NUL_BYTE = "nul_byte"
    BAD_VALUE = "bad_value"
    TOO_LONG = "too_long"
    NULL_KEY = "null_key"
    KEY_CONFLICT = "key_conflict"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reject:
    """One record that did not go in."""

    line: int
    """The physical line of the file, from 1, on which the record starts."""
    code: Code
    reason: str
    """A sentence for the operator."""
    raw: bytes
    """The whole record as it stands in the file, without its line end."""
    column: str = ""
    value: str = ""


@dataclass
class RejectBook:
    """Counts every reject by code and keeps the first ``STORED`` of them in full."""

    kept: list[Reject] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    size: int = 0
    """Bytes of the kept ones' records."""

    def add(self, reject: Reject) -> None:
        """Take one reject into the account."""
        self.counts[reject.code] += 1
        if len(self.kept) < STORED and self.size + len(reject.raw) <= STORED_BYTES:
            self.kept.append(reject)
            self.size += len(reject.raw)

    def tally(self, code: Code, count: int) -> None:
        """Take ``count`` rejects into the account that are counted but not kept."""
        self.counts[code] += count

    @property
    def room(self) -> int:
        """How many more can be kept in full."""
        return STORED - len(self.kept)

    def __len__(self) -> int:
        return self.counts.total()

    def __iter__(self) -> Iterator[Reject]:
        """The kept ones, in the order of their lines."""
        return iter(sorted(self.kept, key=lambda reject: reject.line))
