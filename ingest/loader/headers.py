"""The file's header as this dataset reads it: which of its columns are loaded, and what they are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ingest.loader.errors import RunFailed
from ingest.loader.names import columns_of, used_positions


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


def read_header(texts: Sequence[str], known: Mapping[str, str]) -> Header:
    """What the header's cells mean to a dataset that knows ``known``.

    Raises RunFailed where nothing but the columns of a reject file is there.
    """
    used = used_positions(texts)
    if not used:
        raise RunFailed("The file has only the columns _line, _code and _reason, but none of the original ones.")
    kept = tuple(texts[position] for position in used)
    names, headers = columns_of(kept, known)
    return Header(texts=kept, names=names, used=tuple(used), known=headers, corrected=len(used) < len(texts))
