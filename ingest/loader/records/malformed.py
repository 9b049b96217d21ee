"""The ways in which a record can be malformed, and the reject for each (file-rules#rejects)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ingest.loader.outcome.reject_codes import Cause
from ingest.loader.outcome.rejects import Reject
from ingest.loader.source.encoding.mixed_lines import other_of
from ingest.loader.source.encoding.transcode import UTF_8
from ingest.loader.source.layout.grammar import BOM

Positions = npt.NDArray[np.int64]


class Flaw(IntEnum):
    """What is wrong with a record, as a small number; where several things are, the first of them here counts."""

    NONE = 0
    BLANK = 1
    HEADER = 2
    """No flaw: the header once more, as joined files have it."""
    MISSING = 3
    EXTRA = 4
    QUOTE_TEXT = 5
    QUOTE_OPEN = 6
    QUOTE_WITHIN = 7
    ENCODING = 8
    NUL = 9
    TOO_LONG = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """What a sound record of a file looks like."""

    columns: int
    delimiter: bytes
    trailing: int = 0
    """Blank cells that it may have after its columns."""
    header: tuple[bytes, ...] = ()
    """The header's cells, which a record may repeat; none where it has one cell, or there is no header."""
    cells: Callable[[bytes], list[bytes]] = bytes.split
    """The cells of a record."""


_CAUSES: dict[int, Cause] = {
    Flaw.MISSING.value: Cause.TOO_FEW_CELLS,
    Flaw.EXTRA.value: Cause.TOO_MANY_CELLS,
    Flaw.QUOTE_TEXT.value: Cause.TEXT_AFTER_QUOTE,
    Flaw.QUOTE_OPEN.value: Cause.UNCLOSED_QUOTE,
    Flaw.QUOTE_WITHIN.value: Cause.QUOTE_WITHIN_TEXT,
    Flaw.NUL.value: Cause.NUL_BYTE,
    Flaw.TOO_LONG.value: Cause.LONG_RECORD,
}
"""The causes, but for the encoding: what is wrong with the bytes decides on that one."""


def add_flaws(
    data: bytes,
    starts: Positions,
    bodies: Positions,
    cells: Positions,
    flaws: npt.NDArray[np.uint8],
    form: Form,
) -> None:
    """Add to ``flaws`` what is wrong with the records that are sound so far; positions are bytes of ``data``."""
    sound = flaws == Flaw.NONE
    flaws[sound & (cells < form.columns)] = Flaw.MISSING
    flaws[sound & (cells > form.columns)] = Flaw.EXTRA
    flaws[sound & (bodies == starts)] = Flaw.BLANK
    _add_blank_rows(data, starts, bodies, flaws, sound, form)
    if form.header:
        _add_repeated_headers(data, starts, bodies, flaws, sound, form)
    broken, has_nul = not data.isascii() and not _is_utf8(data), b"\0" in data
    if not broken and not has_nul:
        return
    for record in np.flatnonzero(flaws == Flaw.NONE).tolist():
        raw = data[starts[record] : bodies[record]]
        if broken and not raw.isascii() and not _is_utf8(raw):
            flaws[record] = Flaw.ENCODING
        elif has_nul and b"\0" in raw:
            flaws[record] = Flaw.NUL


def _add_blank_rows(
    data: bytes,
    starts: Positions,
    bodies: Positions,
    flaws: npt.NDArray[np.uint8],
    sound: npt.NDArray[np.bool_],
    form: Form,
) -> None:
    """Mark rows of blank cells, ``,,,``, as blank lines; only rows that begin and end like one are examined."""
    blank = b" \t" + form.delimiter
    if not len(data) or (form.columns == 1 and form.delimiter not in data):
        return
    is_blank = np.zeros(256, np.bool_)
    is_blank[list(blank)] = True
    bytes_ = np.frombuffer(data, np.uint8)
    last = len(data) - 1
    likely = sound & (bodies > starts) & is_blank[bytes_[np.minimum(starts, last)]]
    likely &= is_blank[bytes_[np.maximum(bodies - 1, 0)]]
    for record in np.flatnonzero(likely).tolist():
        raw = data[starts[record] : bodies[record]]
        if not raw.translate(None, blank) and (form.columns > 1 or form.delimiter in raw):
            flaws[record] = Flaw.BLANK


def _add_repeated_headers(
    data: bytes,
    starts: Positions,
    bodies: Positions,
    flaws: npt.NDArray[np.uint8],
    sound: npt.NDArray[np.bool_],
    form: Form,
) -> None:
    """Mark records equal to the header, quoted or not, perhaps after a byte order mark, as repeated headers."""
    if not len(data):
        return
    bytes_ = np.frombuffer(data, np.uint8)
    first, second = (bytes_[np.minimum(starts + place, len(data) - 1)] for place in (0, 1))
    mark = form.header[0][:1] or form.delimiter
    may_open = np.zeros(256, np.bool_)
    may_open[list(b"\"' " + BOM[:1])] = True
    least = sum(len(cell) for cell in form.header) + len(form.header) - 1
    sizes = bodies - starts
    likely = sound & (sizes >= least) & (sizes <= 2 * least + 3 * len(form.header) + 8)
    likely &= (first == mark[0]) | (may_open[first] & ((second == mark[0]) | may_open[second] | (first == BOM[0])))
    for record in np.flatnonzero(likely).tolist():
        raw = data[starts[record] : bodies[record]].removeprefix(BOM)
        if tuple(form.cells(raw)) == form.header:
            flaws[record] = Flaw.HEADER


def rejected(
    flaw: int, raw: bytes, *, line: int, cells: int, columns: int, longest: int, encoding: str = UTF_8
) -> Reject:
    """Return the reject of a malformed record with ``cells`` cells; the header has ``columns``.

    ``encoding`` is what the file came in, before it was written in UTF-8.
    """
    if flaw == Flaw.ENCODING:
        cause, reason = _cause_of_encoding(raw, encoding)
    elif flaw == Flaw.TOO_LONG:
        cause = _CAUSES[flaw]
        reason = cause.sentence(longest=longest, kept=len(raw))
    else:
        cause = _CAUSES[flaw]
        reason = _reason(cause, cells, columns, longest)
    return Reject(line=line, code=cause.code, reason=reason, raw=raw)


@lru_cache(maxsize=256)  # a file may have millions of rejects with few sentences
def _reason(cause: Cause, cells: int, columns: int, longest: int) -> str:
    counted = f"{cells:,} {'cell' if cells == 1 else 'cells'}"
    return cause.sentence(cells=counted, columns=columns, longest=longest)


def _cause_of_encoding(raw: bytes, encoding: str) -> tuple[Cause, str]:
    if other := other_of(encoding):
        return Cause.MIXED_ENCODINGS, Cause.MIXED_ENCODINGS.sentence(encoding=other)
    if encoding != UTF_8:
        return Cause.NOT_IN_ENCODING, Cause.NOT_IN_ENCODING.sentence(encoding=encoding)
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return Cause.NOT_UTF_8, Cause.NOT_UTF_8.sentence(place=error.start + 1, byte=raw[error.start])
    raise AssertionError("a record of UTF-8 is not rejected for its encoding")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
