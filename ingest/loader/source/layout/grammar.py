"""The grammar of cells and records in one dialect, as regular expressions over bytes (file-rules#cells)."""

import re
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

BOM = b"\xef\xbb\xbf"
END_OF_FILE = b"\x1a"
"""Ctrl-Z: one at the very end of a file is no data."""


_MANY = 1 << 16
_LINE = rb"(?:(%b)(?=[\r\n]|\Z)|(%b)(?=[\r\n]|\Z)|[^\r\n]*+)(?:\r\n|\r|\n|\Z)"
_BETWEEN_QUOTES = re.compile(rb'"[^"]*+"')
_BLANK = b" \t"
_QUOTED = re.compile(rb'"(?:[^"]++|"")*+"')
_WITHIN_TEXT = re.compile(rb'[^\s"]"(?=[^\s"])')
"""A quote between two characters of text."""
COLUMNS = 1600 - 3
"""PostgreSQL's limit for a table, less our own columns (file-rules#own-columns)."""


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
    """A whole record that every reader of canonical CSV reads alike: it may stay unchanged."""
    open: re.Pattern[bytes]
    """A record that is well formed as far as it goes, and ends inside quotes."""
    line: re.Pattern[bytes]
    """A line with its end; groups: a whole record, or one that is well formed and ends inside quotes. Neither: text
    follows a closing quote."""
    journey: re.Pattern[bytes]
    """From inside quotes on, past cells and further quotes, to the last place that is inside quotes."""
    finish: re.Pattern[bytes]
    """From a closing quote on to where the record ends, or to the text that may not stand there."""
    cell: re.Pattern[bytes]
    """One cell and the delimiter after it; groups: opening quote, content between quotes, content without."""
    unescape: re.Pattern[bytes]
    content: bytes
    """All bytes that are neither delimiter nor ``"``."""
    spaced: bool = False
    """Whether a space after each delimiter belongs to it."""

    @property
    def is_canonical(self) -> bool:
        """Whether quotes are written as DuckDB and COPY are told to read them."""
        return self.quote == self.escape == b'"' and not self.spaced

    def cells(self, record: bytes) -> list[bytes]:
        """Return the cells of a well-formed record, read: quotes off, escapes undone."""
        return [self._read(inside) if quote else bare for quote, inside, bare in self._found(record)]

    def values(self, record: bytes) -> list[bytes | None]:
        """Return the cells of a well-formed record, read; None for an unquoted empty one, which is NULL."""
        return [self._read(inside) if quote else bare or None for quote, inside, bare in self._found(record)]

    def first_cells(self, record: bytes, count: int) -> bytes | None:
        """Return the first ``count`` cells of a well-formed record, raw; None where another cell isn't blank."""
        kept, bare = record, record.rstrip(b" ")
        is_plain = not self.quote or self.quote not in record
        while is_plain and bare.endswith(self.delimiter) and bare.count(self.delimiter) >= count:
            kept = bare[: -len(self.delimiter)]
            if kept.count(self.delimiter) == count - 1:
                return kept
            bare = kept.rstrip(b" ")
        matches = list(self.cell.finditer(record + self.delimiter))
        if any((cell[2] if cell[1] else cell[3]).strip(_BLANK) for cell in matches[count:]):
            return None
        return record[: matches[count - 1].end() - len(self.delimiter)]

    def examine(self, record: bytes) -> tuple[int, bytes | None]:
        """Return how many cells a well-formed record has, and its canonical form; None if it is canonical already.

        Neither has a line end. A record of more than ``COLUMNS`` cells is counted, never written.
        """
        # A line \. ends COPY before PostgreSQL 18; readers drop a byte order mark at the start of a file.
        if record == rb"\." and self.delimiter != b".":
            return 1, b'"\\."'
        at_risk = record == rb"\." or record.startswith(BOM)
        if self.is_canonical and not at_risk and self.strict.fullmatch(record):
            return self._count(record), None
        if len(record) > _MANY and (count := sum(1 for _ in self.cell.finditer(record + self.delimiter))) > COLUMNS:
            return count, None
        parts = self._found(record)
        if self.is_canonical:  # what stands between the quotes can stay
            cells = [b'"%b"' % inside if quote else _quoted(bare) for quote, inside, bare in parts]
        else:
            cells = [_quoted(self._read(inside), True) if quote else _quoted(bare) for quote, inside, bare in parts]
        if at_risk and not parts[0][0]:
            cells[0] = _quoted(parts[0][2], True)
        return len(cells), self.delimiter.join(cells)

    def lacks_delimiter(self, record: bytes) -> bool:
        """Return whether a quoted cell of a well-formed record seems to have lost the delimiter before it.

        ``$34.14"Fleece, Hooded"`` has a quote within its text that closes right before a delimiter, and between the two
        a delimiter with a space after it, which would cut the text in two. An inch mark, as in ``5" pipe,3" bolt``,
        is a character like any other.
        """
        if not self.is_canonical or not _WITHIN_TEXT.search(record):
            return False
        pair = self.delimiter + b" "
        for cell in self.cell.finditer(record + self.delimiter):
            opening = cell[3].find(b'"') if cell[3] else -1
            if opening < 1 or not _WITHIN_TEXT.match(cell[3], opening - 1):
                continue
            quoted = _QUOTED.match(record, cell.start(3) + opening)
            if quoted and pair in quoted[0] and record[quoted.end() : quoted.end() + 1] in (b"", self.delimiter):
                return True
        return False

    def _found(self, record: bytes) -> list[tuple[bytes, bytes, bytes]]:
        parts: list[tuple[bytes, bytes, bytes]] = self.cell.findall(record + self.delimiter)
        if self.spaced:
            return parts[:1] + [(quote, inside, bare.removeprefix(b" ")) for quote, inside, bare in parts[1:]]
        return parts

    def _read(self, inside: bytes) -> bytes:
        if self.escape == self.quote:
            return inside.replace(self.quote * 2, self.quote)
        return self.unescape.sub(rb"\g<kept>", inside) if self.escape in inside or self.quote in inside else inside

    def _count(self, record: bytes) -> int:
        """Count the cells of a strict record, which may have millions: the delimiters outside quotes, plus one."""
        if b'"' in record:
            structure = record.translate(None, self.content).replace(b'""', b"")
            if len(structure) > _MANY:  # a substitution would hold all its pieces at once
                bytes_ = np.frombuffer(structure, np.uint8)
                inside = np.bitwise_xor.accumulate((bytes_ == ord('"')).view(np.uint8))
                return int(np.count_nonzero((bytes_ == self.delimiter[0]) & (inside == 0))) + 1
            record = _BETWEEN_QUOTES.sub(b"", structure)
        return record.count(self.delimiter) + 1


def _quoted(value: bytes, always: bool = False) -> bytes:
    return b'"' + value.replace(b'"', b'""') + b'"' if always or b'"' in value else value


@cache
def grammar_of(delimiter: str, quote: str, escape: str, spaced: bool = False) -> Grammar:
    """Compile the patterns of a dialect; ``quote`` may be empty, else each is one ASCII character."""
    if spaced:
        return replace(grammar_of(delimiter, quote, escape), spaced=True)
    d, q, e = (re.escape(text.encode()) for text in (delimiter, quote, escape))
    s = b"" if delimiter == " " else b" *+"
    bare = b"[^%b\r\n]*+" % d
    if not quote:
        return _grammar_without_quotes(delimiter, bare)
    bare = b"(?!%b%b)%b" % (s, q, bare)
    if escape == quote:
        inside, hanging = b"(?:[^%b]++|%b%b)*+" % (q, q, q), b""
        in_line = b"(?:[^%b\r\n]++|%b%b)*+" % (q, q, q)
        escaped = b"%b(?=%b)" % (q, q)
    else:
        inside, hanging = b"(?:[^%b%b]++|%b.|%b%b)*+" % (q, e, e, q, q), e + b"?+"
        in_line = b"(?:[^%b%b\r\n]++|%b[^\r\n]|%b%b)*+" % (q, e, e, q, q)
        escaped = b"(?:%b(?=[%b%b])|%b(?=%b))" % (e, q, e, q, q)
    cell = b"(?>%b|%b)" % (s + q + inside + q + s, bare)
    cell_in_line = b"(?>%b|%b)" % (s + q + in_line + q + s, bare)
    open_in_line = b"(?:%b%b)*+%b%b" % (cell_in_line, d, s + q + in_line, hanging)
    strict = b'(?>"(?:[^"]++|"")*+"|[^%b"\r\n]*+)' % d
    again = q + s + d + b"(?:%b%b)*+" % (bare, d) + s + q + inside
    return Grammar(
        delimiter=delimiter.encode(),
        content=_content(delimiter),
        quote=quote.encode(),
        escape=escape.encode(),
        record=_compile(b"%b(?:%b%b)*+", cell, d, cell),
        strict=_compile(b"%b(?:%b%b)*+", strict, d, strict),
        open=_compile(b"(?:%b%b)*+%b%b", cell, d, s + q + inside, hanging),
        line=_compile(_LINE, b"%b(?:%b%b)*+" % (cell_in_line, d, cell_in_line), open_in_line),
        journey=_compile(b"%b(?:%b)*+", inside, again),
        finish=_compile(b"%b%b(?:%b%b)*+", q, s, d, bare),
        cell=_compile(b"(?:%b(%b)(%b)%b%b|(%b))%b", s, q, inside, q, s, bare, d),
        unescape=_compile(b"%b(?P<kept>.)", escaped),
    )


def _grammar_without_quotes(delimiter: str, bare: bytes) -> Grammar:
    d, never = re.escape(delimiter.encode()), _compile(b"(?!)")
    return Grammar(
        delimiter=delimiter.encode(),
        content=_content(delimiter),
        quote=b"",
        escape=b"",
        record=_compile(b"%b(?:%b%b)*+", bare, d, bare),
        strict=never,
        open=never,
        line=_compile(_LINE, b"%b(?:%b%b)*+" % (bare, d, bare), b"(?!)"),
        journey=never,
        finish=never,
        cell=_compile(b"()()(%b)%b", bare, d),
        unescape=never,
    )


def without_marks(text: bytes) -> bytes:
    """Return ``text`` without the byte order marks at its beginning: joined files may have several."""
    while text.startswith(BOM):
        text = text.removeprefix(BOM)
    return text


def _content(delimiter: str) -> bytes:
    return bytes(byte for byte in range(256) if byte not in (ord(delimiter), ord('"')))


def _compile(template: bytes, *parts: bytes) -> re.Pattern[bytes]:
    return re.compile(template % parts, re.DOTALL)
