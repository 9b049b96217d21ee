"""How a file is written: encoding, delimiter, header; proposed from the file's head."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ingest.loader.cells import BOM, COLUMNS
from ingest.loader.encoding import UTF_8
from ingest.loader.errors import RunFailed
from ingest.loader.foreign import refuse_foreign
from ingest.loader.formats import refuse_plain_text
from ingest.loader.ours import our_delimiter
from ingest.loader.sniff import (
    DELIMITERS,
    begins_with_header,
    best_sample,
    commented_header,
    count_lines,
    count_preamble,
    first_lines,
    possible_quotes,
    skip_lines,
)

HEAD = 1 << 18
"""So many bytes of a file are enough for a proposal."""


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
    commented: bool = False
    """Whether the header is a comment, ``#id,name``: its mark is no part of it."""
    below: int = 0
    """Physical lines between a commented header and the first record: comments and blank lines."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pinned:
    """What an operator has settled about a dataset's files; None is found out from each file."""

    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    encoding: str | None = None
    preamble: int | None = None
    has_header: bool | None = None


def propose(
    head: bytes,
    *,
    pinned: Pinned | None = None,
    known: Collection[str] = (),
    null_tokens: Collection[str] = (),
    encoding: str | None = None,
    name: str = "",
    cut: bool = False,
) -> Dialect:
    """How the file that begins with ``head`` (``HEAD`` bytes, or all it has) is written.

    ``cut``: ``head`` ends within the file's first line.

    ``head`` is UTF-8, whatever ``encoding`` it came in; where that is None it wasn't found out, and is looked at here.
    ``known`` are the headers that the dataset has met and ``null_tokens`` its words for NULL; ``name`` is the file's,
    with its extension. Raises RunFailed for an empty file, a binary one, text of another format, and one that isn't
    UTF-8.
    """
    pinned = _checked(pinned or Pinned())
    refuse_foreign(head)
    if encoding is None and not head.startswith(BOM):  # a mark settles the encoding, as having found it out does
        _check_encoding(head)
    text, whole = head.removeprefix(BOM), len(head) < HEAD and not cut
    if ours := our_delimiter(text):  # what is pinned is how the dataset's other files are written
        pinned = Pinned(delimiter=ours, quote='"', escape='"', encoding=pinned.encoding, preamble=0, has_header=True)
    preamble, named = count_preamble(text)
    if pinned.preamble is not None:
        preamble, named = pinned.preamble, ""
    text = skip_lines(text, preamble)
    quotes = possible_quotes(text)
    if pinned.quote is not None:
        quotes = [(pinned.quote, pinned.escape or pinned.quote)]
    elif pinned.escape is not None:
        quotes = [('"', pinned.escape)]
    found = best_sample(text, pinned.delimiter or _allowed(named) or DELIMITERS, quotes, whole=whole)
    titles = found.titles if pinned.preamble is None else 0
    if whole or cut or len(found.records) > titles + 1:  # else the splitter counts a header of which this is a part
        refuse_too_wide(len(found.records[titles]) if found.records else 0, cut=cut)
    if pinned.delimiter is None:
        refuse_plain_text(name, found.records[titles:], found.grammar.delimiter.decode(), known)
    has_header = begins_with_header(found.records[titles:], known, null_tokens)
    commented = None
    if titles:
        preamble += count_lines(text[: found.starts[titles]])
    elif pinned.preamble is None and pinned.has_header is not False:
        commented = commented_header(first_lines(head.removeprefix(BOM), preamble), found, known, null_tokens)
    if commented is not None:
        has_header, below, preamble = True, preamble - commented - 1, commented
    return Dialect(
        delimiter=found.grammar.delimiter.decode(),
        quote=found.grammar.quote.decode(),
        escape=found.grammar.escape.decode() or '"',
        encoding=encoding or UTF_8,
        preamble=preamble,
        has_header=has_header if pinned.has_header is None else pinned.has_header or _is_known(found.records, known),
        commented=commented is not None,
        below=below if commented is not None else 0,
    )


def refuse_too_wide(columns: int, *, cut: bool = False) -> None:
    """Raise RunFailed for a header of more columns than a table holds; ``cut``: for what is seen of it."""
    if columns > COLUMNS:
        seen = f"at least {columns:,}" if cut else f"{columns:,}"
        raise RunFailed(
            f"The header has {seen} columns, but a PostgreSQL table holds {COLUMNS:,} besides our own: "
            "split the file into several, or check its delimiter."
        )


def _is_known(records: Sequence[Sequence[bytes]], known: Collection[str]) -> bool:
    """Whether the first record is a header that the dataset knows: an export names the columns of any dataset."""
    first = [cell.decode(errors="replace") for cell in records[0]] if records else []
    return len(first) > 1 and set(first) <= set(known)


def _allowed(delimiter: str) -> str:
    """``delimiter`` if a file can have it, else nothing."""
    return delimiter if re.fullmatch(r"[^\w\s\"\\]|\t", delimiter, re.ASCII) and delimiter.isascii() else ""


def _checked(pinned: Pinned) -> Pinned:
    """What was pinned, if files can be written so; raises RunFailed if not."""
    if pinned.delimiter is not None and not (_allowed(pinned.delimiter) or pinned.delimiter == " "):
        raise RunFailed(
            f"The delimiter {pinned.delimiter!r} that is set on the dataset can't be used: set one ASCII character "
            "that is no letter, digit, quote or backslash."
        )
    for name, mark in (("quote", pinned.quote), ("escape", pinned.escape)):
        if mark and (
            len(mark) > 1 or not mark.isascii() or mark.isalnum() or mark in "\r\n\0 " or mark == pinned.delimiter
        ):
            raise RunFailed(f"The {name} {mark!r} that is set on the dataset can't be used: set one ASCII character.")
    return pinned


def _check_encoding(head: bytes) -> None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RunFailed("The file is written in UTF-16: save it as UTF-8.")
    read = head.decode(errors="ignore")
    lost = len(head) - len(read.encode())
    if lost > 3 and lost > (len(read.encode()) - len(read)) // 2:
        raise RunFailed("The file is text, but not in UTF-8: save it as UTF-8.")
