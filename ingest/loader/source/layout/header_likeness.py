"""Decide whether a line looks like a header: by common names, or by the types of the values below it."""

import re
from collections.abc import Sequence

from ingest.loader.source.layout.cell_shapes import TYPED, Column, columns, shape
from ingest.loader.source.layout.header_detection import is_year
from ingest.loader.source.layout.sample_table import Table, is_full

USUAL = frozenset(
    """
    id no number nr code key name names surname firstname lastname email e-mail mail phone telephone address street
    city town country state region zip postcode postal date day month year time timestamp amount price total sum
    quantity qty count value type category class status description comment note notes title sex gender age currency
    unit product item customer supplier vendor department company balance reference url color colour size weight
    latitude longitude lat lon nummer vorname nachname ort stadt land straße plz datum uhrzeit betrag preis menge
    anzahl beschreibung bemerkung kunde nom prénom ville pays adresse prix quantité nombre apellido nombres ciudad
    país fecha precio cantidad cognome nome città data prezzo quantità naam stad
    """.split()  # noqa: SIM905 - one word a line would be 100 lines
)
"""Words that head columns, in the languages that we meet most."""
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)?")
_MOST_NAMES = 0.5
_PROOF = 2
"""Values of a type that a column needs to prove that the word above them is its name."""
_SENTENCE, _LONG = 5, 40
"""Words, or characters, from which a cell is a title rather than the name of a column."""
_NAMELESS = 3
"""So many blank cells after a value are no columns without a name."""


def is_header(table: Table, first: int) -> bool:
    """Return whether a header can be recognized at ``first``: a name over a column of numbers, dates or the like."""
    head = table.records[first]
    shapes = [shape(cell) for cell in head]
    if any(
        cell_shape in ("null", "odd") or (cell_shape in TYPED and not is_year(cell))
        for cell_shape, cell in zip(shapes, head, strict=True)
    ):
        return False
    return has_usual_names(table, head) or bool(_named_types(table, first))


def is_certain_header(table: Table, first: int) -> bool:
    """Return whether the line ``first`` is so clearly a header that the lines above it can be skipped.

    ``score`` over ``Miller,x`` and ``Smith,5`` has a word above a number in its second line as well, and is a header
    of one cell over records that hold the delimiter. So one column of a type is proof only below what can't be the
    name of a column.
    """
    if not is_header(table, first):
        return False
    head = table.records[first]
    if has_usual_names(table, head):
        return True
    below = [record for record in table.body(first + 1) if record != head]
    proving = [column for column in _named_types(table, first) if column.values >= _PROOF]
    filled = [column for column in columns(below, table.width) if column.values]
    if len(proving) > 1 and (len(proving) == len(filled) or all(column.values > _PROOF for column in proving)):
        return True
    return bool(proving) and all(map(_is_no_name, table.records[:first])) and not recurs(table, first)


def has_usual_names(table: Table, head: Sequence[bytes]) -> bool:
    """Return whether most of its cells are words that head columns everywhere."""
    words = [_WORD.findall(cell.decode("utf-8", "replace").casefold()) for cell in head]
    usual = sum(bool(words_in_cell) and words_in_cell[-1] in USUAL for words_in_cell in words)
    return len(head) == table.width and usual > 1 and usual >= _MOST_NAMES * len(head)


def recurs(table: Table, first: int) -> bool:
    """Return whether a cell of the line ``first`` is met again below it, or begins with a space: it may be a value."""
    head = table.records[first]
    below = [record for record in table.body(first + 1) if record != head]
    return any(
        cell.startswith(b" ") or any(record[place : place + 1] == (cell,) for record in below)
        for place, cell in enumerate(head)
    )


def _named_types(table: Table, first: int) -> list[Column]:
    """Return the columns of one type below the line ``first`` whose cell in it is of no type."""
    head = table.records[first]
    body = [record for record in table.body(first + 1) if record != head]
    if len(head) not in (table.width, table.width - 1) or not body:
        return []
    below = columns(body, table.width)[: len(head)]
    return [
        column
        for cell, column in zip(head, below, strict=True)
        if column.type and (name_shape := shape(cell)) and name_shape != column.type
    ]


def _is_no_name(record: Sequence[bytes]) -> bool:
    """Return whether a line can't be column names: it has a typed value, is long, or has one filled cell of several."""
    if any(shape(cell) in TYPED and not is_year(cell) for cell in record):
        return True
    if is_full(record):
        return False
    text = b" ".join(record).decode("utf-8", "replace").strip()
    return len(record) > _NAMELESS or len(text.split()) >= _SENTENCE or len(text) > _LONG or any(map(str.isdigit, text))
