"""One way to read a file's head, with the cells that it gives and any doubt about it."""

from dataclasses import dataclass, field, replace

from ingest.loader.source.layout.candidates import settled
from ingest.loader.source.layout.layout import Layout
from ingest.loader.source.layout.sample import Sample
from ingest.loader.source.layout.sample_table import KnownLayout, Table


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One way to read a file."""

    delimiter: str
    quote: str
    escape: str
    lines: int = 0
    """Physical lines above the header."""
    has_header: bool = True
    commented: bool = False
    """Whether the header is a comment, ``#id,name``."""
    below: int = 0
    """Physical lines between a commented header and the first record."""
    trailing: int = 0
    """Blank cells after those of the header that are no columns."""
    row_names: bool = False
    """Whether each record begins with a cell for which the header has no name."""
    unnamed: bool = False
    """Whether each record ends with a cell that the header has no name for."""
    spaced: bool = False
    """Whether a space after each delimiter belongs to it."""
    wrapped: bool = False
    """Whether each line stands in quotes as a whole, and is read without them."""
    above: int = 0
    """Lines above the header that are as wide as the table, with more than one value."""
    end: int = 0
    """The physical line that is the table's last, where another table follows; 0: the file's last."""
    score: float = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Pins:
    """What is settled before a file is looked at."""

    delimiter: str | None = None
    quotes: tuple[str, str] | None = None
    escape: str | None = None
    lines: int | None = None
    expected: KnownLayout = field(default_factory=KnownLayout)


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoredReading:
    """A reading with the cells that it gives."""

    reading: Reading
    table: Table
    layout: Layout
    doubt: str = ""
    at: int = 0
    """The record below the header at which the doubt shows."""

    @property
    def sample(self) -> Sample:
        """Its records."""
        return self.table.sample

    def settled(self) -> "ScoredReading":
        """Return the reading with whether its first record is a header."""
        layout = settled(self.table, self.layout)
        has_header = bool(layout.has_header)
        reading = replace(
            self.reading,
            has_header=has_header,
            commented=self.reading.commented and has_header,
            trailing=layout.trailing,
            row_names=layout.row_names,
            unnamed=layout.unnamed,
        )
        return replace(self, layout=layout, reading=reading)

    @property
    def cells(self) -> tuple[object, ...]:
        """What makes two readings the same."""
        reading = self.reading
        surplus = reading.trailing, reading.row_names, reading.unnamed
        return reading.lines, reading.end, surplus, reading.spaced, self.sample.records
