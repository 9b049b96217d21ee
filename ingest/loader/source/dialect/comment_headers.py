"""Find headers that are written as comments, such as ``#id,name``."""

from collections.abc import Sequence

from ingest.loader.source.dialect.candidate import Pins, Reading, ScoredReading
from ingest.loader.source.dialect.scoring import score
from ingest.loader.source.dialect.swallowed_lines import swallows
from ingest.loader.source.layout.candidates import layouts
from ingest.loader.source.layout.header_detection import commented_header, detect_header, uncommented
from ingest.loader.source.layout.layout import Layout
from ingest.loader.source.layout.sample import Sample, first_lines
from ingest.loader.source.layout.sample_table import KnownLayout, Table


def is_marked(head: Sequence[bytes]) -> bool:
    """Return whether a header begins with the mark of a comment, which is no part of its first name."""
    first = head[0].strip() if len(head) > 1 else b""
    return first.startswith(b"#") and bool(first.lstrip(b"#").strip())


def commented(text: bytes, top: int, table: Table, layout: Layout, pins: Pins) -> int | None:
    """Return which line above the records is their header, though it begins with the mark of a comment."""
    if pins.expected.has_header is False or table.width < 2 or not top or layout.known:
        return None
    lines = first_lines(text, top)
    grammar = table.sample.grammar
    for number, line in enumerate(lines):
        cells = grammar.cells(line.strip(b"\r\n")) if grammar.record.fullmatch(line.strip(b"\r\n")) else []
        if len(cells) in (table.width, table.width - 1) and len(cells) > 1:
            if cells[0].strip() == b"#" and all(cell.strip() for cell in cells):
                return number
            if table.expected.is_known(cells):
                return number
    return commented_header(lines, table.sample, (), table.expected.null_tokens)


def commented_perhaps(text: bytes, top: int, table: Table, layout: Layout, pins: Pins) -> int | None:
    """Return a comment that has the table's form, where nothing tells whether the first record is a header."""
    if (
        pins.lines is not None
        or pins.expected.has_header is not None
        or table.width < 2
        or layout.known
        or layout.first
    ):
        return None
    if detect_header(table.records, (), pins.expected.null_tokens):
        return None
    for number, line in enumerate(first_lines(text, top)):
        cells = uncommented(line, table.sample.grammar)
        if len(cells) == table.width and all(cell.strip() for cell in cells) and len({*cells}) == len(cells):
            return number
    return None


def with_comment(text: bytes, top: int, head: int, table: Table, layout: Layout, pins: Pins) -> ScoredReading:
    """Return the reading whose header is line ``head`` of the comments."""
    plain = table.sample
    line = first_lines(text, top)[head].strip(b"\r\n")
    cells = plain.grammar.cells(line)
    marked = is_marked(cells)
    headed = Sample(
        grammar=plain.grammar,
        records=(tuple(uncommented(line, plain.grammar) if marked else cells), *plain.records),
        starts=(0, *plain.starts),
        ends=(0, *plain.ends),
        swallowing=tuple(record + 1 for record in plain.swallowing),
        text=plain.text,
    )
    whole = Table(
        headed, KnownLayout(known=pins.expected.known, nameless=pins.expected.nameless, has_header=True, settled=True)
    )
    header_layout = layouts(whole)[0]
    reading = Reading(
        delimiter=plain.grammar.delimiter.decode(),
        quote=plain.grammar.quote.decode(),
        escape=plain.grammar.escape.decode(),
        lines=head,
        commented=marked,
        below=top - head - 1,
        trailing=header_layout.trailing,
        spaced=plain.is_spaced,
        score=score(whole, header_layout) + (1 if pins.expected.is_known(headed.records[0]) else 0),
    )
    doubt, at = swallows(whole, header_layout, top - 1)
    return ScoredReading(reading=reading, table=whole, layout=header_layout, doubt=doubt, at=at)
