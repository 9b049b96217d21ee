"""The ways to COPY, and that on a guess by the file's head while a thread judges it side by side."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from psycopg2.extensions import cursor as Cursor

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.reject_limit import RejectLimit
from ingest.loader.outcome.rejects import Reject, RejectCollector
from ingest.loader.outcome.target import Target
from ingest.loader.planning.current_table import CurrentTable
from ingest.loader.planning.plan import Plan, plan
from ingest.loader.planning.scan import ColumnScan, Head, Scan, read_head, scan
from ingest.loader.records.reading import CertifiedReader
from ingest.loader.records.split import Certified, split
from ingest.loader.source.dialect.dialect import Dialect
from ingest.loader.source.headers import read_header
from ingest.loader.source.local_file import LocalFile
from ingest.loader.types.types import Type, widest
from ingest.loader.writing.catalog import read_table
from ingest.loader.writing.copy_stream import OpenCopySource, Stream, raw_rows
from ingest.loader.writing.plan_under_lock import LockedPlan, find_empty, lock_as_planned, possible_keys, scanned_types

WORTHWHILE = 4 << 20
"""Bytes from which a guess is made: smaller files are judged in the time that a second look at their head takes."""

HEAD = 1 << 20
"""Bytes by which types are guessed."""

LINES = 100
"""Lines back from the head's end to look for the end of a record: each look counts the quotes before it, 50 µs."""

REJECTS = "rejects"
"""The file in scratch space for the rejects that memory has no room for."""


_CLEAN: dict[str, Any] = {
    "trailing": 0,
    "row_names": False,
    "unnamed": False,
    "spaced": False,
    "wrapped": False,
    "above": 0,
    "end": 0,
}
"""Traits of a dialect with which a file can't be read as it lies."""


class GuessFailed(Exception):  # never leaves the loader
    """The file isn't what its head promised: what was copied goes back to the savepoint."""


class CopyStrategy(Protocol):
    """How the rows come to COPY."""

    @property
    def plan(self) -> Plan: ...
    @property
    def current(self) -> CurrentTable: ...
    @property
    def size(self) -> int: ...
    @property
    def malformed(self) -> int: ...

    def open(self, *, numbered: bool) -> AbstractContextManager[OpenCopySource]:
        """The rows that go in."""

    def named_keys(self, names: Sequence[str]) -> tuple[int, Stream | None]:
        """Of the records left out: how many have a key that can't be read, and the keys of the others."""

    def confirm(self) -> LockedPlan:
        """What is certain of the file, to be asked after COPY; raises Refuted where the plan was wrong."""


class BackgroundScan:
    """A thread that cuts and scans the file while its bytes are copied."""

    def __init__(self, file: LocalFile, target: Target, names: tuple[str, ...], table_types: dict[str, Type]) -> None:
        self.rejects = RejectCollector(file.scratch / REJECTS)
        self.certified: Certified | None = None
        self.reading: CertifiedReader | None = None
        self.scan: Scan | None = None
        self.abort = threading.Event()
        """Set once the bytes can't go in as they lie."""
        self._error: BaseException | None = None
        self._file, self._target, self._names, self._table_types = file, target, names, table_types
        self._thread = threading.Thread(target=self._run, name="judging")
        self._thread.start()

    def _run(self) -> None:
        try:
            self.certified = split(
                self._file.path,
                self._file.dialect,
                scratch=self._file.scratch / "certified",
                reject=self._reject,
                longest=self._file.longest_record,
                repeats_header=self._file.repeats_header,
                limit=RejectLimit.of(self._target),
            )
            if self.certified.path != self._file.path:
                self.abort.set()
            self.reading = CertifiedReader(self.certified, null_tokens=self._target.null_tokens)
            head = read_head(self.reading, self._names)
            keys = possible_keys(self._target, self._names)
            self.scan = scan(self.reading, head, current=self._table_types, keys=keys)
        except BaseException as error:
            self._error = error
            self.abort.set()

    def _reject(self, reject: Reject) -> None:
        self.rejects.add(reject)
        self.abort.set()

    def wait(self) -> tuple[CertifiedReader, Scan]:
        """What was found, once the file is read to its end. Raises what stood in the way."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        if self.reading is None or self.scan is None:
            raise AssertionError("a thread that judged ends with a scan or an error")
        return self.reading, self.scan

    def close(self) -> None:
        """Wait for the thread's end and free what it holds."""
        self._thread.join()
        if self.reading is not None:
            self.reading.__exit__(None)


@dataclass(frozen=True, slots=True)
class OptimisticCopy:
    """The plan by the file's head; COPY begins at once, and the verdict comes from ``background``."""

    file: LocalFile
    target: Target
    head: Certified
    current: CurrentTable
    plan: Plan
    background: BackgroundScan
    malformed: int = 0

    @property
    def size(self) -> int:
        """Bytes to copy."""
        return self.file.path.stat().st_size

    @contextmanager
    def open(self, *, numbered: bool) -> Iterator[OpenCopySource]:
        """The file's bytes as they lie, until the judge finds something wrong with them."""
        del numbered  # rows that lie come in their order
        with raw_rows(self.file.path, self.head.offset, self.head.dialect, self.plan.names) as rows:
            yield replace(rows, rows=_Stoppable(rows, self.background.abort))

    def named_keys(self, names: Sequence[str]) -> tuple[int, Stream | None]:
        """None: a guess holds only where no record is left out."""
        return 0, None

    def confirm(self) -> LockedPlan:
        """The judge's verdict: the file lies as it must, and the plan is the one that was guessed."""
        reading, found = self.background.wait()
        planned = plan(found, self.current, self.target)
        lies = reading.certified.path == self.file.path and reading.certified.offset == self.head.offset
        if self.background.abort.is_set() or not lies or planned != self.plan:
            raise GuessFailed
        return LockedPlan(scan=found, current=self.current, plan=planned)


class _Stoppable:
    """Rows that stop in an error once they are known to be of no use."""

    def __init__(self, opened: OpenCopySource, stop: threading.Event) -> None:
        self._rows, self._stop = opened.rows, stop

    def read(self, size: int) -> bytes:
        """The next bytes."""
        if self._stop.is_set():
            raise GuessFailed
        return self._rows.read(size)


def is_worthwhile(file: LocalFile, target: Target) -> bool:
    """Whether a guess may be made of the file: COPY could read its bytes, and it is large."""
    return file.path.stat().st_size >= WORTHWHILE and not target.null_tokens and file.dialect == _plain(file.dialect)


@contextmanager
def guess(cursor: Cursor, file: LocalFile, target: Target) -> Iterator[OptimisticCopy | None]:
    """A plan by the file's head, the table locked for it and the judge at work; None where there is none to be made.

    To be left only once nothing of the guess is needed any more.
    """
    planned_copy = _plan_by_head(cursor, file, target)
    if planned_copy is None:
        yield None
        return
    head, current, planned = planned_copy
    background = BackgroundScan(file, target, planned.names, scanned_types(current, planned.names))
    try:
        yield OptimisticCopy(file, target, head, current, planned, background)
    finally:
        background.close()


def _plan_by_head(cursor: Cursor, file: LocalFile, target: Target) -> tuple[Certified, CurrentTable, Plan] | None:
    certified = _cut_head(file)
    if certified is None or not certified.records:
        return None
    header = read_header(certified.header, target.headers)
    if header.is_ours:
        return None
    names = header.names
    with CertifiedReader(certified) as reading:
        head = read_head(reading, names)
    current = read_table(cursor, target.table)
    doubtful = [
        c
        for c, kind in scanned_types(current, names).items()
        if kind in head.ruled_out[c] or (kind is Type.TEXT and head.proposal(c) not in (Type.TEXT, None))
    ]
    current = find_empty(cursor, current, doubtful, target.table)
    assumed = _scan_of_head(head, scanned_types(current, names))
    if assumed is None:
        return None
    planned = plan(assumed, current, target)
    if not planned.verbatim or not lock_as_planned(cursor, planned, current, target):
        return None
    return certified, current, planned


def _plain(dialect: Dialect) -> Dialect:
    """The dialect, if COPY can read the file's bytes at all."""
    return replace(dialect, quote='"', escape='"', encoding="utf-8", preamble=0, below=0, **_CLEAN)


def _cut_head(file: LocalFile) -> Certified | None:
    """The file's first records, if they are well formed."""
    with file.path.open("rb") as whole:
        block = whole.read(HEAD)
    end = block.rfind(b"\n")
    for _ in range(LINES):
        if end <= 0 or block.count(b'"', 0, end) % 2 == 0:
            break
        end = block.rfind(b"\n", 0, end)  # inside quotes: the record began on an earlier line
    else:
        return None
    if end <= 0:
        return None
    path, rejects = file.scratch / "head", RejectCollector()
    path.write_bytes(block[: end + 1])
    try:
        certified = split(
            path,
            file.dialect,
            scratch=file.scratch / "head.certified",
            reject=rejects.add,
            repeats_header=file.repeats_header,
        )
    except RunFailed:
        return None
    return None if rejects or certified.path != path else certified


def _scan_of_head(head: Head, table_types: dict[str, Type]) -> Scan | None:
    """A scan of the whole file as its head promises it; None where only counting every value can decide."""
    columns = {}
    for name in head.names:
        kind = head.proposal(name)
        if name in table_types and kind is not None:
            fits = [k for k in (table_types[name], widest(table_types[name])) if k not in head.ruled_out[name]]
            if not fits:
                return None
            misfits = {table_types[name]: 1} if fits[0] is not table_types[name] else {}
            found = ColumnScan(type=fits[0], values=1, misfits=misfits)
        else:
            found = ColumnScan(type=kind, values=int(kind is not None))
        columns[name] = replace(found, addresses=name in head.addresses)
    return Scan(records=1, columns=columns)
