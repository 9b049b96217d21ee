"""What can be wrong with the form of a record, and how it is told to the operator (BEHAVIOUR 7)."""

from enum import IntEnum
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ingest.loader.encoding import UTF_8
from ingest.loader.rejects import Code, Reject

Positions = npt.NDArray[np.int64]


class Flaw(IntEnum):
    """What is wrong with a record, as a small number; where several things are, the first of them here counts."""

    NONE = 0
    BLANK = 1
    MISSING = 2
    EXTRA = 3
    QUOTE_TEXT = 4
    QUOTE_OPEN = 5
    ENCODING = 6
    NUL = 7
    TOO_LONG = 8


_CODES: dict[int, Code] = {
    Flaw.MISSING.value: Code.MISSING_COLUMNS,
    Flaw.EXTRA.value: Code.EXTRA_COLUMNS,
    Flaw.QUOTE_TEXT.value: Code.BAD_QUOTE,
    Flaw.QUOTE_OPEN.value: Code.BAD_QUOTE,
    Flaw.ENCODING.value: Code.BAD_ENCODING,
    Flaw.NUL.value: Code.NUL_BYTE,
    Flaw.TOO_LONG.value: Code.TOO_LONG,
}


def add_flaws(
    data: bytes, starts: Positions, bodies: Positions, cells: Positions, flaws: npt.NDArray[np.uint8], columns: int
) -> None:
    """Add to ``flaws`` what is wrong with the records that are sound so far; positions are bytes of ``data``."""
    sound = flaws == Flaw.NONE
    flaws[sound & (cells < columns)] = Flaw.MISSING
    flaws[sound & (cells > columns)] = Flaw.EXTRA
    flaws[sound & (bodies == starts)] = Flaw.BLANK
    broken, has_nul = not data.isascii() and not _is_utf8(data), b"\0" in data
    if not broken and not has_nul:
        return
    for record in np.flatnonzero(flaws == Flaw.NONE).tolist():
        raw = data[starts[record] : bodies[record]]
        if broken and not raw.isascii() and not _is_utf8(raw):
            flaws[record] = Flaw.ENCODING
        elif has_nul and b"\0" in raw:
            flaws[record] = Flaw.NUL


def rejected(
    flaw: int, raw: bytes, *, line: int, cells: int, columns: int, longest: int, encoding: str = UTF_8
) -> Reject:
    """The reject of one malformed record: ``cells`` it has, ``columns`` the header, ``longest`` bytes are allowed.

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
    if flaw == Flaw.NUL:
        return "the record holds a NUL byte, which no text in PostgreSQL can hold"
    return f"the record has {cells:,} {'cell' if cells == 1 else 'cells'}, the header {columns:,}"


def _reason_of_encoding(raw: bytes, encoding: str) -> str:
    if encoding != UTF_8:
        return f"the record holds bytes that are no text in {encoding}"
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
