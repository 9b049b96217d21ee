"""The careful way to COPY: the file has been judged before."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from ingest.loader.planning.current_table import Standing
from ingest.loader.planning.plan import Plan
from ingest.loader.records.reading import Reading
from ingest.loader.writing.copy_stream import OpenRows, Stream, named_keys, open_rows
from ingest.loader.writing.plan_under_lock import Judged


@dataclass(frozen=True, slots=True)
class Careful:
    """The file has been judged: the plan is certain."""

    reading: Reading
    judged: Judged
    malformed: int
    """Records that aren't among those that were judged."""

    @property
    def plan(self) -> Plan:
        """What will be done."""
        return self.judged.plan

    @property
    def standing(self) -> Standing:
        """The table before the run."""
        return self.judged.standing

    @property
    def size(self) -> int:
        """Bytes to copy, about."""
        return self.reading.certified.path.stat().st_size

    def open(self, *, numbered: bool) -> AbstractContextManager[OpenRows]:
        """The rows that go in."""
        return open_rows(self.reading, self.judged.plan, numbered=numbered)

    def named_keys(self, names: Sequence[str]) -> tuple[int, Stream | None]:
        """The keys of the records that the plan leaves out."""
        return named_keys(self.reading, self.judged.plan, names)

    def confirm(self) -> Judged:
        """What was judged."""
        return self.judged
