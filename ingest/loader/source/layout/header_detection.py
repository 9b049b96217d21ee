"""Decide whether the first record of a table, or a comment above it, is its header (file-rules#header)."""

import re
from collections.abc import Collection, Sequence
from functools import cache
from itertools import pairwise

from ingest.loader.source.layout.grammar import COLUMNS, Grammar
from ingest.loader.source.layout.sample import Sample
from ingest.loader.types.types import SPACES, Type, classify, join, join_all

_BLANK = SPACES.encode()
_YEAR = re.compile("(?:19|20)[0-9]{2}")
_JUDGED, _CELLS = 200, 10_000
"""Records, and cells in all, by which the columns are judged that tell a header: 10,000 cells take 30 ms."""


def detect_header(
    records: Sequence[Sequence[bytes]], known: Collection[str] = (), null_tokens: Collection[str] = ()
) -> bool | None:
    """Return whether the first record is a header; None if unclear. ``known``: the headers of the dataset.

    It is none only if a column below isn't text, the first cell of each such column has its type, and no cell of the
    first record is empty (file-rules#header). Nor are years over other values a record, or numbers that count up by
    one. It certainly is one where a cell is of another kind than all values below it.
    """
    first = records[0] if records else ()
    return _tell([_text(cell) for cell in first], _Below(records[1:], len(first), null_tokens), known)


class _Below:
    """The columns below what may be a header, each judged once, however many lines may be it."""

    def __init__(self, records: Sequence[Sequence[bytes]], width: int, null_tokens: Collection[str]) -> None:
        most = min(_JUDGED, 1 + _CELLS // max(width, 1))
        # More columns than a table holds are refused for that: there is nothing to be told of them.
        self.records = [record for record in records if len(record) == width][:most] if width <= COLUMNS else []
        self._null_tokens = null_tokens
        self.kind = cache(self._kind)
        self.form = cache(self._form)
        self.are_years = cache(self._are_years)

    def _kind(self, column: int) -> Type | None:
        """Return the type of a column; None if it has no value."""
        values = (_text(record[column]) for record in self.records)
        return join_all(classify(value) for value in values if value and value not in self._null_tokens)

    def _form(self, column: int) -> tuple[bool, bool, bool, bool] | None:
        """Return the form that all values of a column have; None if it has none, or several."""
        forms = {_form(value) for record in self.records if (value := _text(record[column]))}
        return forms.pop() if len(forms) == 1 else None

    def has_value(self, column: int) -> bool:
        """Return whether a cell of a column isn't blank."""
        return any(_text(record[column]) for record in self.records)

    def _are_years(self, column: int) -> bool:
        return all(_YEAR.fullmatch(_text(record[column])) for record in self.records)


def _tell(first: Sequence[str], below: _Below, known: Collection[str]) -> bool | None:
    """Return what ``detect_header`` says of these cells over the records ``below``."""
    if not below.records:
        return None
    if set(first) <= set(known):
        return True
    own = [classify(cell) for cell in first]
    typed = []
    for column in sorted(range(len(first)), key=lambda column: own[column] is not Type.TEXT):
        kind = below.kind(column) if first[column] else None
        if kind is None or kind is Type.TEXT:
            continue
        if join(own[column], kind) is Type.TEXT:
            return True
        typed.append(column)
    if any(not cell and below.has_value(place) for place, cell in enumerate(first)):
        return None
    if typed:
        return _count_up([first[column] for column in sorted(typed)]) or _head_years(first, below, typed)
    return _differs_in_form(first, below) or None


def _differs_in_form(first: Sequence[str], below: _Below) -> bool:
    """Return whether the values of a column have one form, and its first cell another: ``city`` over ``Oslo``."""
    if len(below.records) < 2:
        return False
    return any((form := below.form(column)) and _form(cell) != form for column, cell in enumerate(first))


def _form(value: str) -> tuple[bool, bool, bool, bool]:
    """Return what names of columns and values differ in."""
    return value[0].isupper(), value[0].isalpha(), any(map(str.isdecimal, value)), "@" in value


def commented_header(
    lines: Sequence[bytes], sampled: Sample, known: Collection[str] = (), null_tokens: Collection[str] = ()
) -> int | None:
    """Return which of the comment ``lines`` before the records is their header, ``#id,name``; None if none is.

    It has a name for each column, all different. Where several could be it, one that the dataset knows is, else the one
    that is least a sentence, and of these the first: what follows are units. Where the first record may be a header as
    well, a comment has to look like one.
    """
    width, known = sampled.width, set(known)
    is_header = detect_header(sampled.records, known, null_tokens)
    if width < 2 or is_header:
        return None
    below = _Below(sampled.records, width, null_tokens)
    best: tuple[bool, int, int] | None = None
    for number, line in enumerate(lines):
        cells = uncommented(line, sampled.grammar)
        names = [_text(cell) for cell in cells]
        if len(names) != width or not all(names) or len({*names}) < len(names):
            continue
        if _tell(names, below, known) is False:  # a record that was commented out
            continue
        sentence = sum(any(mark in name for mark in (" ", ":", "=")) for name in names)
        marked = line.lstrip(_BLANK).removeprefix(b"#")[:1].isalpha()
        is_known = {*names} <= known
        if is_header is False or is_known or marked or not sentence:
            rank = (not is_known, sentence, number)
            best = min(best or rank, rank)
    return best[-1] if best else None


def uncommented(line: bytes, grammar: Grammar) -> list[bytes]:
    """Return the cells of a comment line, without its mark; none if it is no comment, or malformed."""
    line = line.strip(b"\r\n")
    text = line.lstrip(_BLANK)
    if not text.startswith(b"#"):
        return []
    text = text.lstrip(b"#").lstrip(b" ")
    return grammar.cells(text) if grammar.record.fullmatch(text) else []


def is_year(cell: bytes) -> bool:
    """Return whether it is a year, which can be a column's name as well as its value."""
    return bool(_YEAR.fullmatch(_text(cell)))


def _head_years(first: Sequence[str], below: _Below, typed: Sequence[int]) -> bool:
    """Return whether the typed cells of the first record, beside a word, are years and the values below them are not.

    Numbers alone tell nothing (file-rules#header).
    """
    if len(typed) == len(first) or not all(_YEAR.fullmatch(first[column]) for column in typed):
        return False
    return not all(below.are_years(column) for column in typed)


def _count_up(cells: Sequence[str]) -> bool:
    """Return whether they are whole numbers, each one more than that before: years or weeks, which head columns."""
    if len(cells) < 3 or not all(cell.isdecimal() and len(cell) < 6 for cell in cells):
        return False
    return all(int(after) - int(before) == 1 for before, after in pairwise(cells))


def _text(cell: bytes) -> str:
    return cell.decode("utf-8", "replace").strip(SPACES)
