"""What a run did, or would have done: its counts, columns, rejects and notes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.loader.outcome.rejects import RejectCollector


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of the file, with its type and the reason for it."""

    header: str
    name: str
    type: str
    proof: str
    """A sentence that says which value, on which line, ruled out the narrower type; empty where none did."""
    values: int
    nulls: int
    line: int | None = None
    """The line of that value."""
    least: str | None = None
    """Of its values, as the type orders them, its first characters; None where there is none."""
    greatest: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyChange:
    """A key column whose type the run would change to ``text``."""

    column: str
    before: str
    """Its current type."""
    values: int
    """How many values of the file that type doesn't hold."""
    line: int
    """Where the first of them is."""
    value: str

    def __str__(self) -> str:
        many = "1 value in the file is" if self.values == 1 else f"{self.values:,} values in the file are"
        return (
            f"the key column {self.column} would change from {self.before} to text permanently, because {many} not "
            f"valid as {self.before} (line {self.line:,}: {self.value!r})"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The result of one run. ``records`` counts those of the file; ``deleted`` is not part of the sum."""

    records: int
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    rejects: RejectCollector = field(default_factory=RejectCollector)
    deleted: int = 0
    columns: tuple[Column, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header -> column, for every header in this dataset's files, this one's included."""
    form: Mapping[str, object] = field(default_factory=dict)
    """What is needed to read raw records again, where not every cell is loaded unchanged (``Header.form``)."""
    identities: tuple[tuple[str, ...], ...] | None = None
    """The keys that match rows, each a tuple of columns; () for none; None: not chosen yet."""
    evidence: str = ""
    """Why these identities, in a sentence."""
    ddl: tuple[str, ...] = ()
    snapshot: bool = False
    """Whether the file replaces the table's content; a corrected reject file never does."""
    deletion_withheld: bool = False
    """A snapshot deleted nothing, since the key of a rejected record can't be read."""
    differing_duplicates: int = 0
    """Duplicates whose other cells differ from the record that was loaded."""
    key_changes: tuple[KeyChange, ...] = ()
    """The key columns that become ``text``."""
    rows_before: int | None = None
    """Rows of the table before a snapshot."""
    partial: bool = False
    """Whether reading stopped before the file's end: the counts are then minimums, and don't add up."""
    notes: tuple[str, ...] = ()
    """Sentences that the operator should read, such as "rows are appended"."""

    @property
    def rejected(self) -> int:
        """How many records were not loaded."""
        return len(self.rejects)
