"""What a cell and a record look like in one dialect: regular expressions over bytes (BEHAVIOUR 3)."""

import re
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

BOM = b"\xef\xbb\xbf"


class Cell(NamedTuple):
    """One cell as it reads, and whether it stood in quotes: an empty one is NULL only where it did not."""

    value: bytes
    quoted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Grammar:
    """One dialect's patterns. Their quantifiers are possessive, so that a match never goes back over its bytes."""

    delimiter: bytes
    quote: bytes
    """Empty where cells are never quoted."""
    escape: bytes
    record: re.Pattern[bytes]
    """A whole record, to be matched in full."""
    strict: re.Pattern[bytes]
    """A whole record that every reader of canonical CSV reads alike: it may stay as it lies."""
    open: re.Pattern[bytes]
    """A record that is well formed as far as it goes, and ends inside quotes."""
    journey: re.Pattern[bytes]
    """From inside quotes on, past cells and further quotes, to the last place that is inside quotes."""
    finish: re.Pattern[bytes]
    """From a closing quote on to where the record ends, or to the text that may not stand there."""
    cell: re.Pattern[bytes]
    """One cell and the delimiter behind it; groups: opening quote, content between quotes, content without."""
    unescape: re.Pattern[bytes]

    @property
    def is_canonical(self) -> bool:
        """Whether quotes are written as DuckDB and COPY are told to read them."""
        return self.quote == self.escape == b'"'

    def cells(self, record: bytes) -> list[Cell]:
        """The cells of a well-formed record, read: quotes off, escapes undone."""
        found = self.cell.findall(record + self.delimiter)
        return [Cell(self._read(inside), True) if quote else Cell(bare, False) for quote, inside, bare in found]

    def _read(self, inside: bytes) -> bytes:
        return self.unescape.sub(rb"\g<kept>", inside) if self.escape in inside or self.quote in inside else inside

    def examine(self, record: bytes) -> tuple[int, bytes | None]:
        """How many cells a well-formed record has, and its canonical form, None where it may stay as it lies.

        Neither has a line end.
        """
        cells = self.cells(record)
        # A line \. ends COPY before PostgreSQL 18; readers drop a byte order mark at the start of a file.
        if record == rb"\." or record.startswith(BOM):
            cells[0] = Cell(cells[0].value, True)
        elif self.is_canonical and self.strict.fullmatch(record):
            return len(cells), None
        return len(cells), self.delimiter.join(
            b'"' + cell.value.replace(b'"', b'""') + b'"' if cell.quoted or b'"' in cell.value else cell.value
            for cell in cells
        )


@cache
def grammar_of(delimiter: str, quote: str, escape: str) -> Grammar:
    """Compile the patterns of a dialect; ``quote`` may be empty, else each is one ASCII character."""
    d, q, e = (re.escape(text.encode()) for text in (delimiter, quote, escape))
    s = b"" if delimiter == " " else b" *+"
    bare = b"[^%b\r\n]*+" % d
    if not quote:
        return _grammar_without_quotes(delimiter, bare)
    bare = b"(?!%b%b)%b" % (s, q, bare)
    if escape == quote:
        inside, hanging = b"(?:[^%b]++|%b%b)*+" % (q, q, q), b""
        escaped = b"%b(?=%b)" % (q, q)
    else:
        inside, hanging = b"(?:[^%b%b]++|%b.|%b%b)*+" % (q, e, e, q, q), e + b"?+"
        escaped = b"(?:%b(?=[%b%b])|%b(?=%b))" % (e, q, e, q, q)
    cell = b"(?>%b|%b)" % (s + q + inside + q + s, bare)
    strict = b'(?>"(?:[^"]++|"")*+"|[^%b"\r\n]*+)' % d
    again = q + s + d + b"(?:%b%b)*+" % (bare, d) + s + q + inside
    return Grammar(
        delimiter=delimiter.encode(),
        quote=quote.encode(),
        escape=escape.encode(),
        record=_compile(b"%b(?:%b%b)*+", cell, d, cell),
        strict=_compile(b"%b(?:%b%b)*+", strict, d, strict),
        open=_compile(b"(?:%b%b)*+%b%b", cell, d, s + q + inside, hanging),
        journey=_compile(b"%b(?:%b)*+", inside, again),
        finish=_compile(b"%b%b(?:%b%b)*+", q, s, d, bare),
        cell=_compile(b"(?:%b(%b)(%b)%b%b|(%b))%b", s, q, inside, q, s, bare, d),
        unescape=_compile(b"%b(?P<kept>.)", escaped),
    )


def _grammar_without_quotes(delimiter: str, bare: bytes) -> Grammar:
    d, never = re.escape(delimiter.encode()), _compile(b"(?!)")
    return Grammar(
        delimiter=delimiter.encode(),
        quote=b"",
        escape=b"",
        record=_compile(b"%b(?:%b%b)*+", bare, d, bare),
        strict=never,
        open=never,
        journey=never,
        finish=never,
        cell=_compile(b"()()(%b)%b", bare, d),
        unescape=never,
    )


def _compile(template: bytes, *parts: bytes) -> re.Pattern[bytes]:
    return re.compile(template % parts, re.DOTALL)
