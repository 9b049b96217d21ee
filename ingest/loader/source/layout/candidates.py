"""The layouts that a table may have: by the header that its dataset knows, else by the shape of its first lines."""

from collections.abc import Sequence
from dataclasses import replace

from ingest.loader.source.identifiers import likeness
from ingest.loader.source.layout.header_detection import detect_header
from ingest.loader.source.layout.layout import HEADS, Layout
from ingest.loader.source.layout.sample_table import Table, count_cells, count_lines_in_words, count_wide
from ingest.loader.source.layout.titles import layouts_by_shape

_BLANK = b" \t"
"""What a blank cell consists of: a line end in quotes is a value."""
_MOST = 0.9
"""Nearly all."""


def layouts(table: Table) -> list[Layout]:
    """Return how the table may be laid out, the likeliest first; more than one where it isn't clear."""
    if not table.records:
        return [Layout()]
    found = _by_known_header(table) or layouts_by_shape(table)
    return [each for one in found for each in _with_surplus(table, one)]


def settled(table: Table, found: Layout) -> Layout:
    """Return ``found`` with whether its first record is a header (BEHAVIOUR 3)."""
    if found.has_header is None:
        told = detect_header(table.records[found.first :], (), table.told.null_tokens)
        found = replace(found, has_header=told is not False)
    return found if found.has_header else replace(found, trailing=0, row_names=False, unnamed=False)


def _by_known_header(table: Table) -> list[Layout]:
    told, records = table.told, table.records
    if not told.known or told.settled or told.has_header is False:
        return []
    lines = [n for n, record in enumerate(records[:HEADS]) if told.is_known(record)]
    if not lines:
        return []
    first = max(lines, key=lambda n: (len(records[n]), -n))
    found = Layout(first=first, known=True)
    wide = count_wide(table, first)
    if wide <= told.above:
        return [found]
    there = "is" if wide == 1 else "are"
    doubt = f"There {there} {count_lines_in_words(wide)} as wide as the table above the header that its dataset knows."
    return [replace(found, doubt=doubt), Layout(has_header=True, known=False, doubt=doubt)]


# Surplus cells


def _with_surplus(table: Table, found: Layout) -> list[Layout]:
    """Return what the records have more than the header, or the header more than it has names."""
    head = table.records[found.first]
    if found.has_header is False or not head:  # none, or one that can't be read
        return [found]
    below = [record for record in table.records[found.first + 1 :] if record and record != head]
    longer = [record for record in below if len(record) == len(head) + 1]
    if below and len(longer) >= _MOST * len(below):
        return _one_more(table, found, head, longer)
    named = len(head)
    nameless = table.told.nameless
    while named > 1 and not likeness(head[named - 1].decode("utf-8", "replace")) and named not in nameless:
        named -= 1
    trailing = len(head) - max(named, _last_filled(len(head), below)) if below else 0
    return [replace(found, trailing=trailing)]


def _last_filled(width: int, below: Sequence[Sequence[bytes]]) -> int:
    """Return the last column, from 1, in which a record has a value."""
    most = 0
    for record in below:
        for place in range(min(width, len(record)), most, -1):
            if record[place - 1].strip():
                most = place
                break
    return most


def _one_more(table: Table, found: Layout, head: Sequence[bytes], longer: Sequence[Sequence[bytes]]) -> list[Layout]:
    """Return layouts with a trailing delimiter, R's row names, or a header that lacks its last name."""
    told = table.told
    if sum(not record[-1].strip(_BLANK) for record in longer) >= _MOST * len(longer):
        return [replace(found, trailing=1)]
    possible = [replace(found, row_names=True), replace(found, unnamed=True)]
    for place, one in zip((1, len(head) + 1), possible, strict=True):
        if place in told.nameless and told.is_known(head):
            return [one]
    if sum(not record[-1].strip() for record in longer) >= _MOST * len(longer):  # line ends in quotes
        possible.reverse()
    if told.has_header and told.settled:  # both are pinned: the header is this one
        return [found]
    if found.doubt:
        return [found]
    doubt = f"The header has {count_cells(len(head))}, every record {len(head) + 1:,}."
    return [replace(one, doubt=doubt) for one in (*possible, found)]
