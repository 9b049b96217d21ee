"""How a file is written: encoding, delimiter, header; proposed from the file's head."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """What must be known to cut a file into records and cells (BEHAVIOUR 3)."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    encoding: str = "utf-8"
    preamble: int = 0
    """Physical lines before the header: comments and blank lines."""
    has_header: bool = True
