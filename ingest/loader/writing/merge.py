"""The staged records go into the table: resolved, the rows before them kept, then written by one statement."""

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg2 import errors
from psycopg2.extensions import cursor as Cursor
from psycopg2.sql import Composed

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.reject_codes import Code
from ingest.loader.outcome.target import SCHEMA, Mode, Target
from ingest.loader.planning.identities import Identities
from ingest.loader.planning.safeguards import DUPLICATE_COUNT, DUPLICATE_SHARE
from ingest.loader.sql import merging, tables
from ingest.loader.sql.matching import Matching
from ingest.loader.writing.before_images import BeforeImages, SnapshotDeletion
from ingest.loader.writing.lookalikes import count_lookalikes, note_on
from ingest.loader.writing.match_rows import MatchResult, email_in_use, match_rows, settle_emails
from ingest.loader.writing.optimistic import CopyStrategy

PLANNED = 1_000
"""Fewer changed rows the planner reads at their places by itself."""

FEW = 8
"""Rows are read at their places where at most one in so many of the table is changed."""


@dataclass(slots=True)
class Merge:
    """One stage on its way into its table, whose rows have these identities."""

    cursor: Cursor
    target: Target
    strategy: CopyStrategy
    identities: Identities

    def execute(self, staged: int, *, nulls: bool) -> tuple[Outcome, dict[str, int]]:
        """Write what differs: the outcome, and the fates of records that don't go in, by code."""
        table, planned = self.target.table, self.strategy.plan
        alike = count_lookalikes(table, planned, self.identities, self.strategy.confirm().scan)
        matched = match_rows(self.cursor, table, planned, self.identities, alike, staged=staged, nulls=nulls)
        images = BeforeImages(self.cursor, self.target, self.strategy, self.identities)
        snapshot = self.target.mode is Mode.SNAPSHOT
        missing = images.delete_missing(matched.fates.get(Code.NULL_KEY, 0)) if snapshot else None
        email = email_in_use(self.identities, planned)
        if not email:
            self._write(matched, images)
        elif matched.frees_emails:
            matched = settle_emails(self.cursor, table, email, self._match, alike)
            self._write(matched, images)
        else:
            matched = self._write_or_settle(matched, images, email, alike)
        outcome = Outcome(
            records=staged,
            inserted=matched.inserted,
            updated=matched.updated,
            duplicate=matched.fates.get("duplicate", 0),
            unchanged=staged - matched.inserted - matched.updated - sum(matched.fates.values()),
            deleted=missing.deleted if missing else 0,
            rows_before=missing.rows if missing else None,
            deletion_withheld=bool(missing and missing.withheld),
            notes=tuple(_notes(missing, matched)),
            identities=self.identities,
            differing_duplicates=self._count_differing(matched, staged),
        )
        return outcome, matched.fates

    @property
    def _match(self) -> Matching:
        return Matching(self.strategy.plan.caseless)

    def _write_or_settle(
        self, matched: MatchResult, images: BeforeImages, email: str, alike: Composed | None
    ) -> MatchResult:
        """Write at once: finding conflicts first took 4 of 22 s for 2 million new rows; the index meets them too."""
        self.cursor.execute("savepoint write")
        try:
            self._write(matched, images)
        except errors.UniqueViolation:
            self.cursor.execute("rollback to savepoint write")
            matched = settle_emails(self.cursor, self.target.table, email, self._match, alike)
            self._write(matched, images)
        return matched

    def _write(self, matched: MatchResult, images: BeforeImages) -> None:
        table, key = self.target.table, self.identities[0]
        if not matched.inserted + matched.updated:
            return
        by_position = matched.updated and self._changes_few(matched)
        if by_position:
            self.cursor.execute(merging.BY_PLACE)
        if matched.updated:
            images.keep_changed()
        other_columns = self._match.written(self.strategy.plan.names, key)
        with_email = email_in_use(self.identities, self.strategy.plan) is not None
        self.cursor.execute(
            merging.merge(
                table, key, other_columns, self.target.run_id, updated=bool(matched.updated), with_email=with_email
            )
        )
        written = self.cursor.rowcount
        if by_position:
            self.cursor.execute(merging.BY_ANY_WAY)
        if written != matched.inserted + matched.updated:
            raise RunFailed(
                f"{matched.inserted + matched.updated:,} rows were to be written to {table}, but {written:,} were. "
                "Nothing was loaded; please report this file."
            )

    def _changes_few(self, matched: MatchResult) -> bool:
        if matched.updated < PLANNED:
            return False
        self.cursor.execute(tables.ESTIMATE, (SCHEMA, self.target.table))
        (rows,) = self.cursor.fetchone() or (0,)
        return bool(FEW * (matched.updated + matched.inserted) <= rows)

    def _count_differing(self, matched: MatchResult, staged: int) -> int:
        """Duplicates that differ from the record that counts; asked only where they are enough to hold the run."""
        duplicate = matched.fates.get("duplicate", 0)
        other_columns = [name for name in self.strategy.plan.names if name not in self.identities[0]]
        if not other_columns or duplicate <= DUPLICATE_COUNT or duplicate <= DUPLICATE_SHARE * staged:
            return 0
        self.cursor.execute(merging.count_differing(other_columns))
        row = self.cursor.fetchone()
        return int(row[0]) if row else 0


def _notes(missing: SnapshotDeletion | None, matched: MatchResult) -> Iterator[str]:
    """What the operator should read."""
    if missing and missing.withheld:
        yield missing.withheld
    if matched.alike:
        yield note_on(matched.alike, whole=matched.whole)
