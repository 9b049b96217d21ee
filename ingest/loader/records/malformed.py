"""The ways in which a record can be malformed, and the reject for each (file-rules#rejects)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ingest.loader.outcome.rejects import Code, Reject
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


_CODES: dict[int, Code] = {
    Flaw.MISSING.value: Code.MISSING_COLUMNS,
    Flaw.EXTRA.value: Code.EXTRA_COLUMNS,
    Flaw.QUOTE_TEXT.value: Code.BAD_QUOTE,
    Flaw.QUOTE_OPEN.value: Code.BAD_QUOTE,
    Flaw.QUOTE_WITHIN.value: Code.BAD_QUOTE,
    Flaw.ENCODING.value: Code.BAD_ENCODING,
    Flaw.NUL.value: Code.NUL_BYTE,
    Flaw.TOO_LONG.value: Code.TOO_LONG,
}


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
        reason = _reason_of_encoding(raw, encoding)
    elif flaw == Flaw.TOO_LONG:
        reason = f"the record is longer than {longest:,} bytes, the longest allowed; its first {len(raw):,} are kept"
    else:
        reason = _reason(flaw, cells, columns, longest)
    return Reject(line=line, code=_CODES[flaw], reason=reason, raw=raw)


@lru_cache(maxsize=256)
def _reason(flaw: int, cells: int, columns: int, longest: int) -> str:
    if flaw == Flaw.QUOTE_TEXT:
        return "a closing quote is followed by text"
    if flaw == Flaw.QUOTE_OPEN:
        return f"a quote is not closed before the file ends, or within {longest:,} bytes, the longest record allowed"
    if flaw == Flaw.QUOTE_WITHIN:
        return "a quoted cell begins within the text of another one: the delimiter before its opening quote is missing"
    if flaw == Flaw.NUL:
        return "the record contains a NUL byte, which PostgreSQL can't store in text"
    return f"the record has {cells:,} {'cell' if cells == 1 else 'cells'}, the header {columns:,}"


def _reason_of_encoding(raw: bytes, encoding: str) -> str:
    if other := other_of(encoding):
        return f"the record contains bytes that are neither UTF-8 nor {other}, or words in both"
    if encoding != UTF_8:
        return f"the record contains bytes that are not valid in {encoding}"
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start + 1:,} of the record, 0x{raw[error.start]:02X}, is not UTF-8"
    raise AssertionError("a record of UTF-8 is not rejected for its encoding")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
