"""Score a reading of a file's head by the widths of its rows and the types of its cells.

The measure is that of CleverCSV (van den Burg and others, 2019) with other shapes: how far the rows agree on a number
of cells, times how coherent the cells of each column are.
"""

from ingest.loader.source.layout.cell_shapes import columns, shape
from ingest.loader.source.layout.layout import Layout
from ingest.loader.source.layout.sample import Sample
from ingest.loader.source.layout.sample_table import Table

_ONE_COLUMN = 0.45
"""What a single column is worth beside a table of several: any file can be read so."""
_UNFITTING = 0.6
"""What a reading is worth whose header has another number of cells than its records."""
_COLUMNS = 500
"""Columns of a wide table that are judged."""
_LINES = 150
"""Lines by which a single column is judged."""
_PRIOR = {'"': 1.0, "'": 0.97, "": 0.1}
"""How usual each quote is. A broken one is no reason to take all for characters: its record is rejected."""
_UNQUOTED = 0.94
"""None, where quotes make nothing but broken records."""
_ESCAPED = 0.99
_BROKEN, _BROKEN_SHARE = 10, 0.1


def score(table: Table, layout: Layout) -> float:
    """Return how well a reading fits, 0 to 1; a header that the dataset knows goes above all."""
    plain, width = table.sample, table.width
    if not plain.records or not width:
        return 0
    body: list[tuple[bytes, ...]] = table.body(layout.first + (layout.has_header is not False))
    body = body or table.body(layout.first)
    if width == 1:  # whichever delimiter it is that cuts nothing
        body = plain.lines(1, _LINES) or body
    judged = columns(body, min(width, _COLUMNS))
    worth = sum(column.worth for column in judged) / len(judged)
    agreement = table.agreement(layout.first)
    fit: float = agreement * agreement * worth
    head = plain.records[layout.first]
    if width == 1:
        fit *= worth * _ONE_COLUMN * (0.1 if len(head) == 1 and shape(head[0]) == "glued" else 1)
    else:
        fit *= 1 - 0.4 / width
        if head and len(head) != width and not (layout.trailing or layout.row_names or layout.unnamed):
            fit *= _UNFITTING
    known = table.expected.known
    if known and layout.has_header is not False:
        fit += 1 if layout.known else 0.3 * table.share_known(head)
    quote, escape = plain.grammar.quote.decode(), plain.grammar.escape.decode()
    return fit * _PRIOR.get(quote, 1) * (1 if quote == escape else _ESCAPED)


def is_broken(plain: Sample) -> bool:
    """Return whether quotes make many records malformed, and no cell is in quotes as it should be."""
    malformed = plain.records.count(())
    quote = plain.grammar.quote
    return (
        malformed > _BROKEN
        and malformed > _BROKEN_SHARE * len(plain.records)
        and not any(quote in plain.raw(n) and _in_quotes(plain, n) for n, record in enumerate(plain.records) if record)
    )


def _in_quotes(plain: Sample, record: int) -> bool:
    return any(quote for quote, _, _ in plain.grammar.cell.findall(plain.raw(record) + plain.grammar.delimiter))


def lifted(fit: float) -> float:
    """Return the score of a reading without quotes, where quotes make nothing but broken records."""
    return fit / _PRIOR[""] * _UNQUOTED
