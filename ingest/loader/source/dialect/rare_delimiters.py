"""Files of one column whose lines may have several cells, with a delimiter between them that few files use."""

import re
from collections.abc import Sequence

from ingest.loader.source.layout.cell_shapes import TYPED, columns, shape
from ingest.loader.source.layout.grammar import grammar_of
from ingest.loader.source.layout.sample import sample

DOUBT = "The file has one column, or {mark} as its delimiter: the first line and those below have it alike."
_MARKS = "~^:"
_MOST = 0.9
_ONE_VALUE = re.compile(rb"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2})+")
"""A hardware address, a fingerprint or a time code."""


def rare_delimiter(text: bytes, *, whole: bool) -> tuple[str, bool] | None:
    """Return the delimiter that ``text``, of one column by any usual one, may have, and whether a header shows it.

    The first line has it, and nearly all lines have as many cells as that. Lines that are one value as a whole, such
    as times and addresses of the web, or that have a space after the mark, as sentences do, are left one column.
    """
    for mark in _MARKS:
        if mark.encode() not in text:
            continue
        plain = sample(text, grammar_of(mark, '"', '"'), whole=whole)
        width, lines = plain.width, [plain.raw(number) for number in range(len(plain.records))]
        alike = sum(len(record) == width for record in plain.records)
        if width < 2 or len(plain.records[0]) != width or len(lines) < 2 or alike < _MOST * len(lines):
            continue
        if not (_are_values(lines) or (mark == ":" and _is_prose(plain.records))):
            return mark, _are_names(plain.records[0])
    return None


def _are_values(lines: Sequence[bytes]) -> bool:
    """Whether the lines below the first are values of one column."""
    if columns([(line,) for line in lines[1:]], 1)[0].type:
        return True
    return all(_ONE_VALUE.fullmatch(line.strip()) for line in lines[1:])


def _is_prose(records: Sequence[Sequence[bytes]]) -> bool:
    return any(cell.startswith(b" ") for cell in records[0][1:])


def _are_names(cells: Sequence[bytes]) -> bool:
    names = {cell.strip().lower() for cell in cells}
    return len(names) == len(cells) and b"" not in names and not any(shape(cell) in TYPED for cell in cells)
