"""The delimiter, the quotes, the preamble and the header of a file, found from its first records (BEHAVIOUR 3)."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

from ingest.loader.cells import COLUMNS, Grammar
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
_WRAPPED = re.compile(rb' *"(?:[^"]++|"")*+" *')
_BLANK = SPACES.encode()
SEPARATOR = re.compile(rb'"?sep=([^\w\s"\\]|\t|)"?(?:\1*|[,;\t|]*)', re.IGNORECASE)
"""Excel's first line, ``sep=;``; saved again, it is a row of the table: ``"sep=;";;``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """The first records of a file as one grammar reads them, blank lines left out."""

    grammar: Grammar
    records: tuple[tuple[bytes, ...], ...]
    """The cells of each; none where a line is malformed."""
    starts: tuple[int, ...]
    """The byte at which each starts."""
    ends: tuple[int, ...]
    """The byte at which each ends, its line end left out."""
    text: bytes
    """What was cut."""
    swallowing: tuple[int, ...] = ()
    """The records that go over several lines."""

    @property
    def width(self) -> int:
        """The number of cells that most records have; of several the largest."""
        counts = Counter(len(record) for record in self.records if record)
        return max(counts, key=lambda width: (counts[width], width)) if counts else 0

    def raw(self, record: int) -> bytes:
        """The bytes of a record, without its line end."""
        return self.text[self.starts[record] : self.ends[record]]

    def lines(self, first: int, stop: int) -> list[tuple[bytes, ...]]:
        """Records from ``first`` to before ``stop``, each as one cell."""
        return [(self.raw(record),) for record in range(first, min(stop, len(self.records)))]

    def part(self, first: int, stop: int) -> "Sample":
        """The records from ``first`` to before ``stop``."""
        return replace(
            self,
            records=self.records[first:stop],
            starts=self.starts[first:stop],
            ends=self.ends[first:stop],
            swallowing=tuple(record - first for record in self.swallowing if first <= record < stop),
        )

    @property
    def is_odd(self) -> bool:
        """Whether a record is malformed or goes over several lines: perhaps its quotes are none."""
        return bool(self.swallowing) or () in self.records

    @property
    def is_spaced(self) -> bool:
        """Whether every cell but the first of each record begins with a space."""
        mark = self.grammar.delimiter + b" "
        if mark == b"  " or mark not in self.text:
            return False
        cells = [(number, len(record)) for number, record in enumerate(self.records) if len(record) > 1]
        return bool(cells) and all(self.raw(number).count(mark) >= width - 1 for number, width in cells)


def sample(text: bytes, grammar: Grammar, *, whole: bool) -> Sample:
    """The first records of ``text``; the last one is left out unless ``text`` is the ``whole`` file."""
    records: list[tuple[bytes, ...]] = []
    starts: list[int] = []
    ends: list[int] = []
    swallowing: list[int] = []
    delimiter, quote, blank = grammar.delimiter, grammar.quote, grammar.delimiter + _BLANK
    at = malformed = 0
    while at < len(text) and len(records) < _RECORDS and malformed < _MALFORMED:
        line = _LINE.match(text, at)
        end, behind = (line.end(1), line.end()) if line else (len(text), len(text))
        raw = text[at:end]
        if not raw.strip(blank):
            at = behind
            continue
        if quote and quote in raw:
            found = grammar.record.match(text, at)
            stop = found.end() if found else at
            if stop < len(text) and text[stop] not in b"\r\n":
                malformed += 1
                cells: tuple[bytes, ...] = ()
            else:
                if stop > end:
                    swallowing.append(len(records))
                    end, behind = stop, _behind_line(text, stop)
                cells = tuple(grammar.cells(text[at:end]))
        else:
            cells = tuple(raw.split(delimiter))
        records.append(cells)
        starts.append(at)
        ends.append(end)
        at = behind
    if not whole and at >= len(text) and len(records) > 1:
        records.pop()
        swallowing = [record for record in swallowing if record < len(records)]
    return Sample(
        grammar=grammar,
        records=tuple(records),
        starts=tuple(starts[: len(records)]),
        ends=tuple(ends[: len(records)]),
        text=text,
        swallowing=tuple(swallowing),
    )


def swallowed(raw: bytes, grammar: Grammar, width: int) -> list[list[bytes]]:
    """The lines of a record that goes over several, as records of their own without quotes; none if one can't be."""
    first, *rest = re.split(rb"\r\n|\r|\n", raw)
    delimiter = grammar.delimiter
    if not rest or any(line.count(delimiter) != width - 1 for line in (first, *rest)):
        return []
    return [[cell.strip(_BLANK + grammar.quote) for cell in line.split(delimiter)] for line in rest]


def unwrapped(text: bytes, *, whole: bool) -> bytes:
    """``text`` without the quotes around whole lines; nothing where a line of it has none, or holds no delimiter."""
    lines = [line for line in text.splitlines() if line.strip(_BLANK)]
    lines = (lines if whole else lines[:-1])[:_RECORDS]
    if len(lines) < 2 or not all(_WRAPPED.fullmatch(line) for line in lines):
        return b""
    if not all(any(mark in line for mark in (b",", b";", b"\t", b"|")) for line in lines):
        return b""
    return b"".join(unwrap(line) + b"\n" for line in lines)


def unwrap(line: bytes) -> bytes:
    """A line without the quotes around it, if it stands in quotes as a whole."""
    return line.strip()[1:-1].replace(b'""', b'"') if _WRAPPED.fullmatch(line) else line


def count_top(text: bytes, *, comments: bool) -> tuple[int, str]:
    """How many lines, blank or comments, stand before the table, and the delimiter that one of them names.

    A comment begins with ``#``. Excel's ``sep=;`` is a line of its own before the header, also as it saves it again.
    """
    lines, at, delimiter = 0, 0, ""
    while at < len(text):
        raw = text[at : _line_end(text, at)]
        line = raw.strip(_BLANK)
        named = None if delimiter else SEPARATOR.fullmatch(raw.strip(b" "))
        if named:
            delimiter = (named[1] or b"\t").decode()
        elif line and not (comments and line.startswith(b"#")):
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

    def has_value(self, column: int) -> bool:
        """Whether a cell of a column isn't blank."""
        return any(_text(record[column]) for record in self.records)

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
    if any(not cell and below.has_value(place) for place, cell in enumerate(first)):
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


def is_year(cell: bytes) -> bool:
    """Whether it is a year, which heads columns as well as it stands in them."""
    return bool(_YEAR.fullmatch(_text(cell)))


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
