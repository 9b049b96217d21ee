"""The slow, obviously right reading of a CSV body, byte by byte: what the splitter is held against.

See file-rules#reading.
"""

from dataclasses import dataclass, field

CR, LF, SPACE, NUL = 13, 10, 32, 0


@dataclass
class Account:
    """Every record of a file, with the line on which it starts."""

    accepted: list[tuple[int, bytes, tuple[str | None, ...]]] = field(default_factory=list)
    """line, raw record, cells: None is an unquoted empty cell"""
    rejected: list[tuple[int, str, bytes]] = field(default_factory=list)
    """line, code, raw record"""
    blank: int = 0
    repeated: int = 0


@dataclass
class Text:
    """How the file is written."""

    data: bytes
    delimiter: int
    quote: int | None
    escape: int | None

    def line_end(self, at: int) -> int:
        """The number of bytes of the line end that begins here; 0 if none does."""
        if self.data[at : at + 2] == b"\r\n":
            return 2
        return 1 if self.data[at : at + 1] in (b"\r", b"\n") else 0

    def first_line_end(self, at: int) -> int:
        while at < len(self.data) and not self.line_end(at):
            at += 1
        return at

    def lines(self, start: int, stop: int) -> int:
        """The line ends between two bytes."""
        found = 0
        while start < stop:
            size = self.line_end(start)
            found += size > 0
            start += size or 1
        return found


class BadQuoteError(Exception):
    """A quote that doesn't end, or ends and is followed by text."""


class TooLongError(Exception):
    """A record over the limit, outside quotes where it passes it."""


def read(
    data: bytes,
    columns: int,
    *,
    line: int = 1,
    delimiter: bytes = b",",
    quote: bytes = b'"',
    escape: bytes = b'"',
    longest: int = 1 << 30,
    trailing: int = 0,
    header: tuple[str, ...] = (),
) -> Account:
    """Read ``data``, a file's bytes behind its header, whose first line is number ``line``.

    ``trailing`` blank cells may stand behind the columns; ``header`` are its cells, which a record may repeat.
    """
    text = Text(data, delimiter[0], quote[0] if quote else None, escape[0] if escape else None)
    account, at = Account(), 0
    while at < len(data):
        code, cells = "", []
        try:
            end, cells = read_record(text, at, longest)
        except BadQuoteError:
            code, end = "bad_quote", text.first_line_end(at)
        except TooLongError:
            code, end = "too_long", text.first_line_end(at + longest)
        raw = data[at:end]
        stop = end + text.line_end(end)
        while not code and columns < len(cells) <= columns + trailing and not (cells[-1] or b"").strip(b" \t"):
            cells.pop()
        if not code and is_blank(raw, columns, delimiter):
            account.blank += 1
        elif not code and len(header) > 1 and repeats(cells, header):
            account.repeated += 1
        else:
            code = code or flaw_of(raw, len(cells), columns)
            if not code and quote == escape == b'"' and lacks_delimiter(text, at, end):
                code = "bad_quote"
            if code:
                account.rejected.append((line, code, raw))
            else:
                account.accepted.append((line, raw, tuple(None if cell is None else cell.decode() for cell in cells)))
        line += text.lines(at, stop)
        at = stop
    return account


def is_blank(raw: bytes, columns: int, delimiter: bytes) -> bool:
    """Whether a record is a blank line, or a row of blank cells without quotes; one cell of spaces is a value."""
    only_value = columns == 1 and delimiter not in raw
    return not raw or (not only_value and all(byte in b" \t" + delimiter for byte in raw))


def repeats(cells: list[bytes | None], header: tuple[str, ...]) -> bool:
    """Whether a record is the header once more, perhaps behind a byte order mark."""
    first, *others = [(cell or b"").decode("utf-8", "replace") for cell in cells]
    return (first.removeprefix("\ufeff"), *others) == header


def lacks_delimiter(text: Text, start: int, end: int) -> bool:
    """Whether a quote between two characters of an unquoted cell opens what closes at the end of another cell, and
    holds a delimiter with a space behind it."""
    text, at = Text(text.data[:end], text.delimiter, text.quote, text.escape), start
    while at < end:
        stop, value = read_cell(text, at)
        if value is not None and text.data[at:stop] == value and encloses(text, at + value.find(b'"'), at, stop):
            return True
        at = stop + 1
    return False


def encloses(text: Text, quote: int, start: int, stop: int) -> bool:
    """Whether the quote at byte ``quote``, within the cell from ``start`` to ``stop``, opens such a part."""
    data = text.data
    if not start < quote < stop - 1 or any(data[at] in b' \t\r\n\v\f"' for at in (quote - 1, quote + 1)):
        return False
    try:
        close, _ = read_quoted(text, quote + 1)
    except BadQuoteError:
        return False
    inside = data[quote:close]
    return inside.endswith(b'"') and bytes([text.delimiter, SPACE]) in inside


def flaw_of(raw: bytes, cells: int, columns: int) -> str:
    if cells < columns:
        return "missing_columns"
    if cells > columns:
        return "extra_columns"
    try:
        raw.decode()
    except UnicodeDecodeError:
        return "bad_encoding"
    return "nul_byte" if NUL in raw else ""


def read_record(text: Text, start: int, longest: int) -> tuple[int, list[bytes | None]]:
    """The end of the record at ``start`` and its cells.

    Only the first ``longest`` bytes are looked at, and whether a line end (or nothing) is behind them.
    """
    seen = Text(text.data[: start + longest], text.delimiter, text.quote, text.escape)
    cells: list[bytes | None] = []
    at = start
    while True:
        at, cell = read_cell(seen, at)
        cells.append(cell)
        if at < len(seen.data) and seen.data[at] == seen.delimiter:
            at += 1
            continue
        if at == len(seen.data) and at < len(text.data) and not text.line_end(at):
            raise TooLongError
        return at, cells


def read_cell(text: Text, start: int) -> tuple[int, bytes | None]:
    """Where the cell at ``start`` ends, and its value."""
    data, at = text.data, start
    while at < len(data) and data[at] == SPACE != text.delimiter:
        at += 1
    if at < len(data) and text.quote is not None and data[at] == text.quote:
        return read_quoted(text, at + 1)
    at = start
    while at < len(data) and data[at] != text.delimiter and not text.line_end(at):
        at += 1
    return at, data[start:at] or None


def read_quoted(text: Text, at: int) -> tuple[int, bytes]:
    """Where the quoted cell, whose content starts at ``at``, ends, spaces behind it included; and its content."""
    data, content = text.data, bytearray()
    while True:
        if at >= len(data):
            raise BadQuoteError
        pair = data[at : at + 2]
        if text.escape != text.quote and pair[0] == text.escape and len(pair) == 2:
            content += pair[1:] if pair[1] in (text.quote, text.escape) else pair
            at += 2
        elif pair[0] == text.quote:
            if pair[1:] != pair[:1]:
                break
            content += pair[:1]
            at += 2
        else:
            content += pair[:1]
            at += 1
    at += 1
    while at < len(data) and data[at] == SPACE != text.delimiter:
        at += 1
    if at < len(data) and data[at] != text.delimiter and not text.line_end(at):
        raise BadQuoteError
    return at, bytes(content)
