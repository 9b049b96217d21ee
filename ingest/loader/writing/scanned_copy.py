"""The careful way to COPY: the file has been judged before."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from ingest.loader.planning.current_table import CurrentTable
from ingest.loader.planning.plan import Plan
from ingest.loader.records.reading import CertifiedReader
from ingest.loader.writing.copy_stream import OpenCopySource, Stream, named_keys, open_rows
from ingest.loader.writing.plan_under_lock import LockedPlan


@dataclass(frozen=True, slots=True)
class ScannedCopy:
    """The file has been judged: the plan is certain."""

    reading: CertifiedReader
    locked_plan: LockedPlan
    malformed: int
    """Records that aren't among those that were judged."""

    @property
    def plan(self) -> Plan:
        """What will be done."""
        return self.locked_plan.plan

    @property
    def current(self) -> CurrentTable:
        """The table before the run."""
        return self.locked_plan.current

    @property
    def size(self) -> int:
        """Bytes to copy, about."""
        return self.reading.certified.path.stat().st_size

    def open(self, *, numbered: bool) -> AbstractContextManager[OpenCopySource]:
        """The rows that go in."""
        return open_rows(self.reading, self.locked_plan.plan, numbered=numbered)

    def named_keys(self, names: Sequence[str]) -> tuple[int, Stream | None]:
        """The keys of the records that the plan leaves out."""
        return named_keys(self.reading, self.locked_plan.plan, names)

    def confirm(self) -> LockedPlan:
        """What was judged."""
        return self.locked_plan
