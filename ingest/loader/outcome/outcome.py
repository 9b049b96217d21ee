"""What a run did, or would have done: its counts, columns, rejects and notes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.loader.outcome.rejects import RejectCollector


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column of the file as the run judged it, with its proof."""

    header: str
    name: str
    type: str
    proof: str
    """A sentence: which value, on which line, ruled the narrower type out; empty where nothing had to."""
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
    """Its type so far."""
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
    """The account of one run. ``records`` is what the file holds; ``deleted`` rows stand apart from the sum."""

    records: int
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    rejects: RejectCollector = field(default_factory=RejectCollector)
    deleted: int = 0
    columns: tuple[Column, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    """Every header this dataset has met -> its column, the file's new ones included."""
    form: Mapping[str, object] = field(default_factory=dict)
    """What it takes to read raw records again, where not every cell is loaded as it is (``Header.form``)."""
    identities: tuple[tuple[str, ...], ...] | None = None
    """The columns by which rows are the same, each identity a tuple; () none; None not chosen yet."""
    evidence: str = ""
    """Why these identities, in a sentence."""
    ddl: tuple[str, ...] = ()
    snapshot: bool = False
    """Whether the file was taken for the whole truth; a corrected reject file never is."""
    deletion_withheld: bool = False
    """A snapshot deleted nothing, since the key of a rejected record can't be read."""
    differing_duplicates: int = 0
    """Duplicates whose other cells differ from the record that counts."""
    key_changes: tuple[KeyChange, ...] = ()
    """The key columns that become ``text``."""
    rows_before: int | None = None
    """Rows of the table before a snapshot."""
    partial: bool = False
    """Whether reading stopped before the file's end: what is counted are then the least numbers, and don't balance."""
    notes: tuple[str, ...] = ()
    """Sentences that the operator should read, such as "rows are appended"."""

    @property
    def rejected(self) -> int:
        """How many records did not go in."""
        return len(self.rejects)
