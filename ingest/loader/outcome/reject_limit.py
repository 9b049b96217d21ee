"""How many records of a file may be rejected, and when reading it further can't bring it below that.

See file-rules#reject-limit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.loader.outcome.errors import SchemaMismatch
from ingest.loader.outcome.outcome import Column, Outcome
from ingest.loader.outcome.reject_codes import Code
from ingest.loader.outcome.rejects import RejectCollector, causes_of
from ingest.loader.outcome.target import Target

Swallowing = Sequence[tuple[int, list[list[bytes]]]]
"""Lines within quoted cells that look like records: the line of their record, and the cells of each."""


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
        """Return whether ``rejected`` of ``records`` are too many."""
        return rejected > self.count and rejected > self.share * records

    def is_beyond_reach(self, rejected: int, records: int, *, left: int, columns: int) -> bool:
        """Return whether too many are rejected even if all of ``left``, the bytes to be read, become good records.

        The shortest record is all delimiters and a line end; the last one needs none. One column needs a value.
        """
        return self.is_exceeded(rejected, records + (left + 1) // max(columns, 2))


class LimitExceeded(Exception):  # never leaves the loader
    """Reading stopped: too many records are rejected, whatever the rest of the file holds."""

    def __init__(
        self, *, header: tuple[str, ...], line: int, records: int, whole: bool = False, swallowing: Swallowing = ()
    ) -> None:
        """Store where reading stopped.

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
    """Return the error of a run that stopped reading."""
    counts = ", ".join(f"{count:,} {code}" for code, count in book.counts.most_common())
    of = f"{given.records:,}" if given.whole else f"the first {given.records:,}"
    return SchemaMismatch(
        f"At least {len(book):,} of {of} records were rejected ({counts}), more than "
        f"{target.reject_share:.0%} and more than {target.reject_count:,}, whatever the rest of the file "
        f"holds: reading stopped at line {given.line:,}, and nothing was loaded. Correct the file and upload it again, "
        f"or raise the limit of {target.table}.",
        outcome=Outcome(records=given.records, rejects=book, columns=columns, partial=True),
    )


def check_limit(outcome: Outcome, target: Target) -> None:
    """Raise SchemaMismatch where too many records are rejected, or all of them, however few.

    See file-rules#reject-limit.
    """
    rejected = outcome.rejected
    if 0 < outcome.records == rejected:
        causes = {1: "Its only record was", 2: "Both records were"}.get(rejected, f"All {rejected:,} records were")
        raise SchemaMismatch(
            f"{causes} rejected ({causes_of(outcome.rejects, 'every row')}): nothing was loaded. Correct the file and "
            "upload it again.",
            outcome=outcome,
        )
    if RejectLimit.of(target).is_exceeded(rejected, outcome.records):
        causes, (most, _) = causes_of(outcome.rejects), outcome.rejects.counts.most_common(1)[0]
        keys = " or declare another key" if Code(most).is_about_key else ""
        raise SchemaMismatch(
            f"{rejected:,} of {outcome.records:,} records were rejected ({causes}), more than "
            f"{target.reject_share:.0%} and more than {target.reject_count:,}: nothing was loaded. Correct the file "
            f"and upload it again, or raise the limit of {target.table}{keys}.",
            outcome=outcome,
        )
