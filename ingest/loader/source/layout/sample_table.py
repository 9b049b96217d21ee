"""The records of a sample as a table, with what its dataset already knows about it."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ingest.loader.source.identifiers import likeness
from ingest.loader.source.layout.sample import Sample

_JUDGED, _CELLS = 150, 4_000
"""Records, and cells in all, by which columns are judged."""


@dataclass(frozen=True, kw_only=True)
class KnownLayout:
    """What is known before a file is looked at."""

    known: Mapping[str, int] = field(default_factory=dict)
    """The headers that the dataset has met, as they are compared, and how often a file had each."""
    nameless: frozenset[int] = frozenset()
    """The columns, from 1, that the dataset has met without a name."""
    null_tokens: Collection[str] = ()
    has_header: bool | None = None
    """As it is pinned."""
    settled: bool = False
    """Whether the lines above the header are pinned, so that none is looked for."""
    quoted: bool = False
    """Whether the quote is pinned, so that what it encloses is no question."""
    above: int = 0
    """Lines of the table's width that stood above the header in the file that taught it."""

    def is_known(self, cells: Sequence[bytes]) -> bool:
        """Return whether they are all headers that the dataset knows."""
        texts = [likeness(cell.decode("utf-8", "replace")) for cell in cells]
        named = Counter(text for text in texts if text)
        whole = named.total() > 1 or len(self.known) == 1 == len(texts)
        if not whole:
            return False
        unmarked = likeness(texts[0].lstrip("#"))
        if texts[0] not in self.known and unmarked in self.known:
            named = named - Counter([texts[0]]) + Counter([unmarked])
        return all(count <= self.known.get(text, 0) for text, count in named.items())


class Table:
    """The records of a sample as a table."""

    def __init__(self, sample: Sample, expected: KnownLayout) -> None:
        self.sample, self.expected = sample, expected
        self.records = sample.records

    @cached_property
    def width(self) -> int:
        """Return the number of cells that most records have."""
        return self.sample.width

    def body(self, first: int) -> list[tuple[bytes, ...]]:
        """Return the records from ``first`` on that have the table's width, as many as are judged."""
        most = min(_JUDGED, 2 + _CELLS // max(self.width, 1))
        matching = []
        for record in self.records[first:]:
            if len(record) == self.width:
                matching.append(record)
                if len(matching) == most:
                    break
        return matching

    def agreement(self, first: int) -> float:
        """Return the share of the records from ``first`` on that have the table's width."""
        below = self.records[first:]
        return sum(len(record) == self.width for record in below) / len(below) if below else 0

    def share_known(self, cells: Sequence[bytes]) -> float:
        """Return the share of them that are headers that the dataset knows."""
        return sum(likeness(cell.decode("utf-8", "replace")) in self.expected.known for cell in cells) / max(
            len(cells), 1
        )


def is_full(record: Sequence[bytes]) -> bool:
    """Return whether more than one cell of a record isn't blank."""
    return sum(1 for cell in record if cell.strip()) > 1


def count_wide(table: Table, first: int) -> int:
    """Return how many lines above record ``first`` are as wide as the table, with more than one value."""
    return sum(len(record) >= table.width and (is_full(record) or table.width == 1) for record in table.records[:first])


def count_cells(count: int) -> str:
    """Return a number of cells in words."""
    return "1 cell" if count == 1 else f"{count:,} cells"


def count_lines_in_words(count: int) -> str:
    """Return a number of lines in words."""
    return "1 line" if count == 1 else f"{count:,} lines"
