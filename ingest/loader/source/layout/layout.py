"""The layout of a table: where it begins, and which cells its records have besides those of the header."""

from dataclasses import dataclass

HEADS = 20
"""So many lines can stand above a header."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Where a table begins, and what its records have beside the header's cells."""

    first: int = 0
    """The record that is the header, or the first one where there is none."""
    has_header: bool | None = True
    """None: to be told by its values."""
    trailing: int = 0
    """Blank cells after those of the header that records have, and that are no columns."""
    row_names: bool = False
    """Whether each record begins with a cell that the header has no name for."""
    unnamed: bool = False
    """Whether each record ends with a cell that the header has no name for."""
    known: bool = False
    """Whether it is the header that the dataset knows."""
    doubt: str = ""
    """Why it isn't clear, in a sentence."""
