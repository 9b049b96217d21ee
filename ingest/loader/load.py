"""A file goes into its table in the caller's transaction: judged, planned, copied, merged (BEHAVIOUR 3-8)."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.sql import Composable

from ingest.loader import merging, statements
from ingest.loader.account import Account
from ingest.loader.definition import OWN, Definition
from ingest.loader.errors import RunFailed
from ingest.loader.file import LocalFile
from ingest.loader.judge import Judged, judge
from ingest.loader.names import columns_of
from ingest.loader.outcome import Outcome
from ingest.loader.plan import ID_AND_EMAIL, Identities
from ingest.loader.reading import Reading
from ingest.loader.rejects import RejectBook
from ingest.loader.resolve import Resolved, choose, resolve
from ingest.loader.rows import Counted
from ingest.loader.split import split
from ingest.loader.target import Target
from ingest.loader.types import Type
from ingest.loader.ways import Careful, Refuted, Way, guess

VERSION = 1
"""Raised when the same file may give another table than before: identical content is then loaded all the same."""

READ = 1 << 20
"""Bytes a COPY reads at once. The driver's own 8 KiB took a fifth longer; and every read has to get hold of Python's
lock, which the judge beside it holds most of the time."""

Progress = Callable[[str, int, int], None]
"""Is told the stage's name, bytes done and bytes in all."""


def lock(connection: Connection, table: str) -> None:
    """Take the table's turn until the transaction ends: one run a table at a time.

    Raises psycopg2.errors.LockNotAvailable where another holds it too long; the run is retried then.
    """
    with connection.cursor() as cursor:
        cursor.execute(statements.SESSION)
        cursor.execute(statements.lock_name(table))


def load(
    connection: Connection,
    file: LocalFile,
    target: Target,
    progress: Progress = lambda stage, done, total: None,
) -> Outcome:
    """Bring the file's records into the target's table.

    Works in the caller's open transaction and doesn't commit. Raises RunFailed where the file can't go in, with the
    Outcome of what would have been where it is known; errors of the driver as they come.
    """
    lock(connection, target.table)
    with connection.cursor() as cursor:
        outcome = _load(cursor, file, target, progress)
    outcome.check_balance()
    _check_limit(outcome, target)
    return outcome


def _load(cursor: Cursor, file: LocalFile, target: Target, progress: Progress) -> Outcome:
    """On a guess while the file is judged, if its head allows one; else, or if it was wrong, judged before."""
    cursor.execute("savepoint guess")
    with guess(cursor, file, target) as guessed:
        if guessed is None:
            cursor.execute("rollback to savepoint guess")
            rejects = RejectBook()
            progress("split", 0, file.path.stat().st_size)
            certified = split(
                file.path,
                file.dialect,
                scratch=file.scratch / "certified",
                reject=rejects.add,
                progress=lambda done: progress("split", done, file.path.stat().st_size),
                longest=file.longest_record,
            )
            with Reading(certified, null_tokens=target.null_tokens) as reading:
                return _load_carefully(cursor, reading, target, rejects, progress)
        try:
            loading = _Loading(cursor, target, guessed, Definition(cursor, target.table), progress)
            outcome = loading.execute()
            reading, _ = guessed.judging.wait()
            return _account(outcome, loading, reading, target, guessed.judging.rejects)
        except (Refuted, psycopg2.DataError, errors.QueryCanceled) as error:
            if isinstance(error, errors.QueryCanceled) and not guessed.judging.hopeless.is_set():
                raise
            cursor.execute("rollback to savepoint guess")
        reading, found = guessed.judging.wait()
        known = Judged(scan=found, standing=guessed.standing, plan=guessed.plan)
        return _load_carefully(cursor, reading, target, guessed.judging.rejects, progress, known)


def _load_carefully(
    cursor: Cursor,
    reading: Reading,
    target: Target,
    rejects: RejectBook,
    progress: Progress,
    known: Judged | None = None,
) -> Outcome:
    names, _ = columns_of(reading.certified.header, target.headers)
    progress("scan", 0, 0)
    judged = judge(cursor, reading, target, names, known)
    structural = len(rejects)
    Account(reading, rejects).refuse_bad_values(judged.plan)
    loading = _Loading(cursor, target, Careful(reading, judged), Definition(cursor, target.table), progress)
    return _account(loading.execute(), loading, reading, target, rejects, structural)


def _account(
    outcome: Outcome, loading: "_Loading", reading: Reading, target: Target, rejects: RejectBook, structural: int = 0
) -> Outcome:
    """The outcome with all that is told of the file."""
    judged = loading.way.confirm()
    names, headers = columns_of(reading.certified.header, target.headers)
    account = Account(reading, rejects)
    account.refuse_fates(loading.cursor, loading.fates, judged.plan.names, outcome.identities or ())
    return replace(
        outcome,
        records=judged.scan.records + structural,
        headers=headers,
        rejects=rejects,
        columns=account.columns(names, judged.scan, judged.plan),
        ddl=tuple(loading.definition.ddl),
    )


def _check_limit(outcome: Outcome, target: Target) -> None:
    rejected = outcome.rejected
    if rejected > target.reject_count and rejected > target.reject_share * outcome.records:
        raise RunFailed(
            f"{rejected:,} of {outcome.records:,} records were rejected, more than {target.reject_share:.0%} and more "
            f"than {target.reject_count:,}: nothing was loaded. Correct the file and drop it again, or raise the limit "
            f"of {target.table}.",
            outcome=outcome,
        )


@dataclass(slots=True)
class _Loading:
    """The records' way into the table, once it is planned."""

    cursor: Cursor
    target: Target
    way: Way
    definition: Definition
    progress: Progress
    fates: dict[str, int] = field(default_factory=dict)
    """Records that the keys kept out, by code."""

    def execute(self) -> Outcome:
        """The counts of what was written."""
        if self.way.plan.create and (outcome := self._directly()):
            return outcome
        return self._by_stage()

    def _directly(self) -> Outcome | None:
        """COPY into the new table itself, its key after; None where the records don't allow the key as they are.

        FREEZE writes the rows as visible to all, which the table itself is only from the commit on.
        """
        planned = self.way.plan
        listed = len(self.definition.ddl)
        self.cursor.execute("savepoint direct")
        self.definition.create(planned, numbered=not planned.candidates)
        copied = self._copy(statements.table(self.target.table), freeze=True)
        judged = self.way.confirm()
        if copied and not (planned.candidates and _lacks_keys(judged, planned.candidates[0])):
            self.definition.add_own(OWN, self.target.run_id)
            try:
                identities, evidence = self.definition.try_identities(planned)
                self.cursor.execute("release savepoint direct")
                return Outcome(records=copied, inserted=copied, identities=identities, evidence=evidence)
            except errors.UniqueViolation:
                pass
        self.cursor.execute("rollback to savepoint direct")
        del self.definition.ddl[listed:]
        return None

    def _by_stage(self) -> Outcome:
        """COPY into a stage, find each record's row or fate, write what differs by one MERGE."""
        table, planned = self.target.table, self.way.plan
        self.definition.change_columns(planned)
        self.cursor.execute(statements.DROP_WORK)
        self.cursor.execute(statements.create_stage(self._stage_columns()))
        staged = self._copy(statements.STAGE, freeze=False)
        judged = self.way.confirm()
        self.cursor.execute(statements.ANALYZE_STAGE)
        if not staged and planned.identities is None:
            return Outcome(records=0)
        self.progress("merge", 0, 0)
        identities, evidence = choose(self.cursor, planned)
        self.definition.keep_identities(identities, self.way.standing)
        if not identities:
            self.cursor.execute(merging.append(table, planned.names, self.target.run_id))
            return Outcome(records=staged, inserted=staged, identities=identities, evidence=evidence)
        resolved = resolve(self.cursor, table, planned, identities, nulls=_lacks_keys(judged, identities[0]))
        self._merge(identities, resolved)
        self.fates = resolved.fates
        return Outcome(
            records=staged,
            inserted=resolved.inserted,
            updated=resolved.updated,
            duplicate=resolved.fates.get("duplicate", 0),
            unchanged=staged - resolved.inserted - resolved.updated - sum(resolved.fates.values()),
            identities=identities,
            evidence=evidence,
        )

    def _merge(self, identities: Identities, resolved: Resolved) -> None:
        table, names = self.target.table, self.way.plan.names
        key = identities[0]
        rest = [name for name in names if name not in key]
        with_email = identities == ID_AND_EMAIL and "email" in names
        self.cursor.execute(merging.merge(table, key, rest, self.target.run_id, with_email=with_email))
        if self.cursor.rowcount != resolved.inserted + resolved.updated:
            raise RunFailed(
                f"{resolved.inserted + resolved.updated:,} rows were to be written to {table}, but "
                f"{self.cursor.rowcount:,} were. Nothing was loaded; please report this file."
            )

    def _stage_columns(self) -> dict[str, Type]:
        """The file's columns, and the key's that the file lacks (they are NULL then)."""
        planned = self.way.plan
        kinds = {column.name: column.type for column in planned.columns}
        for name in planned.candidates[0] if planned.candidates else ():
            kinds.setdefault(name, self.way.standing.columns.get(name, Type.TEXT))
        return kinds

    def _copy(self, into: Composable, *, freeze: bool) -> int:
        """Send the rows that go in to ``into``; how many they were."""
        typed = [column.name for column in self.way.plan.columns if column.type is not Type.TEXT]
        total = self.way.size
        with self.way.open(numbered=not freeze) as opened:
            statement = statements.copy_rows(into, opened.names, typed, opened.dialect, freeze=freeze)
            counted = Counted(opened.rows, lambda done: self.progress("copy", done, total))
            self.cursor.copy_expert(statement, counted, READ)
        return int(self.cursor.rowcount)


def _lacks_keys(judged: Judged, key: tuple[str, ...]) -> bool:
    """Whether a record may have no value in a column of the key."""
    columns = judged.scan.columns
    return any(name not in columns or columns[name].nulls or columns[name].blanks for name in key)
