"""The delimiter, the quotes, the preamble and the header of a file, found from its first records (BEHAVIOUR 3)."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from ingest.loader.cells import COLUMNS, Grammar, grammar_of
from ingest.loader.types import SPACES, Type, classify, join, join_all

DELIMITERS = ",;\t|"
_RECORDS, _MALFORMED = 500, 50
"""Records that are looked at, and malformed ones after which a reading is given up: each may cost the whole head."""
_YEAR = re.compile("(?:19|20)[0-9]{2}")
_JUDGED, _CELLS = 200, 10_000
"""Records, and cells in all, by which the columns are judged that tell a header: 10,000 cells take 30 ms."""
_TITLES, _AGREEING = 20, 0.9
"""So many lines of one cell can stand before a table; and so many of the records behind them have to agree."""
_LINE = re.compile(rb"([^\r\n]*+)(\r\n|\r|\n|\Z)")
_BLANK_LINES = re.compile(rb"[\r\n]++")
_BLANK = SPACES.encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """The first records of a file as one grammar reads them, blank lines left out."""

    grammar: Grammar
    records: tuple[tuple[bytes, ...], ...]
    """The cells of each; none where a line is malformed."""
    starts: tuple[int, ...]
    """The byte at which each starts."""
    behind_blanks: frozenset[int] = frozenset()
    """The records with a blank line before them."""

    @property
    def width(self) -> int:
        """The number of cells that most records have."""
        return Counter(len(record) for record in self.records).most_common(1)[0][0] if self.records else 0

    @property
    def header_width(self) -> int:
        """The number of cells of the first record."""
        return len(self.records[0]) if self.records else 0

    @property
    def consistency(self) -> float:
        """How far the records agree on a number of cells, 0 to 1: many cells count for more, the first record most."""
        width = self.width
        if width < 2:
            return 0
        agreeing = sum(len(record) == width for record in self.records) / len(self.records)
        return agreeing * (1 - 1 / width) * (1 if self.header_width == width else 0.5)

    @property
    def titles(self) -> int:
        """How many records stand as titles, of one cell each, before a table that begins with a header.

        A line of one cell may be the header itself, of a column whose values hold delimiters, or one that names too
        few columns. It is a title where a header can be told beneath it, where a blank line stands between, or where
        it has several words and nothing speaks against a header beneath.
        """
        width = self.width
        titles = next((n for n, record in enumerate(self.records) if len(record) == width), 0)
        table = self.records[titles:]
        if width < 2 or titles > _TITLES or any(len(record) != 1 for record in self.records[:titles]):
            return 0
        agreeing = sum(len(record) == width for record in table) >= max(2, _AGREEING * len(table))
        if not titles or not agreeing:
            return 0
        told = tell_header(table)
        if told is None:
            worded = any(len(record[0].split()) > 1 for record in self.records[:titles])
            told = titles in self.behind_blanks or (worded and not _recurs(table))
        return titles if told else 0


def sample(text: bytes, grammar: Grammar, *, whole: bool) -> Sample:
    """The first records of ``text``; the last one is left out unless ``text`` is the ``whole`` file."""
    records: list[tuple[bytes, ...]] = []
    starts: list[int] = []
    blanks: set[int] = set()
    at = malformed = 0
    while at < len(text) and len(records) < _RECORDS and malformed < _MALFORMED:
        found = grammar.record.match(text, at)
        end = found.end() if found else at
        if end < len(text) and text[end] not in b"\r\n":
            end = _line_end(text, at)
            malformed += 1
            records.append(())
            starts.append(at)
        elif end > at:
            records.append(tuple(grammar.cells(text[at:end])))
            starts.append(at)
        else:
            blanks.add(len(records))
            end = _BLANK_LINES.match(text, at).end() - 1  # type: ignore[union-attr]  # one line end is here
        at = _behind_line(text, end)
    if not whole and at >= len(text) and len(records) > 1:
        records.pop()
        starts.pop()
    return Sample(grammar=grammar, records=tuple(records), starts=tuple(starts), behind_blanks=frozenset(blanks))


def best_sample(text: bytes, delimiters: str, quotes: Sequence[tuple[str, str]], *, whole: bool) -> Sample:
    """The reading of ``text`` that makes the most of it: one of ``delimiters``, one of ``quotes`` and their escapes.

    The first ones are taken where others are no better.
    """
    best: Sample | None = None
    for quote, escape in quotes:
        grammars = [grammar_of(one, quote, escape) for one in delimiters]
        used = [one for one in grammars if one.delimiter in text] or grammars[:1]
        samples = [sample(text, one, whole=whole) for one in used]
        found = max(samples, key=lambda one: (one.consistency, one.header_width))
        if found.width < 2 and found.header_width < 2:  # one column: best with a delimiter that no value of it holds
            samples = [sample(text, one, whole=whole) for one in grammars]
            found = next((one for one in samples if all(len(record) == 1 for record in one.records)), samples[0])
        if best is None or found.consistency > best.consistency or _quoted_throughout(best, found):
            best = found
    if best is None:
        raise ValueError("there is no way of quoting to be tried")
    return best


def possible_quotes(text: bytes) -> list[tuple[str, str]]:
    """The quotes, and the escapes within them, that ``text`` gives reason to think of, the usual ones first."""
    found = [('"', '"')]
    if b'\\"' in text:
        found.append(('"', "\\"))
    if b"'" in text and b'"' not in text:
        found.append(("'", "'"))
        if b"\\'" in text:
            found.append(("'", "\\"))
    return found


def _quoted_throughout(plain: Sample, quoted: Sample) -> bool:
    """Whether a column of ``plain`` has a value in other quotes in each of its records, as ``quoted`` reads them."""
    quote = quoted.grammar.quote
    if quote == plain.grammar.quote or quoted.grammar.delimiter != plain.grammar.delimiter or () in quoted.records:
        return False
    below = [record for record in plain.records[1:] if len(record) == plain.width]
    return len(below) > 1 and any(
        all(len(cell) > 1 and cell.startswith(quote) and cell.endswith(quote) for cell in column)
        for column in zip(*below, strict=True)
    )


def count_preamble(text: bytes) -> tuple[int, str]:
    """How many lines, blank or comments, stand before the header, and the delimiter that one of them names.

    A comment begins with ``#``. Excel's ``sep=;`` is a line of its own before the header.
    """
    lines, at, delimiter = 0, 0, ""
    while at < len(text):
        line = text[at : _line_end(text, at)].strip(_BLANK)
        if line[:4].lower() == b"sep=" and len(line) <= 5 and not delimiter:
            delimiter = line[4:5].decode("ascii", "ignore") or "\t"
        elif line and not line.startswith(b"#"):
            return lines, delimiter
        lines, at = lines + 1, _behind_line(text, at)
    return 0, ""


def skip_lines(text: bytes, lines: int) -> bytes:
    """``text`` without its first lines."""
    at = 0
    while lines > 0 and at < len(text):
        at, lines = _behind_line(text, at), lines - 1
    return text[at:]


def first_lines(text: bytes, lines: int) -> list[bytes]:
    """The first lines of ``text``, with their ends."""
    found, at = [], 0
    for _ in range(lines):
        behind = _behind_line(text, at)
        found.append(text[at:behind])
        at = behind
    return found


def count_lines(text: bytes) -> int:
    """How many lines end in ``text``."""
    return len(re.findall(rb"\r\n|\r|\n", text))


def begins_with_header(
    records: Sequence[Sequence[bytes]], known: Collection[str] = (), null_tokens: Collection[str] = ()
) -> bool:
    """Whether the first record is a header: unless it is told that it is none (BEHAVIOUR 3)."""
    return tell_header(records, known, null_tokens) is not False


def tell_header(
    records: Sequence[Sequence[bytes]], known: Collection[str] = (), null_tokens: Collection[str] = ()
) -> bool | None:
    """Whether the first record is a header; None if that can't be told. ``known`` are headers that the dataset has met.

    It is none only if a column below isn't text, the first cell of each such column has its type, and no cell of the
    first record is empty (BEHAVIOUR 3). Nor are years over other values a record, or numbers that count up by one.
    It certainly is one where a cell is of another kind than all values below it.
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
        """The type of a column; None if it has no value."""
        values = (_text(record[column]) for record in self.records)
        return join_all(classify(value) for value in values if value and value not in self._null_tokens)

    def _form(self, column: int) -> tuple[bool, bool, bool, bool] | None:
        """The form that all values of a column have; None if it has none, or several."""
        forms = {_form(value) for record in self.records if (value := _text(record[column]))}
        return forms.pop() if len(forms) == 1 else None

    def _are_years(self, column: int) -> bool:
        return all(_YEAR.fullmatch(_text(record[column])) for record in self.records)


def _tell(first: Sequence[str], below: _Below, known: Collection[str]) -> bool | None:
    """What ``tell_header`` says of these cells over the records ``below``."""
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
    if not all(first):
        return None
    if typed:
        return _count_up([first[column] for column in sorted(typed)]) or _head_years(first, below, typed)
    return _differs_in_form(first, below) or None


def _differs_in_form(first: Sequence[str], below: _Below) -> bool:
    """Whether all values of a column have one form, and the first cell another: ``city`` over ``Oslo`` and ``Rome``."""
    if len(below.records) < 2:
        return False
    return any((form := below.form(column)) and _form(cell) != form for column, cell in enumerate(first))


def _form(value: str) -> tuple[bool, bool, bool, bool]:
    """What names of columns and values differ in."""
    return value[0].isupper(), value[0].isalpha(), any(map(str.isdecimal, value)), "@" in value


def _recurs(records: Sequence[Sequence[bytes]]) -> bool:
    """Whether the first record is one like others: a value of it comes again in its column, or begins with a space."""
    first, *below = records
    below = [record for record in below if len(record) == len(first)]
    return any(
        cell.startswith(b" ") or any(record[column] == cell for record in below) for column, cell in enumerate(first)
    )


def commented_header(
    lines: Sequence[bytes], found: Sample, known: Collection[str] = (), null_tokens: Collection[str] = ()
) -> int | None:
    """Which of the comment ``lines`` before the records is their header, ``#id,name``; None if none is.

    It has a name for each column, all different. Where several could be it, one that the dataset knows is, else the one
    that is least a sentence, and of these the first: what follows are units. Where the first record may be a header as
    well, a comment has to look like one.
    """
    width, known = found.width, set(known)
    told = tell_header(found.records, known, null_tokens)
    if width < 2 or told:
        return None
    below = _Below(found.records, width, null_tokens)
    best: tuple[bool, int, int] | None = None
    for number, line in enumerate(lines):
        cells = uncommented(line, found.grammar)
        names = [_text(cell) for cell in cells]
        if len(names) != width or not all(names) or len({*names}) < len(names):
            continue
        if _tell(names, below, known) is False:  # a record that was commented out
            continue
        sentence = sum(any(mark in name for mark in (" ", ":", "=")) for name in names)
        marked = line.lstrip(_BLANK).removeprefix(b"#")[:1].isalpha()
        is_known = {*names} <= known
        if told is False or is_known or marked or not sentence:
            rank = (not is_known, sentence, number)
            best = min(best or rank, rank)
    return best[-1] if best else None


def uncommented(line: bytes, grammar: Grammar) -> list[bytes]:
    """The cells of a comment line, without its mark; none if it is no comment, or malformed."""
    line = line.strip(b"\r\n")
    text = line.lstrip(_BLANK)
    if not text.startswith(b"#"):
        return []
    text = text.lstrip(b"#").lstrip(b" ")
    return grammar.cells(text) if grammar.record.fullmatch(text) else []


def _head_years(first: Sequence[str], below: _Below, typed: Sequence[int]) -> bool:
    """Whether the typed cells of the first record, beside a word, are years and the values below them are not.

    Numbers alone tell nothing (BEHAVIOUR 3).
    """
    if len(typed) == len(first) or not all(_YEAR.fullmatch(first[column]) for column in typed):
        return False
    return not all(below.are_years(column) for column in typed)


def _count_up(cells: Sequence[str]) -> bool:
    """Whether they are whole numbers, each one more than that before: years or weeks, which head columns."""
    if len(cells) < 3 or not all(cell.isdecimal() and len(cell) < 6 for cell in cells):
        return False
    return all(int(behind) - int(before) == 1 for before, behind in pairwise(cells))


def _text(cell: bytes) -> str:
    return cell.decode("utf-8", "replace").strip(SPACES)


def _line_end(text: bytes, at: int) -> int:
    line = _LINE.match(text, at)
    return line.end(1) if line else len(text)


def _behind_line(text: bytes, at: int) -> int:
    line = _LINE.match(text, at)
    return line.end() if line else len(text)
