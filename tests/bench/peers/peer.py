"""What a peer is: how it is started, how far it is asked to go, and what is known of it in words."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.bench.peers.environments import Environment


@dataclass(frozen=True, kw_only=True)
class Order:
    """One load that a peer is asked for."""

    url: str
    file: Path
    before: Literal["nothing", "same ids", "other ids"]
    """What was loaded into the table before."""
    scratch: Path
    """A folder for what the peer writes beside the table."""

    @property
    def again(self) -> bool:
        """Whether rows of the file are there, to be updated, or replaced where the peer can't."""
        return self.before == "same ids"


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a figure can't tell. Each was seen with a small file with one bad row, and read in its documentation."""

    again: str
    """What becomes of rows whose ids are there."""
    says: str
    """Whether it tells inserted, updated, unchanged and rejected rows apart."""
    bad: str
    """What becomes of a bad row."""
    undo: str
    """Whether a load can be taken back."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One way to bring a CSV file into a table."""

    name: str
    environment: Environment
    command: Callable[[Path, Order], list[str]]
    """Given the folder of the environment's programs."""
    words: Words
    most_rows: int | None = None
    """The longest file that it is given, since it would take minutes and more; None: any."""
    makes_table: bool = False
    """Whether it makes the table itself; else it finds one with types and both unique indexes, made before."""
    variables: Mapping[str, str] = field(default_factory=dict)

    def rows(self, asked: int) -> int:
        """How many rows it is measured at where ``asked`` are."""
        return min(asked, self.most_rows or asked)
