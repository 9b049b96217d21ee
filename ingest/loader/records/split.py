"""Split a file into records: where each starts, on which line, and whether it is well formed."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.reject_codes import as_clause
from ingest.loader.outcome.reject_limit import LimitExceeded, RejectLimit, Swallowing
from ingest.loader.outcome.rejects import Reject
from ingest.loader.records.canonical import CanonicalWriter
from ingest.loader.records.cutter import BLOCK, Block, Cutter
from ingest.loader.records.malformed import Flaw, Form, rejected
from ingest.loader.records.physical_lines import PhysicalFile
from ingest.loader.source.dialect.dialect import Dialect, refuse_too_wide
from ingest.loader.source.layout.grammar import BOM
from ingest.loader.source.layout.sample import unwrap

_TRIED = 1_000
"""Malformed records in which the first of a file without a header is looked for."""
LONGEST = 64 << 20
"""The default of the longest record allowed, in bytes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lines:
    """From the ordinal of an accepted record back to its physical line: one entry wherever the distance changes."""

    ordinals: Sequence[int] = (0,)
    starts: Sequence[int] = (2,)

    def line_of(self, ordinal: int) -> int:
        """Return the line, from 1, on which accepted record ``ordinal``, from 0, starts."""
        index = bisect_right(self.ordinals, ordinal) - 1
        return self.starts[index] + ordinal - self.ordinals[index]


@dataclass(frozen=True, kw_only=True, slots=True)
class Certified:
    """Bytes that every CSV reader reads alike: the file unchanged, or a canonical copy of its good records."""

    path: Path
    """What DuckDB and COPY read: valid UTF-8 CSV with a header line, all records of ``len(header)`` cells, one kind of
    line end, which the header's line shows."""
    offset: int
    """The byte of ``path`` at which the first record begins."""
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
    blank_rows: int
    """Those of the blank lines that consist of blank cells."""
    repeated: int
    """Records that were the header once more."""
    left_out: int
    """Lines after the table's last one, where it isn't the file's."""
    swallowing: Swallowing
    form: Form
    """What a sound record of ``source`` looks like."""
    longest: int
    """Bytes of the longest accepted record with its line end."""
    lines: Lines
    marks: Sequence[tuple[int, int]] = ()
    """Where a second pass can begin: the ordinal of an accepted record, and a byte of ``source`` at or before it."""
    cuts: Sequence[int] = ()
    """Bytes of ``path`` at which a record begins: one after every ``PART`` bytes or a few more."""
    allowed: int = LONGEST
    """The longest record allowed when the file was split."""


def split(
    source: Path,
    dialect: Dialect,
    *,
    scratch: Path,
    reject: Callable[[Reject], None],
    progress: Callable[[int], None] = lambda _: None,
    longest: int = LONGEST,
    block: int = BLOCK,
    limit: RejectLimit | None = None,
    repeats_header: bool = True,
) -> Certified:
    """Cut ``source``, which is UTF-8, into records; certify its bytes or write canonical ones to ``scratch``.

    ``reject`` is called with every malformed record, in file order, ``progress`` with the bytes read so far. A record
    may have ``longest`` bytes without its line end; one equal to the header is none where ``repeats_header``. ``block``
    bytes are read at a time; the result doesn't depend on it. Raises RunFailed on a file that has no header to go by,
    RunInterrupted if the file shrinks meanwhile, LimitExceeded once ``limit`` can't be met anymore.
    """
    left_out = 0
    if dialect.end:
        source, left_out = _first_lines(source, scratch.with_name(f"{scratch.name}.first"), dialect.end)
    if dialect.wrapped:
        source = _unwrapped(source, scratch.with_name(f"{scratch.name}.unwrapped"))
    with source.open("rb", buffering=0) as file:
        cutter = Cutter(file.fileno(), dialect.grammar, longest=longest, block=block)
        head = _read_head(cutter, dialect)
        form = _form(head, dialect, repeats_header=repeats_header)
        columns = form.columns
        with CanonicalWriter(
            source,
            scratch,
            at=head.end,
            header_end=head.line_end,
            stays=head.stays,
            columns=columns,
            grammar=dialect.grammar,
            longest=longest,
            encoding=dialect.encoding,
            reject=reject,
        ) as certifier:
            for piece in cutter.blocks(head.end, head.line, form):
                certifier.take(piece)
                progress(piece.end)
                left, records = cutter.file.size - piece.end, certifier.accepted + certifier.rejected
                if left and limit and limit.is_beyond_reach(certifier.rejected, records, left=left, columns=columns):
                    swallowing = tuple(certifier.swallowing)
                    raise LimitExceeded(header=head.header, line=piece.end_line, records=records, swallowing=swallowing)
    copied = certifier.copied
    offset = certifier.header_size if copied else head.end
    return Certified(
        path=scratch if copied else source,
        offset=offset,
        dialect=Dialect(delimiter=dialect.delimiter),
        source=source,
        source_dialect=dialect,
        header=head.header,
        records=certifier.accepted,
        blank=certifier.blank,
        blank_rows=certifier.blank_rows,
        repeated=certifier.repeated,
        left_out=left_out,
        swallowing=tuple(certifier.swallowing),
        form=form,
        longest=max(certifier.longest, offset),
        lines=Lines(ordinals=certifier.ordinals, starts=certifier.starts),
        marks=tuple(certifier.marks),
        cuts=tuple(certifier.cuts),
        allowed=longest,
    )


def _unwrapped(source: Path, target: Path) -> Path:
    """Return a copy of ``source`` without the quotes around its lines, each of which stays a line."""
    with source.open("rb") as wrapped, target.open("wb") as written:
        for line in wrapped:
            body = line.rstrip(b"\r\n")
            written.write(unwrap(body) + line[len(body) :])
    return target


def _first_lines(source: Path, target: Path, lines: int) -> tuple[Path, int]:
    """Copy the first ``lines`` of ``source``; return the copy and how many lines, of another table, follow."""
    with source.open("rb", buffering=0) as whole, target.open("wb") as written:
        file = PhysicalFile(whole.fileno(), piece=BLOCK)
        left, _ = file.skip_lines(0, lines)
        below = file.count_lines(left, file.size) + (file.size > left and file.read(file.size - 1, 1) not in b"\r\n")
        while left > 0:
            piece = whole.read(min(BLOCK, left))
            written.write(piece)
            left -= len(piece)
    return target, below


def raw_records(certified: Certified, ordinals: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Yield the raw bytes of the accepted records ``ordinals`` (ascending, from 0), without line ends."""
    wanted = np.asarray(ordinals, np.int64)
    with certified.source.open("rb", buffering=0) as file:
        cutter = Cutter(file.fileno(), certified.source_dialect.grammar, longest=certified.allowed, block=BLOCK)
        while len(wanted):
            mark = bisect_right(certified.marks, int(wanted[0]), key=itemgetter(0)) - 1
            ordinal, at = certified.marks[mark]
            for block in cutter.blocks(at, 0, certified.form):
                accepted = np.flatnonzero(block.flaws == Flaw.NONE)
                here = wanted[: wanted.searchsorted(ordinal + len(accepted))]
                for wanted_ordinal in here.tolist():
                    yield wanted_ordinal, block.raw(int(accepted[wanted_ordinal - ordinal]))
                wanted, ordinal = wanted[len(here) :], ordinal + len(accepted)
                if not len(wanted) or (len(here) == 0 and len(accepted)):
                    break


def _form(head: "_Head", dialect: Dialect, *, repeats_header: bool) -> Form:
    """Return what a sound record has, and the cells of the header, which may come again."""
    cells = tuple(dialect.grammar.cells(head.raw)) if head.raw else ()
    return Form(
        columns=len(head.header),
        delimiter=dialect.delimiter.encode(),
        trailing=dialect.trailing,
        header=cells if len(cells) > 1 and repeats_header else (),
        cells=dialect.grammar.cells,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Head:
    """What stands before the first record."""

    header: tuple[str, ...]
    end: int = 0
    """The byte at which the first record begins."""
    line: int = 1
    """The line on which it begins."""
    line_end: bytes = b""
    """The header's; empty if there is none."""
    raw: bytes = b""
    """The header's record, without its line end."""
    stays: bool
    """Whether readers can be given the file with this head."""


def _read_head(cutter: Cutter, dialect: Dialect) -> _Head:
    """Skip the preamble and read the header, or count the cells of the first record where there is none."""
    file = cutter.file
    marks = 0
    while file.read(marks, len(BOM)) == BOM:
        marks += len(BOM)
    at, skipped = file.skip_lines(marks, dialect.preamble)
    line = 1 + skipped
    first = _first_record(cutter, at, line, any_form=not dialect.has_header)
    columns = int(first.cells[0])
    refuse_too_wide(columns)
    if not dialect.has_header:
        return _Head(header=("",) * columns, end=at, line=line, stays=False)
    line_end = first.data[first.bodies[0] : first.stops[0]]
    alone = line == 1 and first.end_line == 1 + bool(line_end) and line_end != b"\r"
    alone = alone and marks <= len(BOM) and not file.is_cut
    header = dialect.header_of(first.raw(0))
    end, skipped = file.skip_lines(first.end, dialect.below)
    return _Head(
        header=header,
        raw=first.raw(0),
        end=end,
        line=first.end_line + skipped,
        line_end=line_end,
        stays=alone and not skipped and not first.rewritten and len(header) == columns,
    )


def _first_record(cutter: Cutter, at: int, line: int, *, any_form: bool) -> Block:
    """Return the first record that isn't blank; with ``any_form`` the first that is well formed."""
    for _ in range(_TRIED):
        at, blank = cutter.file.skip_blank_lines(at)
        line += blank
        if at >= cutter.file.size:
            raise RunFailed(
                "The file has no header and no records: all its lines are blank. Upload it again with its content."
            )
        first = cutter.alone(at, line)
        flaw = Flaw(int(first.flaws[0]))
        if flaw is Flaw.NONE and not first.raw(0).strip(b" \t"):
            flaw = Flaw.BLANK  # a cell of spaces is a value of a table with one column, but names none
        if flaw is Flaw.NONE:
            return first
        if not any_form and flaw is not Flaw.BLANK:
            break
        at, line = first.end, first.end_line
    if flaw is Flaw.BLANK:
        raise RunFailed(
            f"The file has no header: its first {_TRIED:,} lines are blank. Remove them and upload it again."
        )
    reject = rejected(flaw, first.raw(0), line=first.line, cells=0, columns=0, longest=cutter.longest)
    what = "The first records" if any_form else "The header"
    raise RunFailed(
        f"{what}, line {first.line:,}, can't be read: {as_clause(reject.reason)}. Correct it and upload the file again."
    )
