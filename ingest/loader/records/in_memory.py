"""Read the records at the beginning of a file, or all of a small one, in memory and without DuckDB."""

import re
from collections.abc import Sequence
from functools import cache

from ingest.loader.records.split import Certified

Cells = tuple[str | None, ...]

SIZE = 8 << 20
"""Bytes that are read at most."""


def read_first(certified: Certified, most: int, *, size: int = SIZE) -> list[Cells]:
    """Return up to ``most`` first records of the certified bytes, as many as fit whole into ``size`` bytes.

    A quoted cell is a text, an unquoted empty one NULL. What isn't as a certified file must be ends the list.
    """
    with certified.path.open("rb") as file:
        file.seek(certified.offset)
        data = file.read(size + 1)
    whole = len(data) <= size
    # Of a character that is cut at the end nothing is read: its record isn't whole.
    text = data.decode(errors="strict" if whole else "ignore")
    return _records(text, _cell(certified.dialect.delimiter), len(certified.header), most, whole=whole)


def _records(text: str, cell: re.Pattern[str], width: int, most: int, *, whole: bool) -> list[Cells]:
    records: list[Cells] = []
    cells: list[str | None] = []
    end_offset = 0
    for match in cell.finditer(text):
        start, end_offset = match.start(), match.end()
        quote, inside, bare, end = match.groups()
        if start == len(text) and not cells:
            break
        if not end and not (whole and end_offset == len(text)):  # more of this cell, or something that no one certified
            break
        cells.append(inside.replace('""', '"') if quote else bare or None)
        if end in _LINE_ENDS:
            if len(cells) != width:
                break
            records.append(tuple(cells))
            cells = []
            if len(records) == most:
                break
    return records


_LINE_ENDS = ("\n", "\r\n", "\r", "")


@cache
def _cell(delimiter: str) -> re.Pattern[str]:
    """Match a cell and what follows it: quote, content in quotes, content without, delimiter or line end."""
    d = re.escape(delimiter)
    return re.compile(rf'(?:(")((?:[^"]++|"")*+)"|([^{d}"\r\n]*+))({d}|\r\n|\n|\r|)')


def columns_of(records: Sequence[Cells], width: int) -> list[tuple[str | None, ...]]:
    """Transpose the cells into columns."""
    return list(zip(*records, strict=True)) or [()] * width
