"""Find quoted cells in a file's head that may have swallowed records."""

from collections.abc import Sequence

from ingest.loader.source.layout.cell_shapes import columns, shape
from ingest.loader.source.layout.layout import Layout
from ingest.loader.source.layout.sample import count_lines, swallowed
from ingest.loader.source.layout.sample_table import Table

_SWALLOWING = 40
"""Records over several lines that are examined."""


def swallows(table: Table, layout: Layout, lines: int) -> tuple[str, int]:
    """Return a sentence if lines within a quoted cell look like records, and that record's number.

    ``lines`` stand above the header.
    """
    plain, grammar = table.sample, table.sample.grammar
    if table.expected.quoted or not plain.swallowing or table.width < 2 or not grammar.quote:
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
    """Return what is said of a quote that may have swallowed ``lines`` lines."""
    return (
        f"A quote that opens on line {line:,} closes {lines:,} {'line' if lines == 1 else 'lines'} below, and the "
        "lines in between look like records: the quotes may enclose text, or be part of it."
    )


def fits(rows: Sequence[Sequence[bytes]], types: Sequence[str]) -> bool:
    """Return whether the cells of ``rows`` are of the columns' types, where these have one."""
    return all(
        not kind or shape(cell) in ("", kind, "null") for row in rows for cell, kind in zip(row, types, strict=True)
    )
