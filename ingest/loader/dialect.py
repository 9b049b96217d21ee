"""How a file is written: encoding, delimiter, header; proposed from the file's head."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from ingest.loader.cells import BOM, Grammar, grammar_of
from ingest.loader.errors import RunFailed
from ingest.loader.foreign import refuse_foreign

HEAD = 1 << 18
"""So many bytes of a file are enough for a proposal."""
_DELIMITERS = ",;\t|"
_RECORDS = 500
_LINE_END = re.compile(rb"\r\n|\r|\n|\Z")


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Pinned:
    """What an operator has settled about a dataset's files; None is found out from each file."""

    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    encoding: str | None = None
    preamble: int | None = None
    has_header: bool | None = None


def propose(head: bytes, *, pinned: Pinned | None = None) -> Dialect:
    """How the file that begins with ``head`` (``HEAD`` bytes, or all it has) is written.

    Raises RunFailed for an empty file, a binary one, and one that can't be decoded.
    """
    pinned = pinned or Pinned()
    refuse_foreign(head)
    _check_encoding(head)
    text = head.removeprefix(BOM)
    quote = '"' if pinned.quote is None else pinned.quote
    escape = quote if pinned.escape is None else pinned.escape
    preamble = _preamble(text) if pinned.preamble is None else pinned.preamble
    for _ in range(preamble):
        text = text[_next_line(text, 0) :]
    delimiter = pinned.delimiter
    if delimiter is None:
        grammars = [grammar_of(one, quote, escape) for one in _DELIMITERS]
        delimiter = max(grammars, key=lambda grammar: _consistency(text, grammar)).delimiter.decode()
    return Dialect(
        delimiter=delimiter,
        quote=quote,
        escape=escape,
        preamble=preamble,
        has_header=True if pinned.has_header is None else pinned.has_header,
    )


def _check_encoding(head: bytes) -> None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RunFailed("The file is written in UTF-16: save it as UTF-8.")
    read = head.decode(errors="ignore")
    lost = len(head) - len(read.encode())
    if lost > 3 and lost > (len(read.encode()) - len(read)) // 2:
        raise RunFailed("The file is text, but not in UTF-8: save it as UTF-8.")


def _next_line(text: bytes, at: int) -> int:
    found = _LINE_END.search(text, at)
    return found.end() if found else len(text)


def _preamble(text: bytes) -> int:
    """How many lines, blank or beginning with ``#``, stand before the header."""
    lines, at = 0, 0
    while at < len(text):
        behind = _next_line(text, at)
        line = text[at:behind].strip()
        if line and not line.startswith(b"#"):
            return lines
        lines, at = lines + 1, behind
    return 0


def _consistency(text: bytes, grammar: Grammar) -> float:
    """How well the records of ``text`` agree with its first on a number of cells, 0 to 1; many cells count for more."""
    counts = list(islice(_counts(text, grammar), _RECORDS))
    if not counts or counts[0] < 2:
        return 0
    return counts.count(counts[0]) / len(counts) * (1 - 1 / counts[0])


def _counts(text: bytes, grammar: Grammar) -> Iterator[int]:
    """The number of cells of each record that isn't blank; 0 for a malformed line."""
    at = 0
    while at < len(text):
        found = grammar.record.match(text, at)
        end = found.end() if found else at
        if end < len(text) and text[end] not in b"\r\n":
            yield 0
            at = _next_line(text, at)
            continue
        if end > at:
            yield len(grammar.cells(text[at:end]))
        at = _next_line(text, end)
