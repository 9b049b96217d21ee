"""Fit records to the columns of their file: drop blank cells at the end, and reject cells cut within quotes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest.loader.records.malformed import Flaw, Form, Positions
from ingest.loader.source.layout.grammar import Grammar


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """Records of a block; what becomes of them is written into its arrays. Positions are bytes of ``data``."""

    data: bytes
    starts: Positions
    bodies: Positions
    """Where each record ends, its line end left out."""
    cells: Positions
    flaws: npt.NDArray[np.uint8]
    rewritten: dict[int, bytes]
    """The canonical form of the records that can't stay unchanged."""

    def raw(self, record: int) -> bytes:
        """Return the bytes of a record, without its line end."""
        return self.data[self.starts[record] : self.bodies[record]]


def fit(cut: Cut, grammar: Grammar, form: Form) -> None:
    """Leave out blank cells after the columns, where the file has a delimiter at the end of its records."""
    sound = cut.flaws == Flaw.NONE
    if form.trailing:
        longer = sound & (cut.cells > form.columns) & (cut.cells <= form.columns + form.trailing)
        for record in np.flatnonzero(longer).tolist():
            kept = grammar.first_cells(cut.raw(record), form.columns)
            if kept is not None:
                cut.cells[record], written = grammar.examine(kept) if kept else (1, b"")
                cut.rewritten[record] = kept if written is None else written


def doubt_quotes(cut: Cut, grammar: Grammar) -> None:
    """Reject the records whose cells are cut through the middle of a quoted one; each of these is rewritten."""
    for record in cut.rewritten:
        if cut.flaws[record] == Flaw.NONE and grammar.lacks_delimiter(cut.raw(record)):
            cut.flaws[record] = Flaw.QUOTE_WITHIN
