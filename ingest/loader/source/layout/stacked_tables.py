"""Find a second table below the first in a file: one with other columns, or the same one written twice."""

from dataclasses import dataclass

from ingest.loader.outcome.target import REJECT_COUNT, REJECT_SHARE
from ingest.loader.source.layout.header_likeness import is_header
from ingest.loader.source.layout.sample_table import Table, count_cells

_LEAST = 2
"""Records that the first table has at least."""
_ALIKE = 3
"""Records that have the second table's width from its first line on."""
_FEW = 0.1
"""The share of other records that a table may have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stacked:
    """Where another table begins."""

    at: int
    """Its first record."""
    doubt: str
    """What that means, in a sentence; ``{line}`` stands for its first line."""
    is_other: bool
    """Whether it is a table of its own, rather than the same once more."""


def stacked(table: Table, first: int, *, whole: bool) -> Stacked | None:
    """Return the second table below the one that begins at record ``first``; ``whole``: the sample is all of the file.

    It has a header of its own, and so many records that the run would fail, since they would be rejected. A repeated
    header alone is no second table: joined files have that (file-rules#joined-files).
    """
    if len(table.records) <= first + 1 + _LEAST:
        return None
    return _other_width(table, first) or (_twice(table, first) if whole else None)


def _other_width(table: Table, first: int) -> Stacked | None:
    widths = [len(record) for record in table.records]
    top = first + 1
    own = widths[top]
    at = next((n for n in range(top + _LEAST, len(widths)) if _begins(widths, n, own)), None)
    if at is None or own < 2:
        return None
    above, below = widths[top:at], widths[at:]
    rejected = len(below) - below.count(own)
    if not table.records[at] or not is_header(Table(table.sample.part(at, len(widths)), table.expected), 0):
        return None
    if above.count(own) < (1 - _FEW) * len(above) or below.count(own) > _FEW * len(below):
        return None
    if rejected <= REJECT_COUNT or rejected <= REJECT_SHARE * (len(widths) - top):
        return None
    doubt = (
        f"The first {at - top:,} records have {count_cells(own)}, those from line {{line:,}} on {widths[at]:,}: they "
        "look like two tables, one below the other."
    )
    return Stacked(at=at, doubt=doubt, is_other=widths[at] > 1)


def _begins(widths: list[int], at: int, own: int) -> bool:
    """Return whether records of another width begin at ``at``."""
    return widths[at] != own and widths[at] > 0 and widths[at : at + _ALIKE] == [widths[at]] * _ALIKE


def _twice(table: Table, first: int) -> Stacked | None:
    """Return the header once more, and below it nearly the same records as above it."""
    records, head = table.records, table.records[first]
    at = next((n for n in range(first + 1 + _LEAST, len(records)) if records[n] == head), None)
    if at is None or len(head) < 2:
        return None
    above, below = records[first + 1 : at], [record for record in records[at:] if record != head]
    again = sum(map({*above}.__contains__, below))
    if again < (1 - _FEW) * max(len(above), len(below)):
        return None
    doubt = (
        f"The header is repeated on line {{line:,}}, and {again:,} of the {len(below):,} records below it are also "
        "above it: the table may have been written twice."
    )
    return Stacked(at=at, doubt=doubt, is_other=False)
