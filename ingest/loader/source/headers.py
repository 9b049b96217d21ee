"""Map a file's header to the columns of its dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.identifiers import columns_of, is_corrected, is_marked, used_positions
from ingest.loader.types.values import unmarked


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """The columns of a file that are loaded."""

    texts: tuple[str, ...]
    names: tuple[str, ...]
    used: tuple[int, ...]
    """Their positions in the file."""
    known: Mapping[str, str]
    """The dataset's map header -> column, with this file's in it."""
    corrected: bool
    """Whether the file is a corrected reject file."""
    marked: bool
    """Whether the file is a spreadsheet-safe export, whose cells carry marks."""
    width: int
    """How many columns the file has, those that aren't loaded included."""

    @property
    def is_ours(self) -> bool:
        """Whether we wrote the file: it has columns that aren't loaded, so its bytes can't go in as they are."""
        return self.corrected or self.marked

    @property
    def form(self) -> dict[str, object]:
        """What it takes to read the file's raw records again; empty where every cell is loaded as it is."""
        return {"used": list(self.used), "cells": self.width, "marked": self.marked} if self.is_ours else {}


def read_header(texts: Sequence[str], known: Mapping[str, str]) -> Header:
    """Return which of the header's cells are loaded, and into which columns, for a dataset that knows ``known``.

    Raises RunFailed where nothing but the columns of a reject file or an export is there.
    """
    used, marked, corrected = used_positions(texts), is_marked(texts), is_corrected(texts)
    if not used:
        raise RunFailed(
            f"The file has only the columns {', '.join(texts)}, none of its table's. Add the original columns and "
            "upload it again."
        )
    kept = tuple(unmarked(texts[position]) or "" if marked else texts[position] for position in used)
    names, headers = columns_of(kept, known, by_column=corrected)
    return Header(
        texts=kept,
        names=names,
        used=tuple(used),
        known=headers,
        corrected=corrected,
        marked=marked,
        width=len(texts),
    )
