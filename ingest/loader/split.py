"""Every record of a file: where it starts, its line, whether it is well formed."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.loader.dialect import Dialect
from ingest.loader.rejects import Reject


@dataclass(frozen=True, kw_only=True, slots=True)
class Lines:
    """From the ordinal of an accepted record back to its physical line: one entry wherever the distance changes."""

    ordinals: tuple[int, ...] = (0,)
    starts: tuple[int, ...] = (2,)

    def line_of(self, ordinal: int) -> int:
        """The line, from 1, on which accepted record ``ordinal``, from 0, starts."""
        at = bisect_right(self.ordinals, ordinal) - 1
        return self.starts[at] + ordinal - self.ordinals[at]


@dataclass(frozen=True, kw_only=True, slots=True)
class Certified:
    """Bytes that every CSV reader reads alike: the file as it lies, or a canonical copy of its good records."""

    path: Path
    """What DuckDB and COPY read: valid UTF-8 CSV, all records of ``len(header)`` cells, one kind of line end."""
    offset: int
    """The byte of ``path`` at which the first record begins."""
    has_header: bool
    """Whether ``path`` has one header record before ``offset``."""
    dialect: Dialect
    """How ``path`` is written."""
    source: Path
    """The file as it came (decompressed)."""
    source_dialect: Dialect
    """How ``source`` is written."""
    header: tuple[str, ...]
    """The header's cells as text; empty strings where a header is empty or the file has none."""
    records: int
    """How many records were accepted."""
    blank: int
    longest: int
    """Bytes of the longest accepted record with its line end."""
    lines: Lines


def split(
    source: Path,
    dialect: Dialect,
    *,
    scratch: Path,
    reject: Callable[[Reject], None],
    progress: Callable[[int], None] = lambda _: None,
    longest: int = 64 << 20,
) -> Certified:
    """Cut ``source`` into records, certify its bytes or write canonical ones to ``scratch``.

    ``reject`` is told every malformed record; ``progress`` the bytes read so far. Raises RunFailed on a file that
    has no header to go by, RunInterrupted never.
    """
    raise NotImplementedError


def raw_records(certified: Certified, ordinals: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """The raw bytes in ``source`` of the accepted records ``ordinals`` (ascending, from 0), without line ends."""
    raise NotImplementedError
