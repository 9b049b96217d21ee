"""Find lines at the head of a file that may be above its table: titles, other tables, control records."""

from collections.abc import Sequence
from dataclasses import replace

from ingest.loader.source.layout.cell_shapes import TYPED, columns, shape
from ingest.loader.source.layout.header_detection import detect_header
from ingest.loader.source.layout.header_likeness import has_usual_names, is_certain_header, is_header, recurs
from ingest.loader.source.layout.layout import HEADS, Layout
from ingest.loader.source.layout.sample_table import Table, count_lines_in_words, is_full


def layouts_by_shape(table: Table) -> list[Layout]:
    """Return the layouts of a table with an unknown header; several where lines above it may be titles or not.

    A title is skipped only where a header can be recognized beneath it (file-rules#titles): else someone is asked.
    """
    expected = table.expected
    if expected.settled or expected.has_header is False:
        return [_headed(table, 0)]
    if candidates := _one_cell_short(table):
        return candidates
    first = _skippable(table)
    if not first:
        return _padded(table) or _wider(table) or _controls(table) or [_headed(table, 0)]
    if is_certain_header(table, first):
        return [_headed(table, first)]
    return _doubtful_titles(table, first)


def _headed(table: Table, first: int) -> Layout:
    """Return the table from ``first`` on; whether that is a header is told once the reading is chosen."""
    return Layout(first=first, has_header=table.expected.has_header)


# Titles


def _skippable(table: Table) -> int:
    """Return how many lines at the head could be titles: one filled cell at most, or fewer than the table has."""
    first = 0
    for record in table.records[: HEADS + 1]:
        surplus = table.width - len(record)
        narrow = surplus > 1 or (surplus == 1 and len(record) == 1 and table.width > 1)
        padded = len(record) <= table.width and table.width > 2 and not is_full(record)
        if not record or not (narrow or padded):
            break
        first += 1
    return first if first <= HEADS and _has_table(table, first) else 0


def _one_cell_short(table: Table) -> list[Layout]:
    """Below lines of two cells and more, with one cell less than the table, such as ``Account,12345``.

    A header that lacks a name, or short records, look alike: so the header beneath must be certain. Unless there are
    several such lines, and each has a value that no name would be, someone is asked.
    """
    first, short = 0, []
    for record in table.records[: HEADS + 1]:
        is_short = 1 < len(record) == table.width - 1
        is_title = record and len(record) <= table.width and not is_full(record)
        if not (is_short or is_title):
            break
        first += 1
        short += [record] if is_short else []
    if not short or first > HEADS or not _has_table(table, first) or not is_certain_header(table, first):
        return []
    has_value = [any(shape(cell) in TYPED for cell in record) for record in short]
    if any(has_value) and not has_value[0]:  # a header and its records: another table, or this one
        return []
    if len(short) > 1 and all(has_value):
        return [_headed(table, first)]
    return _doubtful_titles(table, first)


def _padded(table: Table) -> list[Layout]:
    """Below lines of a value and a blank cell, ``Report,``; which may head two columns, unless a header is certain."""
    first = 0
    for record in table.records[:HEADS]:
        if len(record) != 2 or not record[0].strip() or record[1].strip():
            break
        first += 1
    if first and table.width == 2 and _has_table(table, first) and is_certain_header(table, first):
        return [_headed(table, first)]
    return []


def _wider(table: Table) -> list[Layout]:
    """Below lines that have more cells than the table: only those of one value are skipped unasked."""
    first = 0
    while first < min(HEADS, len(table.records)) and len(table.records[first]) > table.width:
        first += 1
    if not first or not _has_table(table, first) or not is_certain_header(table, first):
        return []
    if not any(map(is_full, table.records[:first])):
        return [_headed(table, first)]
    doubt = (
        f"The file begins with {count_lines_in_words(first)} with more cells than the records below, which have "
        f"{table.width}: they may be a title, or the header."
    )
    return [replace(_headed(table, first), doubt=doubt), Layout(doubt=doubt)]


def _has_table(table: Table, first: int) -> bool:
    fitting = sum(len(record) == table.width for record in table.records[first:])
    return table.width > 1 and fitting >= max(2, (len(table.records) - first) / 2)


def _doubtful_titles(table: Table, first: int) -> list[Layout]:
    doubt = (
        f"The file begins with {count_lines_in_words(first)} with fewer cells than the records "
        f"below, which have {table.width}: they may be a title, or a header that doesn't fit."
    )
    skipped, kept = replace(_headed(table, first), doubt=doubt), Layout(doubt=doubt)
    return [skipped, kept] if _looks_like_title(table, first) else [kept, skipped]


def _looks_like_title(table: Table, first: int) -> bool:
    """Return whether the lines read like titles, where nothing beneath them tells a header for certain."""
    records, plain = table.records, table.sample
    between = plain.text[plain.ends[first - 1] : plain.starts[first]]
    if between.count(b"\n") + between.count(b"\r") - between.count(b"\r\n") > 1:  # a blank line
        return True
    worded = any(len(record[0].split()) > 1 for record in records[:first] if record)
    if shape(records[0][0]) in TYPED:  # no name for a column
        return True
    own = detect_header([records[first], *table.body(first + 1)], (), table.expected.null_tokens)
    if own is False and len(records[0]) >= table.width:  # names are missing, rather than a header
        return False
    return table.width > 2 or bool(own) or (worded and not recurs(table, first))


# Control records


def _controls(table: Table) -> list[Layout]:
    """Return layouts with the header below full lines of other values, such as control records."""
    if table.width < 2:
        return []
    for first in range(1, min(HEADS, len(table.records) - 2)):
        head = table.records[first]
        above = [record for record in table.records[:first] if len(record) == table.width]
        if len(head) != table.width or head == table.records[0] or not all(cell.strip() for cell in head):
            continue
        if any(shape(cell) in TYPED for cell in head) or not _is_other(table, first, above):
            continue
        if _parts(table, first, above):
            doubt = (
                f"The header may be line {first + 1} of the table: the lines below it hold different values from "
                "those above it, which are as wide as the table."
            )
            return [replace(_headed(table, first), doubt=doubt), replace(_headed(table, 0), doubt=doubt)]
    return []


def _is_other(table: Table, first: int, above: Sequence[Sequence[bytes]]) -> bool:
    """Return whether no line above is a header: one has a typed value, or the line below is clearly one."""
    if any(shape(cell) in TYPED for record in above for cell in record):
        return True
    if len(above) < first:  # a narrower table, or titles
        return False
    return is_certain_header(table, first) and not has_usual_names(table, table.records[0])


def _parts(table: Table, first: int, above: Sequence[Sequence[bytes]]) -> bool:
    """Return whether each line above has something that no column below ``first`` takes, which all end in one type."""
    if not is_header(table, first):
        return False
    below = columns(table.body(first + 1), table.width)
    return all(
        any(
            column.type and shape(cell) not in ("", column.type, "null")
            for column, cell in zip(below, record, strict=True)
        )
        for record in above
    )
