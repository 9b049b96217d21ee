"""Use a file's own bytes while its records are canonical; from the first that isn't, write a canonical copy."""

from array import array
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ingest.loader.outcome.rejects import Reject
from ingest.loader.records.cutter import Block
from ingest.loader.records.malformed import Flaw, rejected
from ingest.loader.records.parts import PART
from ingest.loader.records.physical_lines import LINE_END
from ingest.loader.source.layout.grammar import Grammar
from ingest.loader.source.layout.sample import swallowed

_PIECE = 1 << 20
_SWALLOWING = 100
"""Records whose lines would fit as records that are kept at most."""


class CanonicalWriter:
    """Takes the blocks of a file in order and keeps the account of its records.

    A copy keeps the line end of the first record (LF, where that is CR), so that what was certified before it had to
    begin can be copied in one piece. It begins with a header of our own: readers that find out the line end from the
    first line (DuckDB does, told or not) would find another one where that line's quotes hold it.
    """

    def __init__(
        self,
        source: Path,
        scratch: Path,
        *,
        at: int,
        header_end: bytes,
        stays: bool,
        columns: int,
        grammar: Grammar,
        longest: int,
        encoding: str,
        reject: Callable[[Reject], None],
    ) -> None:
        """``at`` is the byte of ``source`` at which the first record begins, ``header_end`` the line end before it.

        ``stays`` says whether readers can be given the file with what stands before the first record.
        """
        self._source = source
        self._header_end = header_end
        self._scratch = scratch
        self._at = at
        self._columns = columns
        self._stays = stays
        self._grammar = grammar
        self._header = grammar.delimiter.join([b"c"] * columns)
        self._allowed, self._encoding = longest, encoding
        self._reject = reject
        self._copy: BinaryIO | None = None
        self._distance: int | None = None
        self.line_end = b""
        """Of the certified records; empty while none has one."""
        self.accepted = 0
        self.rejected = 0
        self.blank = 0
        self.blank_rows = 0
        """Those of the blank lines that consist of blank cells."""
        self.repeated = 0
        """Records that are the header once more."""
        self.swallowing: list[tuple[int, list[list[bytes]]]] = []
        """Records over several lines that would fit as records of their own: the first line's number, and these."""
        self.longest = 0
        """Bytes of the longest accepted record as certified, with its line end."""
        self.ordinals, self.starts = array("q"), array("q")
        self.marks: list[tuple[int, int]] = []
        """The ordinal of the first record accepted from a block, and where the block begins."""
        self.cuts = array("q")
        """Where in the certified bytes a part of at least ``PART`` bytes may end: there a record begins."""

    @property
    def copied(self) -> bool:
        """Whether the certified bytes are in the copy."""
        return self._copy is not None

    @property
    def header_size(self) -> int:
        """Bytes of the copy before its first record."""
        return len(self._header) + len(self.line_end)

    def __enter__(self) -> "CanonicalWriter":
        return self

    def __exit__(self, *_: object) -> None:
        if not self._stays:
            self._copy_from(self._at)
        if self._copy:
            self._copy.close()

    def _copy_from(self, offset: int) -> BinaryIO:
        """Return the source can't be certified beyond byte ``offset``: copy what could be, and write from now on."""
        if self._copy:
            return self._copy
        self.line_end = self.line_end or b"\n"
        self._copy = self._scratch.open("wb", buffering=_PIECE)
        self._copy.write(self._header + self.line_end)
        self.cuts = array("q", (cut - self._at + self.header_size for cut in self.cuts))
        with self._source.open("rb") as certified:
            certified.seek(self._at)
            left = offset - self._at
            while left > 0:
                piece = certified.read(min(_PIECE, left))
                self._copy.write(piece)
                left -= len(piece)
        return self._copy

    def take(self, block: Block) -> None:
        """Take the records of the next block into the account, and into the copy if there is one."""
        good = block.flaws == Flaw.NONE
        accepted = int(np.count_nonzero(good))
        if accepted:
            self.marks.append((self.accepted, block.offset))
            self._note_lines(block, good, accepted)
        if accepted < len(good):
            blank = block.flaws == Flaw.BLANK
            self.blank += int(np.count_nonzero(blank))
            self.blank_rows += int(np.count_nonzero(blank & (block.bodies > block.starts)))
            self.repeated += int(np.count_nonzero(block.flaws == Flaw.HEADER))
            self._tell_rejects(block)
        if self._columns > 1 and len(self.swallowing) < _SWALLOWING:
            self._note_swallowing(block, good)
        self._write(block, good)
        self.accepted += accepted

    def _note_swallowing(self, block: Block, good: npt.NDArray[np.bool_]) -> None:
        """Remember the records whose lines have as many delimiters each as a record."""
        last = len(good) - 1
        suspects = [last] if LINE_END.search(block.raw(last)) else []
        if block.lines is not None:
            suspects = [*np.flatnonzero(np.diff(block.lines) > 1).tolist(), *suspects]
        for record in suspects:
            rows = swallowed(block.raw(record), self._grammar, self._columns) if good[record] else []
            if rows:
                self.swallowing.append((block.line_of(record), rows))
                if len(self.swallowing) == _SWALLOWING:
                    return

    def _note_lines(self, block: Block, good: npt.NDArray[np.bool_], accepted: int) -> None:
        """Remember where the distance between an accepted record's ordinal and its line changes."""
        if block.lines is None and accepted == len(good):
            self._note(self.accepted, block.line)
            return
        records = np.flatnonzero(good)
        lines = block.line + (records if block.lines is None else block.lines[records])
        distances = lines - np.arange(self.accepted, self.accepted + accepted)
        for at in np.flatnonzero(np.diff(distances, prepend=distances[0] - 1)).tolist():
            self._note(self.accepted + at, int(lines[at]))

    def _note(self, ordinal: int, line: int) -> None:
        if line - ordinal != self._distance:
            self._distance = line - ordinal
            self.ordinals.append(ordinal)
            self.starts.append(line)

    def _tell_rejects(self, block: Block) -> None:
        bad = np.flatnonzero(block.flaws > Flaw.HEADER)
        self.rejected += len(bad)
        lines = block.line + (bad if block.lines is None else block.lines[bad])
        columns = block.flaws[bad], lines, block.cells[bad], block.starts[bad], block.bodies[bad]
        for flaw, line, cells, start, body in zip(*(column.tolist() for column in columns), strict=True):
            raw = block.data[start:body]
            self._reject(
                rejected(
                    flaw,
                    raw,
                    line=line,
                    cells=cells,
                    columns=self._columns,
                    longest=self._allowed,
                    encoding=self._encoding,
                )
            )

    def _write(self, block: Block, good: npt.NDArray[np.bool_]) -> None:
        """Let the block's records lie where they are if they all can, else write the good ones to the copy."""
        if not self.line_end and good.any():
            self._choose_line_end(block, int(np.argmax(good)))
        sizes = block.stops - block.starts
        readable = good.copy()
        readable[list(block.rewritten)] = False
        plain = readable & self._ended_alike(block)
        unended = block.bodies[-1] == block.stops[-1]  # as the file's last record may be
        if self._stays and not self.copied and readable.all() and plain[:-1].all() and (plain[-1] or unended):
            longest = int((block.bodies - block.starts).max()) + len(self.line_end or b"\n")
            self.longest = max(self.longest, longest)  # DuckDB counts a line end where the last record has none, too
            self._note_cut(block.offset, self._at)
            return
        copy = self._copy_from(block.offset)
        self._note_cut(copy.tell(), self.header_size)
        self.longest = max(self.longest, int(sizes[plain].max(initial=0)))
        view = memoryview(block.data)
        edges = np.flatnonzero(np.diff(plain, prepend=False, append=False)).tolist()
        pieces: list[tuple[int, bytes | memoryview]] = [
            (first, view[block.starts[first] : block.stops[stop - 1]])
            for first, stop in zip(edges[::2], edges[1::2], strict=True)
        ]
        for record in np.flatnonzero(good & ~plain).tolist():
            written = block.rewritten.get(record, block.raw(record)) + self.line_end
            self.longest = max(self.longest, len(written))
            pieces.append((record, written))
        pieces.sort(key=itemgetter(0))
        copy.writelines(piece for _, piece in pieces)

    def _note_cut(self, at: int, first: int) -> None:
        if at - (self.cuts[-1] if self.cuts else first) >= PART:
            self.cuts.append(at)

    def _choose_line_end(self, block: Block, record: int) -> None:
        """Records end as the first one does: CRLF or LF."""
        line_end = block.data[block.bodies[record] : block.stops[record]]
        if line_end:
            self.line_end = b"\r\n" if line_end == b"\r\n" else b"\n"
            if self._header_end not in (b"", self.line_end):
                self._copy_from(self._at)

    def _ended_alike(self, block: Block) -> npt.NDArray[np.bool_]:
        """Return which records end with ``line_end``."""
        alike: npt.NDArray[np.bool_] = (block.stops - block.bodies) == len(self.line_end)
        if b"\r" in block.data:
            alike &= np.frombuffer(block.data, np.uint8)[block.stops - 1] == ord("\n")
        return alike
