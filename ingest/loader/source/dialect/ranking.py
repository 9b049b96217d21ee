"""Rank the readings of a file's head: by delimiter, quotes, lines above the header, and header."""

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
that have a header of their own, as those below a title have. None: that is unclear."""
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
    """Whether the header is all there, rather than truncated by the end of what was looked at."""

    @property
    def best(self) -> Reading:
        """The reading that is taken, or offered first."""
        return self.readings[0]


def rank_readings(text: bytes, pins: Pins, *, whole: bool) -> Verdict:
    """Weigh the readings of ``text``, a file's first bytes without a mark; ``whole``: it is all that the file has."""
    top, named = count_top(text, comments=pins.expected.has_header is not False)
    if pins.lines is not None:
        top, named = _pinned_lines(text, pins), ""
    table = skip_lines(text, top)
    delimiters = pins.delimiter or allowed(named) or DELIMITERS
    if pins.quotes is None and pins.delimiter is None and (inner := unwrapped(table, whole=whole)):
        return _unwrapped(text, inner, top, pins, whole=whole)
    verdict = _verdict(_all_of(text, table, top, delimiters, pins, whole=whole))
    is_one_column = verdict.width == 1 and pins.delimiter is None and not verdict.doubt and not named
    if is_one_column and verdict.best.score <= 1 and (rare := rare_delimiter(table, whole=whole)):
        return _by_rare(text, table, top, pins, verdict, *rare, whole=whole)
    if is_one_column and not pins.expected.known:
        return _by_spaces(text, table, top, pins, verdict, whole=whole)
    return verdict


def _by_spaces(text: bytes, table: bytes, top: int, pins: Pins, verdict: Verdict, *, whole: bool) -> Verdict:
    """Return the verdict on a file of one column, with a reading by spaces if that is possible too."""
    likely = are_between_spaces(table, whole=whole)
    if likely is False:
        return verdict
    by_spaces = _verdict(_all_of(text, table, top, " ", pins, whole=whole)).best
    if by_spaces.delimiter != " ":
        return verdict
    readings = (by_spaces, verdict.best) if likely else (verdict.best, by_spaces)
    return replace(verdict, readings=readings, margin=0.0, doubt=DOUBT, at=0)


def _by_rare(
    text: bytes, table: bytes, top: int, pins: Pins, verdict: Verdict, mark: str, is_named: bool, *, whole: bool
) -> Verdict:
    """Return the verdict on a file of one column, with the reading by ``mark``; first if that gives a header."""
    by_mark = _verdict(_all_of(text, table, top, mark, pins, whole=whole))
    best = by_mark.best
    if best.delimiter != mark or (pins.expected.known and best.score > 1):  # the header that the dataset knows
        return verdict if best.delimiter != mark else by_mark
    readings = (best, verdict.best) if is_named else (verdict.best, best)
    return replace(verdict, readings=readings, margin=0.0, doubt=RARE.format(mark=f"“{mark}”"), at=0)


def _pinned_lines(text: bytes, pins: Pins) -> int:
    """Return the lines above the header: as many as are pinned, fewer where one of them is the header that is known.

    An export of the table has none above it, whatever is pinned for the dataset's files.
    """
    lines = pins.lines or 0
    quote, escape = pins.quotes or ('"', pins.escape or '"')
    grammars = [grammar_of(delimiter, quote, escape) for delimiter in pins.delimiter or DELIMITERS]
    at = 0
    for number, line in enumerate(first_lines(text, min(lines, HEADS))):
        if any(pins.expected.is_known(_record_at(text, at, grammar)) for grammar in grammars):
            return number
        at += len(line)
    return lines


def _record_at(text: bytes, at: int, grammar: Grammar) -> list[bytes]:
    """Return the cells of the record that starts at byte ``at``; none where it is malformed."""
    match = grammar.record.match(text, at)
    whole = match is not None and text[match.end() : match.end() + 1] in (b"", b"\r", b"\n")
    return grammar.cells(match.group()) if match and whole else []


def _unwrapped(text: bytes, inner: bytes, top: int, pins: Pins, *, whole: bool) -> Verdict:
    """Return the verdict on a file whose lines stand in quotes as a whole: one column, or what is in the quotes."""
    whole_lines = _verdict(_all_of(text, skip_lines(text, top), top, DELIMITERS, pins, whole=whole))
    within = _verdict(_all_of(inner, inner, 0, DELIMITERS, pins, whole=whole))
    if within.best.score < _TABLE or (pins.expected.known and whole_lines.best.score > 1):
        return whole_lines
    unwrapped_readings = [
        replace(reading, lines=reading.lines + top, end=reading.end and reading.end + top, wrapped=True)
        for reading in within.readings
    ]
    if pins.expected.known and within.best.score > 1:  # the header that the dataset knows stands within the quotes
        return replace(within, readings=(*unwrapped_readings, whole_lines.best)[:_SHOWN])
    doubt = (
        "Every line is enclosed in quotes: the file may have one column, or its lines may have been quoted as a whole."
    )
    return replace(
        within,
        readings=(unwrapped_readings[0], whole_lines.best, *unwrapped_readings[1:])[:_SHOWN],
        margin=0.0,
        doubt=doubt,
        at=0,
    )


def _all_of(text: bytes, table: bytes, top: int, delimiters: str, pins: Pins, *, whole: bool) -> list[ScoredReading]:
    """Return all readings of ``text``, the best first; ``table`` is what stands below its ``top`` lines."""
    readings: list[ScoredReading] = []
    used = _used(delimiters, table)
    quotes = [pins.quotes] if pins.quotes else _possible_quotes(table, pins.escape)
    is_double = all(quote != "'" for quote, _ in quotes)
    for delimiter in used:
        cuts_nothing = len(used) > 1 and delimiter.encode() not in table
        shown = table[:_ONE_COLUMN] if cuts_nothing else table
        for quote, escape in quotes:
            grammar = grammar_of(delimiter, quote, escape)
            scored = score_reading(text, shown, top, grammar, pins, whole=whole and len(shown) == len(table))
            if not quote and readings and is_broken(readings[-1].sample):
                scored = [unquoted(reading) for reading in scored]
            readings += scored
            if quote == '"' and not scored[0].sample.is_odd and is_double:
                break  # without a broken quote, or one over several lines, other ways to quote make it no better
    readings = _beside_uniform(readings)
    readings.sort(key=lambda scored: -scored.reading.score)
    return readings


def _beside_uniform(readings: Sequence[ScoredReading]) -> list[ScoredReading]:
    """Return the readings, those that don't fit the first line worth less where another one fits header and records.

    ``when;value`` over ``10:00,5;1``: the comma makes as good a table of the records, but none of the header.
    """
    if _uniform(readings) is None:
        return list(readings)
    return [
        replace(scored, reading=replace(scored.reading, score=scored.reading.score * _share(scored)))
        for scored in readings
    ]


def _share(scored: ScoredReading) -> float:
    records, width = scored.sample.records, scored.table.width
    if not scored.layout.doubt or len(records[0]) == width:
        return 1.0
    first = next(number for number, record in enumerate(records) if len(record) == width)
    return _PARTIAL[detect_header(records[first:], (), scored.table.expected.null_tokens)]


def _uniform(readings: Sequence[ScoredReading]) -> ScoredReading | None:
    """Return the best reading without a doubt in which the first line has as many cells as the others."""
    least = _HALF * max((scored.reading.score for scored in readings), default=0.0)
    uniform = [scored for scored in readings if scored.reading.score >= least and _is_uniform(scored)]
    return max(uniform, key=lambda scored: scored.reading.score, default=None)


def _is_uniform(scored: ScoredReading) -> bool:
    table = scored.table
    fits = table.width > 1 and len(scored.sample.records[0]) == table.width and table.agreement(0) >= _NEARLY_ALL
    return fits and not scored.doubt and not scored.layout.first


def allowed(delimiter: str) -> str:
    """Return ``delimiter`` if a file can have it, else ""."""
    return delimiter if re.fullmatch(r"[^\w\s\"\\]|\t", delimiter, re.ASCII) and delimiter.isascii() else ""


def _used(delimiters: str, text: bytes) -> list[str]:
    """Those that stand in ``text``, and one that doesn't: with that it is one column.

    Lines of nothing but a delimiter are no column of them.
    """
    used = [delimiter for delimiter in delimiters if delimiter.encode() in text]
    if used and not text.translate(None, b" \t\r\n" + "".join(used).encode()):
        return used
    unused = [delimiter for delimiter in delimiters if delimiter not in used]
    return used + unused[:1]


def _possible_quotes(text: bytes, escape: str | None) -> list[tuple[str, str]]:
    """Return the quotes, and the escapes within them, that ``text`` gives reason to think of."""
    if escape is not None:
        return [('"', escape)]
    quotes = [('"', '"')]
    if b'"' in text:
        quotes.append(("", ""))
        if b'\\"' in text:
            quotes.append(('"', "\\"))
    if _begin_cells(text):
        quotes.append(("'", "'"))
        if b"\\'" in text:
            quotes.append(("'", "\\"))
    return quotes


def _begin_cells(text: bytes) -> bool:
    """Return whether a single quote stands where a cell begins."""
    first, *pieces = text.split(b"'")
    if not pieces:
        return False
    before = (piece.rstrip(b" ")[-1:] for piece in (b"\n" + first, *pieces[:-1]))
    return any(last and last in _BEFORE_CELLS for last in before)


# The verdict


def _verdict(readings: Sequence[ScoredReading]) -> Verdict:
    first = readings[0]
    best = first.settled()
    lone = _one_column(readings) if best.doubt and _begins_with_one_cell(best) else None
    lone = (_uniform(readings) or lone) if lone else None
    takes_lone = lone is not None and best.layout.first == 0
    if lone and takes_lone:  # what would be a header of one cell over records of several
        best = replace(lone.settled(), doubt=best.doubt)
    others = [
        scored
        for scored in readings
        if scored.cells not in (first.cells, best.cells) and scored.layout is not best.layout
    ]
    if takes_lone:
        others.insert(0, first)
    margin = best.reading.score - others[0].reading.score if others else 1.0
    doubt = best.doubt
    if others and not doubt and margin < _MARGIN * max(best.reading.score, 0.1) and best.reading.score > 0.1:
        doubt = _told(best.reading, others[0].reading)
    kept = [best]
    for scored in ([lone] if lone and lone.cells != best.cells else []) + others:
        is_lone = scored.table.width < 2 and scored is not lone and best.table.width > 1
        if len(kept) < _SHOWN and not is_lone and all(scored.cells != other.cells for other in kept):
            kept.append(scored.settled())
    width, header_ends = _header_of(best)
    return Verdict(
        readings=tuple(scored.reading for scored in kept),
        margin=round(max(0.0, min(1.0, margin)), 3),
        doubt=doubt,
        at=best.at,
        records=best.sample.records[best.layout.first :],
        width=width,
        header_ends=header_ends,
    )


def _header_of(scored: ScoredReading) -> tuple[int, bool]:
    """Its width, and whether it ends within what was looked at; of lines without any value, the first one's."""
    plain = scored.sample
    if plain.records:
        first = scored.layout.first
        return len(plain.records[first]), plain.ends[first] < len(plain.text)
    line = first_lines(plain.text, 1)[0]
    return line.count(plain.grammar.delimiter) + 1, line.endswith((b"\r", b"\n"))


def _begins_with_one_cell(scored: ScoredReading) -> bool:
    return len(scored.sample.records[0]) == 1


def _one_column(readings: Sequence[ScoredReading]) -> ScoredReading | None:
    return next((scored for scored in readings if scored.table.width == 1), None)


NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space"}


def _told(first: Reading, second: Reading) -> str:
    if first.delimiter != second.delimiter:
        names = [NAMES.get(reading.delimiter, repr(reading.delimiter)) for reading in (first, second)]
        return f"The delimiter may be the {names[0]} or the {names[1]}: both split the file into a table."
    if (first.quote, first.escape) != (second.quote, second.escape):
        return "The quotes can be read in two ways that give different cells."
    return "The file can be read in two ways that give different cells."


def known_headers(headers: Collection[str]) -> tuple[dict[str, int], frozenset[int]]:
    """Return how often each header is in a dataset's map, and the positions of the nameless ones."""
    known: dict[str, int] = {}
    nameless = set()
    for header in headers:
        text, _, number = header.partition(OCCURRENCE)
        if not text and number.isdecimal():
            nameless.add(int(number))
        else:
            known[likeness(text)] = known.get(likeness(text), 0) + 1
    return known, frozenset(nameless)
