"""A file goes into its table in the caller's transaction: judged, planned, copied, merged.

See file-rules#reading to #transaction.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import psycopg2
from psycopg2 import errors
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.sql import Composable

from ingest.loader.outcome.balance import check_balance
from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.reject_limit import RejectLimit, check_limit
from ingest.loader.outcome.rejects import RejectCollector
from ingest.loader.outcome.target import Mode, Target
from ingest.loader.planning.abort import abort
from ingest.loader.planning.identities import Identities
from ingest.loader.planning.safeguards import EVERYTHING, check_safeguards
from ingest.loader.planning.stray_quotes import ask_about_swallowed_lines
from ingest.loader.records.notes import notes_of
from ingest.loader.records.reading import CertifiedReader
from ingest.loader.records.split import Certified, split
from ingest.loader.source.headers import Header, read_header
from ingest.loader.source.local_file import LocalFile
from ingest.loader.sql import merging, tables
from ingest.loader.sql.matching import Matching
from ingest.loader.types.types import Type
from ingest.loader.writing.catalog import warn_of_name
from ingest.loader.writing.copy_stream import Counted
from ingest.loader.writing.ddl import OWN, Definition
from ingest.loader.writing.match_rows import choose
from ingest.loader.writing.merge import Merge
from ingest.loader.writing.optimistic import REJECTS, CopyStrategy, GuessFailed, guess, is_worthwhile
from ingest.loader.writing.plan_under_lock import LockedPlan, plan_under_lock
from ingest.loader.writing.repeated_headers import has_header_row
from ingest.loader.writing.reporting import RejectReporter
from ingest.loader.writing.scanned_copy import ScannedCopy

VERSION = 5
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
        cursor.execute(tables.lock_name(table))


def load(
    connection: Connection,
    file: LocalFile,
    target: Target,
    progress: Progress = lambda stage, done, total: None,
    *,
    locked: bool = False,
) -> Outcome:
    """Bring the file's records into the target's table.

    Works in the caller's open transaction and doesn't commit; ``locked`` says that ``lock`` was called in it. Raises
    RunFailed where the file can't go in, with the Outcome of what would have been where it is known; errors of the
    driver as they come.
    """
    if not locked:
        lock(connection, target.table)
    try:
        with connection.cursor() as cursor:
            outcome, target = _load(cursor, file, target, progress)
    except errors.ProgramLimitExceeded as error:
        raise RunFailed(
            f"PostgreSQL can't hold a row of this file in {target.table}: {error.diag.message_primary}. The row is too "
            "wide for a page; split the file into several with fewer columns."
        ) from error
    check_balance(outcome)
    check_limit(outcome, target)
    check_safeguards(outcome, target)
    return outcome


def _load(cursor: Cursor, file: LocalFile, target: Target, progress: Progress) -> tuple[Outcome, Target]:
    """On a guess while the file is judged, if its head allows one; else, or if it was wrong, judged before."""
    if not is_worthwhile(file, target):
        return _cut_and_load(cursor, file, target, progress)
    cursor.execute("savepoint guess")
    with guess(cursor, file, target) as guessed:
        if guessed is None:
            cursor.execute("rollback to savepoint guess")
            return _cut_and_load(cursor, file, target, progress)
        background = guessed.background
        try:
            loading = _Loading(cursor, target, guessed, Definition(cursor, target.table), progress)
            outcome = loading.execute()
            reading, scanned = background.wait()
            ask_about_swallowed_lines(file, reading.certified.swallowing, scanned)
            header = read_header(reading.certified.header, target.headers)
            return _complete(outcome, loading, RejectReporter(reading, background.rejects), header), target
        except (GuessFailed, psycopg2.DataError, errors.QueryCanceled) as error:
            if isinstance(error, errors.QueryCanceled) and not background.abort.is_set():
                raise
            cursor.execute("rollback to savepoint guess")
        with abort(background.rejects, target, file):
            reading, scanned = background.wait()
        if reading.certified.repeated and has_header_row(cursor, target):
            return _cut_and_load(cursor, replace(file, repeats_header=False), target, progress)
        ask_about_swallowed_lines(file, reading.certified.swallowing, scanned)
        known = LockedPlan(scan=scanned, current=guessed.current, plan=guessed.plan)
        header = read_header(reading.certified.header, target.headers)
        return _load_scanned(cursor, RejectReporter(reading, background.rejects), target, header, progress, known)


def _cut_and_load(cursor: Cursor, file: LocalFile, target: Target, progress: Progress) -> tuple[Outcome, Target]:
    """One step after the other: cut, judge, load."""
    certified, rejects = _cut(file, target, progress)
    if certified.repeated and has_header_row(cursor, target):
        certified, rejects = _cut(replace(file, repeats_header=False), target, progress)
    header = read_header(certified.header, target.headers)
    if header.is_ours:
        target = _for_part(target, header)
    with CertifiedReader(certified, null_tokens=target.null_tokens, used=header.used, marked=header.marked) as reading:
        return _load_scanned(cursor, RejectReporter(reading, rejects), target, header, progress, file=file)


def _cut(file: LocalFile, target: Target, progress: Progress) -> tuple[Certified, RejectCollector]:
    rejects, size = RejectCollector(file.scratch / REJECTS), file.path.stat().st_size
    with abort(rejects, target, file):
        certified = split(
            file.path,
            file.dialect,
            scratch=file.scratch / ("certified" if file.repeats_header else "certified.all"),
            reject=rejects.add,
            progress=lambda done: progress("split", done, size),
            longest=file.longest_record,
            repeats_header=file.repeats_header,
            limit=RejectLimit.of(target),
        )
    return certified, rejects


def _for_part(target: Target, header: Header) -> Target:
    """Return the target for a file that holds a part of the rows: it deletes nothing (file-rules#corrections).

    A corrected reject file isn't held by a safeguard either; a spreadsheet-safe export is, where there is no key.
    """
    mode = Mode.APPEND if target.mode is Mode.APPEND else Mode.UPSERT
    target = replace(target, mode=mode, export=header.marked or target.export)
    if header.corrected:
        approved = {**(target.approved or {}), **EVERYTHING}
        target = replace(target, corrections=True, asks_approval=False, approved=approved)
    return target


def _load_scanned(
    cursor: Cursor,
    account: RejectReporter,
    target: Target,
    header: Header,
    progress: Progress,
    known: LockedPlan | None = None,
    file: LocalFile | None = None,
) -> tuple[Outcome, Target]:
    progress("scan", 0, 0)
    locked_plan = plan_under_lock(cursor, account.reading, target, header.names, known)
    if file is not None:
        ask_about_swallowed_lines(file, account.reading.certified.swallowing, locked_plan.scan)
    structural = len(account.book)
    with abort(account.book, target):
        account.reject_bad_values(locked_plan.plan, locked_plan.scan.records + structural, RejectLimit.of(target))
    strategy = ScannedCopy(account.reading, locked_plan, structural)
    loading = _Loading(cursor, target, strategy, Definition(cursor, target.table), progress)
    return _complete(loading.execute(), loading, account, header), target


def _complete(outcome: Outcome, loading: "_Loading", account: RejectReporter, header: Header) -> Outcome:
    """The outcome with all that is told of the file."""
    locked_plan = loading.strategy.confirm()
    identities = outcome.identities or ()
    account.reject_by_key(loading.cursor, loading.fates, locked_plan.plan.names, identities)
    warning = warn_of_name(loading.cursor, loading.target.table) if locked_plan.plan.create else ""
    return replace(
        outcome,
        key_changes=tuple(account.key_changes(identities, locked_plan.scan, locked_plan.current, locked_plan.plan)),
        records=locked_plan.scan.records + loading.strategy.malformed,
        headers=header.known,
        form=header.form,
        rejects=account.book,
        columns=account.columns(header.texts, locked_plan.scan, locked_plan.plan),
        ddl=tuple(loading.definition.ddl),
        notes=(*outcome.notes, *notes_of(account.reading.certified), *filter(None, [warning])),
        snapshot=loading.target.mode is Mode.SNAPSHOT,
    )


_NO_KEY = (errors.UniqueViolation, errors.NotNullViolation, errors.UndefinedColumn, errors.ProgramLimitExceeded)
"""Why rows don't allow a key: it repeats, lacks a value, isn't in the file, or has one that no index entry holds."""


@dataclass(slots=True)
class _Loading:
    """The records' way into the table, once it is planned."""

    cursor: Cursor
    target: Target
    strategy: CopyStrategy
    definition: Definition
    progress: Progress
    fates: dict[str, int] = field(default_factory=dict)
    """Records that the keys kept out, by code."""

    def execute(self) -> Outcome:
        """The counts of what was written."""
        if self.strategy.plan.create and (outcome := self._directly()):
            return outcome
        return self._by_stage()

    def _directly(self) -> Outcome | None:
        """COPY into the new table itself, its key after; None where the records don't allow the key as they are.

        FREEZE writes the rows as visible to all, which the table itself is only from the commit on.
        """
        planned = self.strategy.plan
        ddl_before = len(self.definition.ddl)
        self.cursor.execute("savepoint direct")
        self.definition.create(planned, numbered=not planned.candidates)
        copied = self._copy(tables.table(self.target.table), freeze=True)
        identified = self._identify() if copied else None
        if identified and not self._needs_stage(self.strategy.confirm()):
            self.cursor.execute("release savepoint direct")
            identities, evidence = identified
            return Outcome(records=copied, inserted=copied, identities=identities, evidence=evidence)
        self.cursor.execute("rollback to savepoint direct")
        del self.definition.ddl[ddl_before:]
        return None

    def _identify(self) -> tuple[Identities, str] | None:
        """Give the filled table its keys, while the file may still be judged; None where the rows don't allow them."""
        try:
            self.definition.add_own(OWN, self.target.run_id)
            return self.definition.try_identities(self.strategy.plan)
        except _NO_KEY:
            return None

    def _needs_stage(self, locked_plan: LockedPlan) -> bool:
        """Whether a key column has no value somewhere, or a blank one, which only the stage can deal with."""
        candidates = self.strategy.plan.candidates
        scanned = locked_plan.scan.columns
        blank = any(scanned[c].blanks for identity in candidates for c in identity if c in scanned)
        return blank or (bool(candidates) and _lacks_keys(locked_plan, candidates[0]))

    def _by_stage(self) -> Outcome:
        """COPY into a stage, find each record's row or fate, write what differs by one MERGE."""
        table, planned = self.target.table, self.strategy.plan
        self.definition.change_columns(planned, self.strategy.current)
        self.cursor.execute(tables.create_stage(self._stage_columns()))
        staged = self._copy(tables.STAGE, freeze=False)
        locked_plan = self.strategy.confirm()
        if not staged and planned.identities is None:
            return Outcome(records=0)
        self.progress("merge", 0, 0)
        identities, evidence = choose(self.cursor, planned)
        self.definition.keep_identities(identities, self.strategy.current, Matching(planned.caseless))
        if not identities:
            self.cursor.execute(merging.append(table, planned.names, self.target.run_id))
            return Outcome(records=staged, inserted=staged, identities=identities, evidence=evidence)
        nulls = _lacks_keys(locked_plan, identities[0])
        merge = Merge(self.cursor, self.target, self.strategy, identities)
        outcome, self.fates = merge.execute(staged, nulls=nulls)
        return replace(outcome, evidence=evidence)

    def _stage_columns(self) -> dict[str, Type]:
        """The file's columns, and the key's that the file lacks (they are NULL then)."""
        planned = self.strategy.plan
        kinds = {column.name: column.type for column in planned.columns}
        for name in planned.candidates[0] if planned.candidates else ():
            kinds.setdefault(name, self.strategy.current.columns.get(name, Type.TEXT))
        return kinds

    def _copy(self, into: Composable, *, freeze: bool) -> int:
        """Send the rows that go in to ``into``; how many they were."""
        typed = [column.name for column in self.strategy.plan.columns if column.type is not Type.TEXT]
        total = self.strategy.size
        with self.strategy.open(numbered=not freeze) as opened:
            statement = tables.copy_rows(into, opened.names, typed, opened.dialect, freeze=freeze)
            counted = Counted(opened.rows, lambda done: self.progress("copy", done, total))
            self.cursor.copy_expert(statement, counted, READ)
        return int(self.cursor.rowcount)


def _lacks_keys(locked_plan: LockedPlan, key: tuple[str, ...]) -> bool:
    """Whether a record may have no value in a column of the key."""
    columns = locked_plan.scan.columns
    return any(name not in columns or columns[name].nulls or columns[name].blanks for name in key)
