"""The staged records go into the table: resolved, the rows before them kept, then written by one statement."""

from collections.abc import Iterator
from dataclasses import dataclass

from psycopg2 import errors
from psycopg2.extensions import cursor as Cursor
from psycopg2.sql import Composed

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.outcome import Outcome
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
    way: CopyStrategy
    identities: Identities

    def execute(self, staged: int, *, nulls: bool) -> tuple[Outcome, dict[str, int]]:
        """Write what differs: the outcome, and the fates of records that don't go in, by code."""
        table, planned = self.target.table, self.way.plan
        alike = count_lookalikes(table, planned, self.identities, self.way.confirm().scan)
        resolved = match_rows(self.cursor, table, planned, self.identities, alike, staged=staged, nulls=nulls)
        history = BeforeImages(self.cursor, self.target, self.way, self.identities)
        snapshot = self.target.mode is Mode.SNAPSHOT
        missing = history.delete_missing(resolved.fates.get("null_key", 0)) if snapshot else None
        email = email_in_use(self.identities, planned)
        if not email:
            self._write(resolved, history)
        elif resolved.frees_emails:
            resolved = settle_emails(self.cursor, table, email, self._match, alike)
            self._write(resolved, history)
        else:
            resolved = self._write_or_settle(resolved, history, email, alike)
        outcome = Outcome(
            records=staged,
            inserted=resolved.inserted,
            updated=resolved.updated,
            duplicate=resolved.fates.get("duplicate", 0),
            unchanged=staged - resolved.inserted - resolved.updated - sum(resolved.fates.values()),
            deleted=missing.deleted if missing else 0,
            rows_before=missing.rows if missing else None,
            deletion_withheld=bool(missing and missing.withheld),
            notes=tuple(_notes(missing, resolved)),
            identities=self.identities,
            differing_duplicates=self._count_differing(resolved, staged),
        )
        return outcome, resolved.fates

    @property
    def _match(self) -> Matching:
        return Matching(self.way.plan.caseless)

    def _write_or_settle(
        self, resolved: MatchResult, history: BeforeImages, email: str, alike: Composed | None
    ) -> MatchResult:
        """Write at once: finding conflicts first took 4 of 22 s for 2 million new rows; the index meets them too."""
        self.cursor.execute("savepoint write")
        try:
            self._write(resolved, history)
        except errors.UniqueViolation:
            self.cursor.execute("rollback to savepoint write")
            resolved = settle_emails(self.cursor, self.target.table, email, self._match, alike)
            self._write(resolved, history)
        return resolved

    def _write(self, resolved: MatchResult, history: BeforeImages) -> None:
        table, key = self.target.table, self.identities[0]
        if not resolved.inserted + resolved.updated:
            return
        by_place = resolved.updated and self._changes_few(resolved)
        if by_place:
            self.cursor.execute(merging.BY_PLACE)
        if resolved.updated:
            history.keep_changed()
        rest = self._match.written(self.way.plan.names, key)
        with_email = email_in_use(self.identities, self.way.plan) is not None
        self.cursor.execute(
            merging.merge(table, key, rest, self.target.run_id, updated=bool(resolved.updated), with_email=with_email)
        )
        written = self.cursor.rowcount
        if by_place:
            self.cursor.execute(merging.BY_ANY_WAY)
        if written != resolved.inserted + resolved.updated:
            raise RunFailed(
                f"{resolved.inserted + resolved.updated:,} rows were to be written to {table}, but {written:,} were. "
                "Nothing was loaded; please report this file."
            )

    def _changes_few(self, resolved: MatchResult) -> bool:
        if resolved.updated < PLANNED:
            return False
        self.cursor.execute(tables.ESTIMATE, (SCHEMA, self.target.table))
        (rows,) = self.cursor.fetchone() or (0,)
        return bool(FEW * (resolved.updated + resolved.inserted) <= rows)

    def _count_differing(self, resolved: MatchResult, staged: int) -> int:
        """Duplicates that differ from the record that counts; asked only where they are enough to hold the run."""
        duplicate = resolved.fates.get("duplicate", 0)
        rest = [name for name in self.way.plan.names if name not in self.identities[0]]
        if not rest or duplicate <= DUPLICATE_COUNT or duplicate <= DUPLICATE_SHARE * staged:
            return 0
        self.cursor.execute(merging.count_differing(rest))
        row = self.cursor.fetchone()
        return int(row[0]) if row else 0


def _notes(missing: SnapshotDeletion | None, resolved: MatchResult) -> Iterator[str]:
    """What the operator should read."""
    if missing and missing.withheld:
        yield missing.withheld
    if resolved.alike:
        yield note_on(resolved.alike, whole=resolved.whole)
