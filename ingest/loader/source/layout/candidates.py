"""Find the possible layouts of a table: by the known header of its dataset, else by its first lines."""

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
    likeliest = _by_known_header(table) or layouts_by_shape(table)
    return [complete for layout in likeliest for complete in _with_surplus(table, layout)]


def settled(table: Table, layout: Layout) -> Layout:
    """Return ``layout`` with whether its first record is a header (file-rules#header)."""
    if layout.has_header is None:
        is_header = detect_header(table.records[layout.first :], (), table.expected.null_tokens)
        layout = replace(layout, has_header=is_header is not False)
    return layout if layout.has_header else replace(layout, trailing=0, row_names=False, unnamed=False)


def _by_known_header(table: Table) -> list[Layout]:
    expected, records = table.expected, table.records
    if not expected.known or expected.settled or expected.has_header is False:
        return []
    lines = [n for n, record in enumerate(records[:HEADS]) if expected.is_known(record)]
    if not lines:
        return []
    first = max(lines, key=lambda n: (len(records[n]), -n))
    layout = Layout(first=first, known=True)
    wide = count_wide(table, first)
    if wide <= expected.above:
        return [layout]
    verb = "is" if wide == 1 else "are"
    doubt = f"There {verb} {count_lines_in_words(wide)} as wide as the table above the header that its dataset knows."
    return [replace(layout, doubt=doubt), Layout(has_header=True, known=False, doubt=doubt)]


# Surplus cells


def _with_surplus(table: Table, layout: Layout) -> list[Layout]:
    """Return what the records have more than the header, or the header more than it has names."""
    head = table.records[layout.first]
    if layout.has_header is False or not head:  # none, or one that can't be read
        return [layout]
    below = [record for record in table.records[layout.first + 1 :] if record and record != head]
    longer = [record for record in below if len(record) == len(head) + 1]
    if below and len(longer) >= _MOST * len(below):
        return _one_more(table, layout, head, longer)
    named = len(head)
    nameless = table.expected.nameless
    while named > 1 and not likeness(head[named - 1].decode("utf-8", "replace")) and named not in nameless:
        named -= 1
    trailing = len(head) - max(named, _last_filled(len(head), below)) if below else 0
    return [replace(layout, trailing=trailing)]


def _last_filled(width: int, below: Sequence[Sequence[bytes]]) -> int:
    """Return the last column, from 1, in which a record has a value."""
    most = 0
    for record in below:
        for place in range(min(width, len(record)), most, -1):
            if record[place - 1].strip():
                most = place
                break
    return most


def _one_more(table: Table, layout: Layout, head: Sequence[bytes], longer: Sequence[Sequence[bytes]]) -> list[Layout]:
    """Return layouts with a trailing delimiter, R's row names, or a header that lacks its last name."""
    expected = table.expected
    if sum(not record[-1].strip(_BLANK) for record in longer) >= _MOST * len(longer):
        return [replace(layout, trailing=1)]
    possible = [replace(layout, row_names=True), replace(layout, unnamed=True)]
    for place, candidate in zip((1, len(head) + 1), possible, strict=True):
        if place in expected.nameless and expected.is_known(head):
            return [candidate]
    if sum(not record[-1].strip() for record in longer) >= _MOST * len(longer):  # line ends in quotes
        possible.reverse()
    if expected.has_header and expected.settled:  # both are pinned: the header is this one
        return [layout]
    if layout.doubt:
        return [layout]
    doubt = f"The header has {count_cells(len(head))}, every record {len(head) + 1:,}."
    return [replace(candidate, doubt=doubt) for candidate in (*possible, layout)]
