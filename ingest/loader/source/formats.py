"""The formats that files can be loaded from, recognized by a file's content; CSV is the only one so far.

To add a format, write a module with its ``InputFormat`` and put that into ``INPUT_FORMATS``. What is in no format that
can be loaded is taken for CSV here, and refused when it is read as such (``not_csv``, ``text_formats``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class InputFormat:
    """A format that files can be loaded from."""

    name: str
    recognizes: Callable[[bytes], bool]
    """Whether the file that begins with these bytes is in this format."""
    convert: Callable[[Path, Path], None] | None = None
    """Write the file at the first path to the second as CSV in UTF-8 with a byte order mark, which overrules a pinned
    encoding. Raises RunFailed for a file that can't be read. None where the file is CSV as it is."""


CSV = InputFormat(name="CSV", recognizes=lambda _: True)
INPUT_FORMATS: tuple[InputFormat, ...] = (CSV,)
"""The first that recognizes a file is its format; CSV, which recognizes anything, is the last."""


def format_of(head: bytes) -> InputFormat:
    """Return the format of the file that begins with ``head``."""
    return next(candidate for candidate in INPUT_FORMATS if candidate.recognizes(head))
