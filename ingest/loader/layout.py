"""Where the table begins in records that were cut one way: the lines above its header, the header, surplus cells."""

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from ingest.loader.names import likeness
from ingest.loader.shapes import TYPED, columns, shape
from ingest.loader.sniff import Sample, is_year, tell_header

HEADS = 20
"""So many lines can stand above a header."""
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
_MOST = 0.9
"""Nearly all."""
_JUDGED, _CELLS = 150, 4_000
"""Records, and cells in all, by which columns are judged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Where a table begins, and what its records have beside the header's cells."""

    first: int = 0
    """The record that is the header, or the first one where there is none."""
    has_header: bool | None = True
    """None: to be told by its values."""
    trailing: int = 0
    """Blank cells behind those of the header that records have, and that are no columns."""
    row_names: bool = False
    """Whether each record begins with a cell that the header has no name for."""
    known: bool = False
    """Whether it is the header that the dataset knows."""
    doubt: str = ""
    """Why it isn't clear, in a sentence."""


@dataclass(frozen=True, kw_only=True)
class Told:
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
        """Whether they are all headers that the dataset knows."""
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

    def __init__(self, sample: Sample, told: Told) -> None:
        self.sample, self.told = sample, told
        self.records = sample.records

    @cached_property
    def width(self) -> int:
        """The number of cells that most records have."""
        return self.sample.width

    def body(self, first: int) -> list[tuple[bytes, ...]]:
        """The records from ``first`` on that have the table's width, as many as are judged."""
        most = min(_JUDGED, 2 + _CELLS // max(self.width, 1))
        found = []
        for record in self.records[first:]:
            if len(record) == self.width:
                found.append(record)
                if len(found) == most:
                    break
        return found

    def agreement(self, first: int) -> float:
        """The share of the records from ``first`` on that have the table's width."""
        below = self.records[first:]
        return sum(len(record) == self.width for record in below) / len(below) if below else 0

    def layouts(self) -> list[Layout]:
        """How the table may be laid out, the likeliest first; more than one where it isn't clear."""
        if not self.records:
            return [Layout()]
        found = self._by_known_header() or self._by_shape()
        return [each for one in found for each in self._with_surplus(one)]

    # The known header

    def share_known(self, cells: Sequence[bytes]) -> float:
        """The share of them that are headers that the dataset knows."""
        return sum(likeness(cell.decode("utf-8", "replace")) in self.told.known for cell in cells) / max(len(cells), 1)

    def _by_known_header(self) -> list[Layout]:
        if not self.told.known or self.told.settled or self.told.has_header is False:
            return []
        lines = [n for n, record in enumerate(self.records[:HEADS]) if self.told.is_known(record)]
        if not lines:
            return []
        first = max(lines, key=lambda n: (len(self.records[n]), -n))
        found = Layout(first=first, known=True)
        wide = sum(self._is_full(record) and len(record) >= self.width for record in self.records[:first])
        if wide <= self.told.above:
            return [found]
        doubt = f"{_lines(wide)} as wide as the table above the header that its dataset knows"
        return [replace(found, doubt=f"There {doubt}."), Layout(has_header=True, known=False, doubt=f"There {doubt}.")]

    # Titles and control lines

    def _by_shape(self) -> list[Layout]:
        if self.told.settled or self.told.has_header is False:
            return [self._headed(0)]
        first = self._skippable()
        if not first and (wider := self._wider()):
            return [self._headed(wider)]
        if not first:
            return self._controls() or [self._headed(0)]
        if self.width > 1 and self.heads(first):
            return [self._headed(first)]
        return self._doubtful_titles(first)

    def _wider(self) -> int:
        """How many lines at the head have more cells than the table, where a header can be told beneath them."""
        first = 0
        while first < min(HEADS, len(self.records)) and len(self.records[first]) > self.width:
            first += 1
        return first if first and self.width > 1 and self._has_table(first) and self.heads(first) else 0

    def _skippable(self) -> int:
        """How many lines at the head could be titles: one filled cell at most, or fewer than the table has."""
        first = 0
        for record in self.records[: HEADS + 1]:
            surplus = self.width - len(record)
            narrow = surplus > 1 or (surplus == 1 and self._stands_alone(record))
            if not record or not (narrow or self._is_title(record)):
                break
            first += 1
        return first if first <= HEADS and self._has_table(first) else 0

    def _stands_alone(self, record: Sequence[bytes]) -> bool:
        """Whether a line that is one cell short of the table is a title rather than its header."""
        return len(record) == 1 and self.width > 1

    def _is_title(self, record: Sequence[bytes]) -> bool:
        return len(record) <= self.width and self.width > 2 and not self._is_full(record)

    @staticmethod
    def _is_full(record: Sequence[bytes]) -> bool:
        return sum(1 for cell in record if cell.strip()) > 1

    def _has_table(self, first: int) -> bool:
        fitting = sum(len(record) == self.width for record in self.records[first:])
        return self.width > 1 and fitting >= max(2, (len(self.records) - first) / 2)

    def heads(self, first: int) -> bool:
        """Whether a header can be told at ``first``: a name over a column of numbers, dates or the like."""
        head = self.records[first]
        shapes = [shape(cell) for cell in head]
        if any(
            found in ("null", "odd") or (found in TYPED and not is_year(cell))
            for found, cell in zip(shapes, head, strict=True)
        ):
            return False
        if self._has_usual_names(head):
            return True
        body = [record for record in self.body(first + 1) if record != head]
        if len(head) not in (self.width, self.width - 1) or not body:
            return False
        below = columns(body, self.width)[: len(head)]
        return any(column.type and found and found != column.type for found, column in zip(shapes, below, strict=True))

    def _has_usual_names(self, head: Sequence[bytes]) -> bool:
        """Whether most of its cells are words that head columns everywhere."""
        words = [_WORD.findall(cell.decode("utf-8", "replace").casefold()) for cell in head]
        usual = sum(bool(found) and found[-1] in USUAL for found in words)
        return len(head) == self.width and usual > 1 and usual >= _MOST_NAMES * len(head)

    def _doubtful_titles(self, first: int) -> list[Layout]:
        titles = _lines(first)
        doubt = (
            f"The file begins with {titles.removeprefix('is ').removeprefix('are ')} of fewer cells than the records "
            f"below, which have {self.width}: a title, or a header that doesn't fit"
        )
        skipped = replace(self._headed(first), doubt=f"{doubt}.")
        kept = Layout(doubt=f"{doubt}.")
        return [skipped, kept] if self._looks_like_title(first) else [kept, skipped]

    def _looks_like_title(self, first: int) -> bool:
        """Whether the lines read like titles, where nothing beneath them tells a header."""
        head, below = self.records[first], self.body(first + 1)
        recurs = any(
            cell.startswith(b" ") or any(record[place : place + 1] == (cell,) for record in below)
            for place, cell in enumerate(head)
        )
        between = self.sample.text[self.sample.ends[first - 1] : self.sample.starts[first]]
        if between.count(b"\n") + between.count(b"\r") - between.count(b"\r\n") > 1:  # a blank line
            return True
        worded = any(len(record[0].split()) > 1 for record in self.records[:first] if record)
        if shape(self.records[0][0]) in TYPED:  # no name for a column
            return True
        own = tell_header([head, *below], (), self.told.null_tokens)
        if own is False and len(self.records[0]) >= self.width:  # names are missing, rather than a header
            return False
        return self.width > 2 or bool(own) or (worded and not recurs)

    def _controls(self) -> list[Layout]:
        """A header beneath whole lines of other values, as control records have it; the first line is one as well."""
        if self.width < 2:
            return []
        for first in range(1, min(HEADS, len(self.records) - 2)):
            head = self.records[first]
            above = [record for record in self.records[:first] if len(record) == self.width]
            if len(head) != self.width or head == self.records[0] or not all(cell.strip() for cell in head):
                continue
            if any(shape(cell) in TYPED for cell in head) or not any(
                shape(cell) in TYPED for record in above for cell in record
            ):
                continue
            if self._parts(first, above):
                doubt = (
                    f"The header may be the line {first + 1} of the table: what stands below it has other values than "
                    "what stands above it, and the lines above are as wide as the table."
                )
                return [replace(self._headed(first), doubt=doubt), replace(self._headed(0), doubt=doubt)]
        return []

    def _parts(self, first: int, above: Sequence[Sequence[bytes]]) -> bool:
        """Whether each line above has something that no column below ``first`` takes, which all end in one type."""
        if not self.heads(first):
            return False
        below = columns(self.body(first + 1), self.width)
        return all(
            any(
                column.type and shape(cell) not in ("", column.type, "null")
                for column, cell in zip(below, record, strict=True)
            )
            for record in above
        )

    # The header and what its records have beside

    def _headed(self, first: int) -> Layout:
        """The table from ``first`` on; whether that is a header is told once the reading is chosen."""
        return Layout(first=first, has_header=self.told.has_header)

    def settle(self, found: Layout) -> Layout:
        """``found`` with whether its first record is a header (BEHAVIOUR 3)."""
        if found.has_header is None:
            told = tell_header(self.records[found.first :], (), self.told.null_tokens)
            found = replace(found, has_header=told is not False)
        return found if found.has_header else replace(found, trailing=0, row_names=False)

    def _with_surplus(self, found: Layout) -> list[Layout]:
        """What the records have more than the header, or the header more than it has names."""
        head = self.records[found.first]
        if found.has_header is False or not head:  # none, or one that can't be read
            return [found]
        below = [record for record in self.records[found.first + 1 :] if record and record != head]
        longer = [record for record in below if len(record) == len(head) + 1]
        if below and len(longer) >= _MOST * len(below):
            return self._one_more(found, head, longer)
        named = len(head)
        while (
            named > 1 and not likeness(head[named - 1].decode("utf-8", "replace")) and named not in self.told.nameless
        ):
            named -= 1
        trailing = len(head) - max(named, self._last_filled(len(head), below)) if below else 0
        return [replace(found, trailing=trailing)]

    @staticmethod
    def _last_filled(width: int, below: Sequence[Sequence[bytes]]) -> int:
        """The last column, from 1, in which a record has a value."""
        most = 0
        for record in below:
            for place in range(min(width, len(record)), most, -1):
                if record[place - 1].strip():
                    most = place
                    break
        return most

    def _one_more(self, found: Layout, head: Sequence[bytes], longer: Sequence[Sequence[bytes]]) -> list[Layout]:
        """A trailing delimiter, R's row names, or a header that lacks a name."""
        blank = sum(1 for record in longer if not record[-1].strip())
        if blank >= _MOST * len(longer):
            return [replace(found, trailing=1)]
        named = replace(found, row_names=True)
        if 1 in self.told.nameless and self.told.is_known(head):
            return [named]
        if self.told.has_header and self.told.settled:  # both are pinned: the header is this one
            return [found]
        if found.doubt:
            return [found]
        doubt = f"The header has {_cells(len(head))}, every record {len(head) + 1:,}."
        return [replace(named, doubt=doubt), replace(found, doubt=doubt)]


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count:,} cells"


def _lines(count: int) -> str:
    return "is 1 line" if count == 1 else f"are {count:,} lines"
