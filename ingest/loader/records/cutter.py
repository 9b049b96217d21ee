"""Cut a file into records, block by block; only this module decides where a record starts and whether it is valid."""

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ingest.loader.records.block_scan import BlockIndex, Positions
from ingest.loader.records.fit_width import Cut, doubt_quotes, fit
from ingest.loader.records.malformed import Flaw, Form, add_flaws
from ingest.loader.records.multiline import Ending, QuotedLookahead
from ingest.loader.records.physical_lines import PhysicalFile
from ingest.loader.source.layout.grammar import Grammar

BLOCK = 1 << 18
"""Bytes surveyed at once. The masks of a block should fit the CPU's cache: 128 and 256 KiB were 2-9 times faster than
512 KiB and more."""
KEPT = 1 << 16
"""So many bytes are kept of a line that is too long to be held whole."""

_MOST_LINES = 64
"""Lines that are read one by one before the survey is asked again: it has an answer for each that is clean."""
_LINE_ENDING = re.compile(rb"\r\n|\r|\n|")
_CR, _LF = 13, 10
_OPEN = 2
"""The group of ``Grammar.line`` that a record inside quotes at its line's end is."""


_FLAWS = {Ending.WELL: Flaw.NONE, Ending.TEXT: Flaw.QUOTE_TEXT, Ending.OPEN: Flaw.QUOTE_OPEN}
_FLAWS[Ending.TOO_LONG] = Flaw.TOO_LONG


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """Whole records, one after another. Their positions are bytes of ``data``."""

    offset: int
    """Where the block begins in the file."""
    end: int
    """Where the next block begins in the file."""
    line: int
    """The physical line of the file, from 1, on which the block begins."""
    end_line: int
    """The line on which the next block begins."""
    data: bytes
    starts: Positions
    bodies: Positions
    """Where each record ends, its line end left out."""
    stops: Positions
    """Where each record ends, its line end included."""
    lines: Positions | None
    """How many lines after ``line`` each record starts; None where each is one line after the one before."""
    cells: Positions
    """How many cells each record has; nothing of use where its quotes or its length are the flaw."""
    flaws: npt.NDArray[np.uint8]
    rewritten: dict[int, bytes]
    """The canonical form, without line end, of the records that can't stay unchanged."""

    def line_of(self, record: int) -> int:
        """Return the physical line on which the block's record number ``record``, from 0, starts."""
        return self.line + (record if self.lines is None else int(self.lines[record]))

    def raw(self, record: int) -> bytes:
        """Return the bytes of the block's record number ``record``, without its line end."""
        return self.data[self.starts[record] : self.bodies[record]]


@dataclass(slots=True)
class _RecordStarts:
    """What was found on the way through one block: stretches of a survey, and records read one by one."""

    survey: BlockIndex
    starts: list[Positions] = field(default_factory=list)
    stops: list[Positions] = field(default_factory=list)
    delimiters: list[Positions] = field(default_factory=list)
    careful: "array[int]" = field(default_factory=lambda: array("q"))
    """Of each record that was read by itself: start, stop with its line end, flaw, cells."""
    written: dict[int, bytes] = field(default_factory=dict)
    """The canonical form of records that can't stay unchanged, by their start."""

    def add_stretch(self, here: int) -> tuple[int, bool]:
        """Take the records from byte ``here`` on up to the next doubt; where they end, and whether there is a doubt."""
        reading = self.survey.reading_from(here)
        nearest = int(reading.doubts.searchsorted(here))
        doubted = nearest < len(reading.doubts)
        first = int(reading.stops.searchsorted(here, "right"))
        stop_index = (
            int(reading.stops.searchsorted(reading.doubts[nearest], "right")) if doubted else len(reading.stops)
        )
        if stop_index <= first:
            return here, doubted
        stops = reading.stops[first:stop_index]
        self.starts.append(np.concatenate(((here,), stops[:-1])))
        self.stops.append(stops)
        self.delimiters.append(reading.delimiters[first:stop_index])
        return int(stops[-1]), doubted


class Cutter:
    """Cuts an open file. What it says of a record depends on the bytes from its start on only."""

    def __init__(self, file: int, grammar: Grammar, *, longest: int, block: int) -> None:
        self.file = PhysicalFile(file, piece=min(block, longest))  # no record that is whole in a block is too long
        self.grammar = grammar
        self.longest = longest
        self._lookahead = QuotedLookahead(self.file, grammar, longest=longest)

    def blocks(self, at: int, line: int, form: Form) -> Iterator[Block]:
        """Return all records from byte ``at`` on, where one starts on ``line``; ``form`` is that of a sound one."""
        while at < self.file.size:
            data = self.file.read(at, self.file.piece)
            record_starts = self._walk(at, data, last=at + len(data) >= self.file.size)
            whole = record_starts.starts or len(record_starts.careful)
            block = self._assemble(at, line, form, data, record_starts) if whole else self.alone(at, line, form)
            yield block
            at, line = block.end, block.end_line

    def _walk(self, at: int, data: bytes, *, last: bool) -> _RecordStarts:
        """Find the records that are whole in ``data``, of which byte 0 is a record's start at byte ``at``."""
        record_starts = _RecordStarts(BlockIndex(data, self.grammar, last=last))
        here, lines, whole = 0, 1, True
        while here < len(data) and whole:
            next_offset, doubted = record_starts.add_stretch(here)
            if not doubted and (next_offset == len(data) or not last):
                break
            lines = (
                1 if next_offset > here else min(4 * lines, _MOST_LINES)
            )  # where all are in doubt, don't ask at each
            here, whole = self._read_lines(at, data, next_offset, lines, record_starts, last=last)
        return record_starts

    def _read_lines(
        self, at: int, data: bytes, here: int, lines: int, record_starts: _RecordStarts, *, last: bool
    ) -> tuple[int, bool]:
        """Read up to so many records with care; where they end, and False if ``data`` doesn't hold the next one whole.

        One match a line says what becomes of it: this is where hostile files spend their time.
        """
        match, follow = self.grammar.line.match, self._lookahead.follow
        add, size = record_starts.careful.extend, len(data)
        while lines and here < size:
            lines -= 1
            line: re.Match[bytes] = match(data, here)  # type: ignore[assignment]  # any bytes begin with a line
            stop = line.end()
            if stop == size and data[-1] != _LF and not last:
                return here, False
            kind = line.lastindex
            if kind is None:
                add((here, stop, Flaw.QUOTE_TEXT, 0))
            elif kind == _OPEN:
                end = line.end(_OPEN)
                ending, where = follow(at + here, at + end, data, at)
                if ending is Ending.TEXT or ending is Ending.OPEN:
                    add((here, stop, _FLAWS[ending], 0))
                else:
                    next_offset = _behind_line_end(data, where - at, last=last)
                    if ending is Ending.TOO_LONG or next_offset is None:
                        return here, False
                    stop = next_offset
                    self._add_sound(record_starts, here, stop, where - at, data)
            else:
                self._add_sound(record_starts, here, stop, line.end(1), data)
            here = stop
        return here, True

    def _add_sound(self, record_starts: _RecordStarts, start: int, stop: int, end: int, data: bytes) -> None:
        """Take a record that is well formed; ``end`` is where its line end begins."""
        cells, written = (0, None) if end == start else self.grammar.examine(data[start:end])
        record_starts.careful.extend((start, stop, Flaw.NONE, cells))
        if written is not None:
            record_starts.written[start] = written

    def _assemble(self, at: int, line: int, form: Form, data: bytes, record_starts: _RecordStarts) -> Block:
        line_ends = record_starts.survey.line_ends
        careful = np.frombuffer(record_starts.careful, np.int64).reshape(-1, 4)
        starts = np.concatenate((*record_starts.starts, careful[:, 0]))
        stops = np.concatenate((*record_starts.stops, careful[:, 1]))
        cells = np.concatenate((*record_starts.delimiters, careful[:, 3] - 1)) + 1
        flaws = np.zeros(len(starts), np.uint8)
        rewritten: dict[int, bytes] = {}
        if len(careful):
            flaws[len(starts) - len(careful) :] = careful[:, 2]
            order = np.argsort(starts)
            starts, stops, cells, flaws = starts[order], stops[order], cells[order], flaws[order]
            places = starts.searchsorted(np.fromiter(record_starts.written, np.int64, len(record_starts.written)))
            rewritten = dict(zip(places.tolist(), record_starts.written.values(), strict=True))
        end = int(stops[-1])
        bodies = _without_line_ends(data, starts, stops)
        cut = Cut(data=data, starts=starts, bodies=bodies, cells=cells, flaws=flaws, rewritten=rewritten)
        fit(cut, self.grammar, form)
        add_flaws(data[:end], starts, bodies, cells, flaws, form)
        doubt_quotes(cut, self.grammar)
        before_last = int(line_ends.searchsorted(starts[-1]))
        return Block(
            offset=at,
            end=at + end,
            line=line,
            end_line=line + int(line_ends.searchsorted(end)),
            data=data,
            starts=starts,
            bodies=bodies,
            stops=stops,
            lines=None if before_last == len(starts) - 1 else line_ends.searchsorted(starts),
            cells=cells,
            flaws=flaws,
            rewritten=rewritten,
        )

    def alone(self, at: int, line: int, form: Form | None = None) -> Block:
        """Return the one record at byte ``at``, however long, as a block; without a ``form`` it may have any."""
        flaw, end = self._ending_of(at)
        stop = self.file.behind_line_end(end)
        whole = end - at <= self.longest
        data = self.file.read(at, stop - at if whole else min(KEPT, end - at))
        body = end - at if whole else len(data)
        cells, written = (0, None) if flaw or not body else self.grammar.examine(data[:body])
        starts, bodies, stops, counts = (np.array([value]) for value in (0, body, len(data), cells))
        flaws = np.array([flaw], np.uint8)
        own = form or Form(columns=max(cells, 1), delimiter=self.grammar.delimiter)
        rewritten = {} if written is None else {0: written}
        cut = Cut(data=data, starts=starts, bodies=bodies, cells=counts, flaws=flaws, rewritten=rewritten)
        fit(cut, self.grammar, own)
        add_flaws(data, starts, bodies, counts, flaws, own)
        if form:
            doubt_quotes(cut, self.grammar)
        return Block(
            offset=at,
            end=stop,
            line=line,
            end_line=line + self.file.count_lines(at, stop),
            data=data,
            starts=starts,
            bodies=bodies,
            stops=stops,
            lines=None,
            cells=counts,
            flaws=flaws,
            rewritten=rewritten,
        )

    def _ending_of(self, at: int) -> tuple[Flaw, int]:
        """Return what the record at byte ``at`` suffers from, and where it (or what is rejected of it) ends."""
        grammar = self.grammar
        first = self.file.line(at, self.longest)
        head = first[: self.longest]
        if len(first) > self.longest and grammar.record.fullmatch(head):
            return Flaw.TOO_LONG, self.file.next_line_end(at + self.longest)
        if grammar.record.fullmatch(head):
            return Flaw.NONE, at + len(first)
        if not grammar.open.fullmatch(head):
            return Flaw.QUOTE_TEXT, self.file.next_line_end(at + len(first))
        if len(first) > self.longest:
            return Flaw.QUOTE_OPEN, self.file.next_line_end(at + len(first))
        ending, end = self._lookahead.follow(at, at + len(first))
        if ending is Ending.WELL:
            return Flaw.NONE, end
        if ending is Ending.TOO_LONG:
            return Flaw.TOO_LONG, self.file.next_line_end(at + self.longest)
        return _FLAWS[ending], at + len(first)


def _behind_line_end(data: bytes, end: int, *, last: bool) -> int | None:
    """Return the byte after the line end at ``end``; None if that can't be seen, ``end`` where the file ends."""
    if end + 1 >= len(data) and not last and data[end : end + 1] != b"\n":
        return None
    return end + len(_LINE_ENDING.match(data, end).group())  # type: ignore[union-attr]


def _without_line_ends(data: bytes, starts: Positions, stops: Positions) -> Positions:
    bytes_ = np.frombuffer(data, np.uint8)
    last = bytes_[stops - 1]
    ended_by_lf = last == _LF
    bodies: Positions = stops - (ended_by_lf | (last == _CR))
    if b"\r" in data:
        before = bytes_[np.maximum(stops - 2, 0)]
        bodies -= ended_by_lf & (before == _CR) & (bodies > starts)
    return bodies
