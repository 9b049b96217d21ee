"""Find where the records of a block of bytes end, with numpy for all of them at once."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.loader.source.layout.grammar import BOM, Grammar

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_LF, _CR = 10, 13
_AT_RISK = re.compile(BOM + rb"|\\\.(?:[\r\n]|\Z)")


@dataclass(frozen=True, kw_only=True, slots=True)
class QuoteParity:
    """A block as it reads if the quotes before it are even in number, or if they are odd."""

    stops: Positions
    """Where each record stops, its line end included."""
    delimiters: Positions
    """The delimiters outside quotes in each record."""
    doubts: Positions
    """Ascending bytes at which a record doesn't look canonical: up to there the reading holds."""


class BlockIndex:
    """The structure of one block that begins where a record begins.

    A quote changes between inside and outside. That is true as long as every quote stands where a quote may stand;
    at the first that doesn't (a doubt) one record has to be read with care, and the rest of the block then reads as
    before or as if the quotes were turned round. Both readings are kept, so that a doubt costs no second survey.
    """

    def __init__(self, block: bytes, grammar: Grammar, *, last: bool) -> None:
        """``last``: the file ends with this block."""
        self._size = len(block)
        self._last = last
        bytes_ = np.frombuffer(block, np.uint8)
        delimiter = grammar.delimiter[0]
        mask = (bytes_ == delimiter) | (bytes_ == _LF)
        turning = grammar.is_canonical and b'"' in block
        if turning:
            mask |= bytes_ == ord('"')
        if has_cr := b"\r" in block:
            mask |= bytes_ == _CR
        self._at = np.flatnonzero(mask)
        self._kind = bytes_[self._at]
        self._is_delimiter = self._kind == delimiter
        self._is_line_end = self._line_ends(bytes_) if has_cr else self._kind == _LF
        self._quotes_before: npt.NDArray[np.int32] | None = None
        if turning:
            self._quotes_before = np.cumsum(self._kind == ord('"'), dtype=np.int32)
        self.line_ends: Positions = self._at[self._is_line_end]
        self._misplaced = self._misplaced_quotes(bytes_, delimiter) if turning else None
        self._suspects = _suspects(block, bytes_, self.line_ends, grammar)
        self._readings: list[QuoteParity | None] = [None, None]

    def reading_from(self, start: int) -> QuoteParity:
        """Return how the block reads if a record starts at byte ``start``."""
        odd = 0
        if self._quotes_before is not None and start:
            behind = int(np.searchsorted(self._at, start))
            odd = int(self._quotes_before[behind - 1]) & 1 if behind else 0
        reading = self._readings[odd]
        if reading is None:
            reading = self._readings[odd] = self._read(odd)
        return reading

    def _read(self, odd: int) -> QuoteParity:
        ends, counted = self._is_line_end, self._is_delimiter
        open_at_the_end = False
        if self._quotes_before is not None:
            outside = (self._quotes_before & 1) == odd
            ends, counted = ends & outside, counted & outside
            open_at_the_end = bool(len(outside)) and not outside[-1]
        indexes = np.flatnonzero(ends)
        stops = self._at[indexes] + 1
        until = np.cumsum(counted, dtype=np.int32)[indexes]
        if self._last and not open_at_the_end and (not len(stops) or stops[-1] != self._size):
            stops = np.append(stops, self._size)
            until = np.append(until, np.count_nonzero(counted))
        return QuoteParity(stops=stops, delimiters=np.diff(until, prepend=0), doubts=self._doubts(odd))

    def _doubts(self, odd: int) -> Positions:
        if self._misplaced is None:
            return self._suspects
        at, bad_opening, bad_closing = self._misplaced
        opening = (np.arange(len(at)) & 1) == odd
        doubts = at[np.where(opening, bad_opening, bad_closing)]
        return np.sort(np.concatenate((doubts, self._suspects))) if len(self._suspects) else doubts

    def _line_ends(self, bytes_: npt.NDArray[np.uint8]) -> Mask:
        """LF, and CR unless LF follows; at the end of a block that isn't the last, a CR is left for the next."""
        next_offsets = self._at + 1
        follows = bytes_[np.minimum(next_offsets, self._size - 1)]
        alone = (self._kind == _CR) & np.where(next_offsets < self._size, follows != _LF, self._last)
        line_ends: Mask = (self._kind == _LF) | alone
        return line_ends

    def _misplaced_quotes(self, bytes_: npt.NDArray[np.uint8], delimiter: int) -> tuple[Positions, Mask, Mask]:
        """Return every quote, and whether it couldn't open and couldn't close a cell where it stands."""
        allowed = np.zeros(256, np.bool_)
        allowed[[delimiter, _LF, _CR, ord('"')]] = True
        at = self._at[self._kind == ord('"')]
        opens = allowed[bytes_[np.maximum(at - 1, 0)]] | (at == 0)
        closes = allowed[bytes_[np.minimum(at + 1, self._size - 1)]] | (at == self._size - 1)
        return at, ~opens, ~closes


def _suspects(block: bytes, bytes_: npt.NDArray[np.uint8], line_ends: Positions, grammar: Grammar) -> Positions:
    """Bytes that have to be looked at whatever the quotes are: see ``Grammar.examine``."""
    positions: list[Positions] = []
    if not grammar.is_canonical:
        for special in {*grammar.quote, *grammar.escape, ord('"')}:
            if special in block:
                positions.append(np.flatnonzero(bytes_ == special))
    if grammar.spaced:
        positions.append(np.concatenate(((0,), line_ends[line_ends + 1 < len(block)] + 1)))
    if BOM[0] in block or ord("\\") in block:
        lines = np.concatenate(((0,), line_ends + 1))
        first = bytes_[np.minimum(lines, len(block) - 1)]
        lines = lines[(first == BOM[0]) | (first == ord("\\"))]
        at_risk = [line for line in lines.tolist() if _AT_RISK.match(block, line)]
        positions.append(np.array(at_risk, np.int64))
    return np.sort(np.concatenate(positions)) if positions else np.zeros(0, np.int64)
