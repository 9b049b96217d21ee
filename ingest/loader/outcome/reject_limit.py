"""How many records of a file may be rejected, and when reading it further can't bring it below that (BEHAVIOUR 7)."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.loader.outcome.errors import SchemaMismatch
from ingest.loader.outcome.outcome import Column, Outcome
from ingest.loader.outcome.reject_codes import Code
from ingest.loader.outcome.rejects import RejectCollector, causes_of
from ingest.loader.outcome.target import Target

Swallowing = Sequence[tuple[int, list[list[bytes]]]]
"""Lines within quoted cells that would fit as records: the line of their record, and the cells of each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectLimit:
    """A run fails over both: more than ``count`` records, and more than ``share`` of them."""

    count: int
    share: float

    @classmethod
    def of(cls, target: Target) -> "RejectLimit":
        """Return the limit that the target's dataset sets."""
        return cls(count=target.reject_count, share=target.reject_share)

    def is_exceeded(self, rejected: int, records: int) -> bool:
        """Whether ``rejected`` of ``records`` are too many."""
        return rejected > self.count and rejected > self.share * records

    def is_beyond_reach(self, rejected: int, records: int, *, left: int, columns: int) -> bool:
        """Whether too many are rejected even if all of ``left``, the bytes to be read, become good records.

        The shortest record is all delimiters and a line end; the last one needs none. One column needs a value.
        """
        return self.is_exceeded(rejected, records + (left + 1) // max(columns, 2))


class LimitExceeded(Exception):  # never leaves the loader
    """Reading stopped: whatever follows, too many records are rejected."""

    def __init__(
        self, *, header: tuple[str, ...], line: int, records: int, whole: bool = False, swallowing: Swallowing = ()
    ) -> None:
        """``line`` is the first that was not read, ``records`` how many were, or, ``whole``, how many the file has.

        ``swallowing`` are the lines within quoted cells up to there that would fit as records.
        """
        super().__init__()
        self.header = header
        self.line = line
        self.records = records
        self.whole = whole
        self.swallowing = swallowing


def limit_exceeded(
    given: LimitExceeded, book: RejectCollector, columns: tuple[Column, ...], target: Target
) -> SchemaMismatch:
    """Return what a run fails with whose reading stopped."""
    counts = ", ".join(f"{count:,} {code}" for code, count in book.counts.most_common())
    of = f"{given.records:,}" if given.whole else f"the first {given.records:,}"
    return SchemaMismatch(
        f"At least {len(book):,} of {of} records were rejected ({counts}), more than "
        f"{target.reject_share:.0%} and more than {target.reject_count:,}, whatever follows: reading stopped at line "
        f"{given.line:,}, and nothing was loaded. Correct the file and drop it again, or raise the limit of "
        f"{target.table}.",
        outcome=Outcome(records=given.records, rejects=book, columns=columns, partial=True),
    )


def check_limit(outcome: Outcome, target: Target) -> None:
    """Raise Misfit where too many records are rejected, or all of them, however few (BEHAVIOUR 7)."""
    rejected = outcome.rejected
    if 0 < outcome.records == rejected:
        told = {1: "Its only record was", 2: "Both records were"}.get(rejected, f"All {rejected:,} records were")
        raise SchemaMismatch(
            f"{told} rejected ({causes_of(outcome.rejects, 'every row')}): nothing was loaded. Correct the file and "
            "upload it again.",
            outcome=outcome,
        )
    if RejectLimit.of(target).is_exceeded(rejected, outcome.records):
        told, (most, _) = causes_of(outcome.rejects), outcome.rejects.counts.most_common(1)[0]
        keys = " or declare another key" if Code(most).is_about_key else ""
        raise SchemaMismatch(
            f"{rejected:,} of {outcome.records:,} records were rejected ({told}), more than {target.reject_share:.0%} "
            f"and more than {target.reject_count:,}: nothing was loaded. Correct the file and drop it again, or raise "
            f"the limit of {target.table}{keys}.",
            outcome=outcome,
        )
