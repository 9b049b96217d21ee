"""The ways a file's head can be read, weighed against each other: delimiter, quotes, lines above the header, header."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ingest.loader.source.dialect.candidate import Pins, Reading, ScoredReading
from ingest.loader.source.dialect.rare_delimiters import DOUBT as RARE
from ingest.loader.source.dialect.rare_delimiters import rare_delimiter
from ingest.loader.source.dialect.scoring import is_broken
from ingest.loader.source.dialect.spaces import DOUBT, are_between_spaces
from ingest.loader.source.dialect.weighing import score_reading, unquoted
from ingest.loader.source.identifiers import OCCURRENCE, likeness
from ingest.loader.source.layout.grammar import Grammar, grammar_of
from ingest.loader.source.layout.header_detection import detect_header
from ingest.loader.source.layout.layout import HEADS
from ingest.loader.source.layout.sample import DELIMITERS, count_top, first_lines, skip_lines, unwrapped

_MARGIN = 0.04
"""So much better, of 1, the best reading has to be than one that gives other cells."""
_TABLE = 0.35
"""From which score on what stands within the quotes of whole lines is a table."""
_SHOWN = 4
"""Readings that a question offers at most."""
_PARTIAL: dict[bool | None, float] = {True: 1.0, None: 0.7, False: 0.5}
"""What a reading that doesn't fit its first line is worth beside one that fits all lines: by whether the lines below
that have a header of their own, as those below a title have. None: that can't be told."""
_HALF, _NEARLY_ALL = 0.5, 0.95
"""The share of the best score that a reading needs for it to count that it fits all lines; all but a malformed one."""
_BEFORE_CELLS = b",;\t|\r\n"
_ONE_COLUMN = 1 << 16
"""Bytes by which a file is judged as one column, where it may have several."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What the head of a file says about how it is written."""

    readings: tuple[Reading, ...]
    """The best one, and those that come next and give other cells."""
    margin: float
    """How far the best is before the next, 0 to 1; 1 where there is no other."""
    doubt: str = ""
    """Why the best isn't clearly better, in a sentence; empty where it is."""
    at: int = 0
    """The record below the header at which that shows."""
    records: tuple[tuple[bytes, ...], ...] = ()
    """The first records as the best one cuts them, its header first."""
    width: int = 0
    """How many cells the header has, or the first of lines that hold no value."""
    header_ends: bool = True
    """Whether the header is all there, rather than cut off by the end of what was looked at."""

    @property
    def best(self) -> Reading:
        """The reading that is taken, or offered first."""
        return self.readings[0]


def rank_readings(text: bytes, pins: Pins, *, whole: bool) -> Verdict:
    """Weigh the readings of ``text``, a file's first bytes without a mark; ``whole``: it is all that the file has."""
    top, named = count_top(text, comments=pins.told.has_header is not False)
    if pins.lines is not None:
        top, named = _pinned_lines(text, pins), ""
    table = skip_lines(text, top)
    delimiters = pins.delimiter or allowed(named) or DELIMITERS
    if pins.quotes is None and pins.delimiter is None and (inner := unwrapped(table, whole=whole)):
        return _unwrapped(text, inner, top, pins, whole=whole)
    found = _verdict(_all_of(text, table, top, delimiters, pins, whole=whole))
    is_one_column = found.width == 1 and pins.delimiter is None and not found.doubt and not named
    if is_one_column and found.best.score <= 1 and (rare := rare_delimiter(table, whole=whole)):
        return _by_rare(text, table, top, pins, found, *rare, whole=whole)
    if is_one_column and not pins.told.known:
        return _by_spaces(text, table, top, pins, found, whole=whole)
    return found


def _by_spaces(text: bytes, table: bytes, top: int, pins: Pins, found: Verdict, *, whole: bool) -> Verdict:
    """The verdict on a file of one column, with the reading whose delimiter is the space where there may be that."""
    likely = are_between_spaces(table, whole=whole)
    if likely is False:
        return found
    by_spaces = _verdict(_all_of(text, table, top, " ", pins, whole=whole)).best
    if by_spaces.delimiter != " ":
        return found
    readings = (by_spaces, found.best) if likely else (found.best, by_spaces)
    return replace(found, readings=readings, margin=0.0, doubt=DOUBT, at=0)


def _by_rare(
    text: bytes, table: bytes, top: int, pins: Pins, found: Verdict, mark: str, is_named: bool, *, whole: bool
) -> Verdict:
    """The verdict on a file of one column, with the reading by ``mark``, which goes first where it makes a header."""
    by_mark = _verdict(_all_of(text, table, top, mark, pins, whole=whole))
    best = by_mark.best
    if best.delimiter != mark or (pins.told.known and best.score > 1):  # the header that the dataset knows
        return found if best.delimiter != mark else by_mark
    readings = (best, found.best) if is_named else (found.best, best)
    return replace(found, readings=readings, margin=0.0, doubt=RARE.format(mark=f"“{mark}”"), at=0)


def _pinned_lines(text: bytes, pins: Pins) -> int:
    """The lines above the header: as many as are pinned, fewer where one of them is the header that is known.

    An export of the table has none above it, whatever is pinned for the dataset's files.
    """
    lines = pins.lines or 0
    quote, escape = pins.quotes or ('"', pins.escape or '"')
    grammars = [grammar_of(delimiter, quote, escape) for delimiter in pins.delimiter or DELIMITERS]
    at = 0
    for number, line in enumerate(first_lines(text, min(lines, HEADS))):
        if any(pins.told.is_known(_record_at(text, at, one)) for one in grammars):
            return number
        at += len(line)
    return lines


def _record_at(text: bytes, at: int, grammar: Grammar) -> list[bytes]:
    """The cells of the record that starts at byte ``at``; none where it is malformed."""
    found = grammar.record.match(text, at)
    whole = found is not None and text[found.end() : found.end() + 1] in (b"", b"\r", b"\n")
    return grammar.cells(found.group()) if found and whole else []


def _unwrapped(text: bytes, inner: bytes, top: int, pins: Pins, *, whole: bool) -> Verdict:
    """The verdict on a file whose lines stand in quotes as a whole: one column, or what is in the quotes."""
    whole_lines = _verdict(_all_of(text, skip_lines(text, top), top, DELIMITERS, pins, whole=whole))
    within = _verdict(_all_of(inner, inner, 0, DELIMITERS, pins, whole=whole))
    if within.best.score < _TABLE or (pins.told.known and whole_lines.best.score > 1):
        return whole_lines
    taken = [
        replace(one, lines=one.lines + top, end=one.end and one.end + top, wrapped=True) for one in within.readings
    ]
    if pins.told.known and within.best.score > 1:  # the header that the dataset knows stands within the quotes
        return replace(within, readings=(*taken, whole_lines.best)[:_SHOWN])
    doubt = "Every line is in quotes as a whole: it may be one column, or the lines of a table with quotes around them."
    return replace(within, readings=(taken[0], whole_lines.best, *taken[1:])[:_SHOWN], margin=0.0, doubt=doubt, at=0)


def _all_of(text: bytes, table: bytes, top: int, delimiters: str, pins: Pins, *, whole: bool) -> list[ScoredReading]:
    """All readings of ``text``, the best first; ``table`` is what stands below its ``top`` lines."""
    found: list[ScoredReading] = []
    used = _used(delimiters, table)
    quotes = [pins.quotes] if pins.quotes else _possible_quotes(table, pins.escape)
    is_double = all(quote != "'" for quote, _ in quotes)
    for delimiter in used:
        cuts_nothing = len(used) > 1 and delimiter.encode() not in table
        shown = table[:_ONE_COLUMN] if cuts_nothing else table
        for quote, escape in quotes:
            grammar = grammar_of(delimiter, quote, escape)
            one = score_reading(text, shown, top, grammar, pins, whole=whole and len(shown) == len(table))
            if not quote and found and is_broken(found[-1].sample):
                one = [unquoted(each) for each in one]
            found += one
            if quote == '"' and not one[0].sample.is_odd and is_double:
                break  # without a broken quote, or one over several lines, other ways to quote make it no better
    found = _beside_uniform(found)
    found.sort(key=lambda one: -one.reading.score)
    return found


def _beside_uniform(found: Sequence[ScoredReading]) -> list[ScoredReading]:
    """The readings, those that don't fit the first line worth less where another one fits header and records.

    ``when;value`` over ``10:00,5;1``: the comma makes as good a table of the records, but none of the header.
    """
    if _uniform(found) is None:
        return list(found)
    return [replace(one, reading=replace(one.reading, score=one.reading.score * _share(one))) for one in found]


def _share(one: ScoredReading) -> float:
    records, width = one.sample.records, one.table.width
    if not one.layout.doubt or len(records[0]) == width:
        return 1.0
    first = next(number for number, record in enumerate(records) if len(record) == width)
    return _PARTIAL[detect_header(records[first:], (), one.table.told.null_tokens)]


def _uniform(found: Sequence[ScoredReading]) -> ScoredReading | None:
    """The best reading by which the first line has as many cells as all others, several, and nothing is doubtful."""
    least = _HALF * max((one.reading.score for one in found), default=0.0)
    uniform = [one for one in found if one.reading.score >= least and _is_uniform(one)]
    return max(uniform, key=lambda one: one.reading.score, default=None)


def _is_uniform(one: ScoredReading) -> bool:
    table = one.table
    fits = table.width > 1 and len(one.sample.records[0]) == table.width and table.agreement(0) >= _NEARLY_ALL
    return fits and not one.doubt and not one.layout.first


def allowed(delimiter: str) -> str:
    """``delimiter`` if a file can have it, else nothing."""
    return delimiter if re.fullmatch(r"[^\w\s\"\\]|\t", delimiter, re.ASCII) and delimiter.isascii() else ""


def _used(delimiters: str, text: bytes) -> list[str]:
    """Those that stand in ``text``, and one that doesn't: with that it is one column.

    Lines of nothing but a delimiter are no column of them.
    """
    used = [one for one in delimiters if one.encode() in text]
    if used and not text.translate(None, b" \t\r\n" + "".join(used).encode()):
        return used
    unused = [one for one in delimiters if one not in used]
    return used + unused[:1]


def _possible_quotes(text: bytes, escape: str | None) -> list[tuple[str, str]]:
    """The quotes, and the escapes within them, that ``text`` gives reason to think of."""
    if escape is not None:
        return [('"', escape)]
    found = [('"', '"')]
    if b'"' in text:
        found.append(("", ""))
        if b'\\"' in text:
            found.append(('"', "\\"))
    if _begin_cells(text):
        found.append(("'", "'"))
        if b"\\'" in text:
            found.append(("'", "\\"))
    return found


def _begin_cells(text: bytes) -> bool:
    """Whether a single quote stands where a cell begins."""
    first, *pieces = text.split(b"'")
    if not pieces:
        return False
    before = (piece.rstrip(b" ")[-1:] for piece in (b"\n" + first, *pieces[:-1]))
    return any(last and last in _BEFORE_CELLS for last in before)


# The verdict


def _verdict(found: Sequence[ScoredReading]) -> Verdict:
    first = found[0]
    best = first.settled()
    lone = _one_column(found) if best.doubt and _begins_with_one_cell(best) else None
    lone = (_uniform(found) or lone) if lone else None
    takes_lone = lone is not None and best.layout.first == 0
    if lone and takes_lone:  # what would be a header of one cell over records of several
        best = replace(lone.settled(), doubt=best.doubt)
    others = [one for one in found if one.cells not in (first.cells, best.cells) and one.layout is not best.layout]
    if takes_lone:
        others.insert(0, first)
    margin = best.reading.score - others[0].reading.score if others else 1.0
    doubt = best.doubt
    if others and not doubt and margin < _MARGIN * max(best.reading.score, 0.1) and best.reading.score > 0.1:
        doubt = _told(best.reading, others[0].reading)
    kept = [best]
    for one in ([lone] if lone and lone.cells != best.cells else []) + others:
        is_lone = one.table.width < 2 and one is not lone and best.table.width > 1
        if len(kept) < _SHOWN and not is_lone and all(one.cells != other.cells for other in kept):
            kept.append(one.settled())
    width, header_ends = _header_of(best)
    return Verdict(
        readings=tuple(one.reading for one in kept),
        margin=round(max(0.0, min(1.0, margin)), 3),
        doubt=doubt,
        at=best.at,
        records=best.sample.records[best.layout.first :],
        width=width,
        header_ends=header_ends,
    )


def _header_of(one: ScoredReading) -> tuple[int, bool]:
    """Its width, and whether it ends within what was looked at; of lines without any value, the first one's."""
    plain = one.sample
    if plain.records:
        first = one.layout.first
        return len(plain.records[first]), plain.ends[first] < len(plain.text)
    line = first_lines(plain.text, 1)[0]
    return line.count(plain.grammar.delimiter) + 1, line.endswith((b"\r", b"\n"))


def _begins_with_one_cell(one: ScoredReading) -> bool:
    return len(one.sample.records[0]) == 1


def _one_column(found: Sequence[ScoredReading]) -> ScoredReading | None:
    return next((one for one in found if one.table.width == 1), None)


NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space"}


def _told(one: Reading, other: Reading) -> str:
    if one.delimiter != other.delimiter:
        names = [NAMES.get(reading.delimiter, repr(reading.delimiter)) for reading in (one, other)]
        return f"The delimiter may be the {names[0]} or the {names[1]}: both make a table of the file."
    if (one.quote, one.escape) != (other.quote, other.escape):
        return "The quotes can be read in two ways that give other cells."
    return "The file can be read in two ways that give other cells."


def known_headers(headers: Collection[str]) -> tuple[dict[str, int], frozenset[int]]:
    """The headers of a dataset's map as ``Told`` takes them: how often each comes, and the places of nameless ones."""
    known: dict[str, int] = {}
    nameless = set()
    for header in headers:
        text, _, number = header.partition(OCCURRENCE)
        if not text and number.isdecimal():
            nameless.add(int(number))
        else:
            known[likeness(text)] = known.get(likeness(text), 0) + 1
    return known, frozenset(nameless)
