"""The delimiter, the quotes, the preamble and the header of a file, found from its first records (BEHAVIOUR 3)."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.loader.cells import Grammar, grammar_of
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
_BLANK = SPACES.encode()


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """The first records of a file as one grammar reads them, blank lines left out."""

    grammar: Grammar
    records: tuple[tuple[bytes, ...], ...]
    """The cells of each; none where a line is malformed."""
    starts: tuple[int, ...]
    """The byte at which each starts."""

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
        """How many records stand as titles, of one cell each, before a table that begins with a header."""
        width = self.width
        titles = next((n for n, record in enumerate(self.records) if len(record) == width), 0)
        table = self.records[titles:]
        if width < 2 or titles > _TITLES or any(len(record) != 1 for record in self.records[:titles]):
            return 0
        agreeing = sum(len(record) == width for record in table) >= max(2, _AGREEING * len(table))
        return titles if agreeing and begins_with_header(table) else 0


def sample(text: bytes, grammar: Grammar, *, whole: bool) -> Sample:
    """The first records of ``text``; the last one is left out unless ``text`` is the ``whole`` file."""
    records: list[tuple[bytes, ...]] = []
    starts: list[int] = []
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
        at = _behind_line(text, end)
    if not whole and at >= len(text) and len(records) > 1:
        records.pop()
        starts.pop()
    return Sample(grammar=grammar, records=tuple(records), starts=tuple(starts))


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
    for _ in range(lines):
        at = _behind_line(text, at)
    return text[at:]


def count_lines(text: bytes) -> int:
    """How many lines end in ``text``."""
    return len(re.findall(rb"\r\n|\r|\n", text))


def begins_with_header(
    records: Sequence[Sequence[bytes]], known: Collection[str] = (), null_tokens: Collection[str] = ()
) -> bool:
    """Whether the first record is a header. ``known`` are headers that the dataset has met.

    It isn't only if a column below isn't text, the first cell of each such column has its type, and no cell of the
    first record is empty (BEHAVIOUR 3). Nor are years over other values a record, or numbers that count up by one.
    """
    first = [_text(cell) for cell in records[0]] if records else []
    most = min(_JUDGED, 1 + _CELLS // max(len(first), 1))
    below = [record for record in records[1:] if len(record) == len(first)][:most]
    if not below or not all(first) or set(first) <= set(known):
        return True
    own = [classify(cell) for cell in first]
    typed = []
    for column in sorted(range(len(first)), key=lambda column: own[column] is not Type.TEXT):
        kind = _type_of((_text(record[column]) for record in below), null_tokens)
        if kind is None or kind is Type.TEXT:
            continue
        if join(own[column], kind) is Type.TEXT:
            return True
        typed.append(column)
    return not typed or _count_up([first[column] for column in sorted(typed)]) or _head_years(first, below, typed)


def _head_years(first: Sequence[str], below: Sequence[Sequence[bytes]], typed: Sequence[int]) -> bool:
    """Whether the typed cells of the first record, beside a word, are years and the values below them are not.

    Numbers alone tell nothing (BEHAVIOUR 3).
    """
    if len(typed) == len(first) or not all(_YEAR.fullmatch(first[column]) for column in typed):
        return False
    return not all(_YEAR.fullmatch(_text(record[column])) for record in below for column in typed)


def _count_up(cells: Sequence[str]) -> bool:
    """Whether they are whole numbers, each one more than that before: years or weeks, which head columns."""
    if len(cells) < 3 or not all(cell.isdecimal() and len(cell) < 6 for cell in cells):
        return False
    return all(int(behind) - int(before) == 1 for before, behind in pairwise(cells))


def _type_of(values: Iterable[str], null_tokens: Collection[str]) -> Type | None:
    """The type of a column; None if it has no value."""
    return join_all(classify(value) for value in values if value and value not in null_tokens)


def _text(cell: bytes) -> str:
    return cell.decode("utf-8", "replace").strip(SPACES)


def _line_end(text: bytes, at: int) -> int:
    line = _LINE.match(text, at)
    return line.end(1) if line else len(text)


def _behind_line(text: bytes, at: int) -> int:
    line = _LINE.match(text, at)
    return line.end() if line else len(text)
