"""One way of cutting a file's head, weighed: where its table begins, how well it fits, and what is doubtful of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ingest.loader.cells import Grammar
from ingest.loader.layout import Layout, Table, Told
from ingest.loader.scoring import lifted, score
from ingest.loader.shapes import columns, shape
from ingest.loader.sniff import (
    Sample,
    commented_header,
    count_lines,
    first_lines,
    sample,
    swallowed,
    tell_header,
    uncommented,
)

_STEP = 0.001
_SWALLOWING = 40
"""Records over several lines that are looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One way to read a file."""

    delimiter: str
    quote: str
    escape: str
    lines: int = 0
    """Physical lines above the header."""
    has_header: bool = True
    commented: bool = False
    """Whether the header is a comment, ``#id,name``."""
    below: int = 0
    """Physical lines between a commented header and the first record."""
    trailing: int = 0
    """Blank cells behind those of the header that are no columns."""
    row_names: bool = False
    """Whether each record begins with a cell for which the header has no name."""
    spaced: bool = False
    """Whether a space behind each delimiter belongs to it."""
    wrapped: bool = False
    """Whether each line stands in quotes as a whole, and is read without them."""
    above: int = 0
    """Lines above the header that are as wide as the table, with more than one value."""
    score: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Pins:
    """What is settled before a file is looked at."""

    delimiter: str | None = None
    quotes: tuple[str, str] | None = None
    escape: str | None = None
    lines: int | None = None
    told: Told = field(default_factory=Told)


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighed:
    """A reading with the cells that it gives."""

    reading: Reading
    table: Table
    layout: Layout
    doubt: str = ""
    at: int = 0
    """The record below the header at which the doubt shows."""

    @property
    def sample(self) -> Sample:
        """Its records."""
        return self.table.sample

    def settled(self) -> "Weighed":
        """With whether the first record is a header."""
        layout = self.table.settle(self.layout)
        has_header = bool(layout.has_header)
        reading = replace(
            self.reading,
            has_header=has_header,
            commented=self.reading.commented and has_header,
            trailing=layout.trailing,
            row_names=layout.row_names,
        )
        return replace(self, layout=layout, reading=reading)

    @property
    def cells(self) -> tuple[object, ...]:
        """What makes two readings the same."""
        reading = self.reading
        return reading.lines, reading.trailing, reading.row_names, reading.spaced, self.sample.records


def weighed(text: bytes, below: bytes, top: int, grammar: Grammar, pins: Pins, *, whole: bool) -> list[Weighed]:
    """The readings by one grammar: more than one where it isn't clear where the table begins."""
    plain = sample(below, grammar, whole=whole)
    table = Table(plain, pins.told)
    settled = pins.lines is not None
    layouts = table.layouts()
    head = _commented(text, top, table, layouts[0], pins) if not settled else None
    if head is not None:
        return [_with_comment(text, top, head, table, layouts[0], pins)]
    if (other := _commented_perhaps(text, top, table, layouts[0], pins)) is not None:
        doubt = f"The comment on line {other + 1:,} has as many cells as the table: it may be its header."
        layouts = [replace(layout, doubt=layout.doubt or doubt) for layout in layouts]
    most, found = 2.0, []
    for layout in layouts:  # the table says which is likelier: a score can't lift one above the one before it
        most = min(most, score(table, layout))
        found.append(_one(below, top, table, layout, most))
        most -= _STEP
    if len(found) > 1:
        best = max(score(table, layout) for layout in layouts)
        found[0] = replace(found[0], reading=replace(found[0].reading, score=best))
    if other is not None:
        one = _with_comment(text, top, other, table, layouts[0], pins)
        found.append(replace(one, reading=replace(one.reading, score=min(one.reading.score, most), commented=True)))
    return found


def _one(below: bytes, top: int, table: Table, layout: Layout, score: float) -> Weighed:
    plain = table.sample
    lines = top + count_lines(below[: plain.starts[layout.first]]) if plain.starts else top
    above = sum(len(record) == table.width and sum(map(bool, record)) > 1 for record in plain.records[: layout.first])
    head = plain.records[layout.first] if plain.records else ()
    reading = Reading(
        delimiter=plain.grammar.delimiter.decode(),
        quote=plain.grammar.quote.decode(),
        escape=plain.grammar.escape.decode(),
        lines=lines,
        commented=is_marked(head),
        trailing=layout.trailing,
        row_names=layout.row_names,
        spaced=table.width > 1 and plain.is_spaced,
        above=above,
        score=max(0.0, score),
    )
    doubt, at = (layout.doubt, 0) if layout.doubt else _swallows(table, layout, lines)
    return Weighed(reading=reading, table=table, layout=layout, doubt=doubt, at=at)


def is_marked(head: Sequence[bytes]) -> bool:
    """Whether a header begins with the mark of a comment, which is no part of its first name."""
    first = head[0].strip() if len(head) > 1 else b""
    return first.startswith(b"#") and bool(first.lstrip(b"#").strip())


def unquoted(one: Weighed) -> Weighed:
    """A reading without quotes, where quotes make nothing but broken records."""
    return replace(one, reading=replace(one.reading, score=lifted(one.reading.score)))


def _swallows(table: Table, layout: Layout, lines: int) -> tuple[str, int]:
    """Whether lines within a quoted cell would fit as records of their own, in a sentence, and the record's number.

    ``lines`` stand above the header.
    """
    plain, grammar = table.sample, table.sample.grammar
    if table.told.quoted or not plain.swallowing or table.width < 2 or not grammar.quote:
        return "", 0
    types = [column.type for column in columns(table.body(layout.first + 1), table.width)]
    for record in plain.swallowing[:_SWALLOWING]:
        rows = swallowed(plain.raw(record), grammar, table.width)
        if rows and fits(rows, types):
            first = plain.starts[layout.first]
            line = lines + 1 + count_lines(plain.text[first : plain.starts[record]])
            return stray_quotes(line, len(rows)), max(0, record - layout.first - 2)
    return "", 0


def stray_quotes(line: int, lines: int) -> str:
    """What is said of a quote that may have swallowed ``lines`` lines."""
    return (
        f"A quote that opens on line {line:,} ends {lines:,} {'line' if lines == 1 else 'lines'} further down, and the "
        "lines between look like records of their own: it may enclose text, or be a character like others."
    )


def fits(rows: Sequence[Sequence[bytes]], types: Sequence[str]) -> bool:
    """Whether the cells of ``rows`` are of the columns' types, where these have one."""
    return all(
        not kind or shape(cell) in ("", kind, "null") for row in rows for cell, kind in zip(row, types, strict=True)
    )


# Comments


def _commented(text: bytes, top: int, table: Table, layout: Layout, pins: Pins) -> int | None:
    """Which of the lines above the records is their header, though it begins with the mark of a comment."""
    if pins.told.has_header is False or table.width < 2 or not top or layout.known:
        return None
    lines = first_lines(text, top)
    grammar = table.sample.grammar
    for number, line in enumerate(lines):
        cells = grammar.cells(line.strip(b"\r\n")) if grammar.record.fullmatch(line.strip(b"\r\n")) else []
        if len(cells) in (table.width, table.width - 1) and len(cells) > 1:
            if cells[0].strip() == b"#" and all(cell.strip() for cell in cells):
                return number
            if table.told.is_known(cells):
                return number
    return commented_header(lines, table.sample, (), table.told.null_tokens)


def _commented_perhaps(text: bytes, top: int, table: Table, layout: Layout, pins: Pins) -> int | None:
    """A comment that has the table's form, where nothing tells whether the first record is a header."""
    if pins.lines is not None or pins.told.has_header is not None or table.width < 2 or layout.known or layout.first:
        return None
    if tell_header(table.records, (), pins.told.null_tokens):
        return None
    for number, line in enumerate(first_lines(text, top)):
        cells = uncommented(line, table.sample.grammar)
        if len(cells) == table.width and all(cell.strip() for cell in cells) and len({*cells}) == len(cells):
            return number
    return None


def _with_comment(text: bytes, top: int, head: int, table: Table, layout: Layout, pins: Pins) -> Weighed:
    """The reading whose header is line ``head`` of the comments."""
    plain = table.sample
    line = first_lines(text, top)[head].strip(b"\r\n")
    cells = plain.grammar.cells(line)
    marked = is_marked(cells)
    seen = Sample(
        grammar=plain.grammar,
        records=(tuple(uncommented(line, plain.grammar) if marked else cells), *plain.records),
        starts=(0, *plain.starts),
        ends=(0, *plain.ends),
        swallowing=tuple(record + 1 for record in plain.swallowing),
        text=plain.text,
    )
    whole = Table(seen, Told(known=pins.told.known, nameless=pins.told.nameless, has_header=True, settled=True))
    found = whole.layouts()[0]
    reading = Reading(
        delimiter=plain.grammar.delimiter.decode(),
        quote=plain.grammar.quote.decode(),
        escape=plain.grammar.escape.decode(),
        lines=head,
        commented=marked,
        below=top - head - 1,
        trailing=found.trailing,
        spaced=plain.is_spaced,
        score=score(whole, found) + (1 if pins.told.is_known(seen.records[0]) else 0),
    )
    doubt, at = _swallows(whole, found, top - 1)
    return Weighed(reading=reading, table=whole, layout=found, doubt=doubt, at=at)
