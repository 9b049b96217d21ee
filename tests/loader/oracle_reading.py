"""The plain reader of section 3: one character at a time, nothing clever."""

from dataclasses import dataclass

STRUCTURE = ("missing_columns", "extra_columns", "bad_quote", "bad_encoding", "nul_byte")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell as it stands in the file: its text without quotes, and whether it had some."""

    text: str
    quoted: bool = False

    @property
    def is_null(self) -> bool:
        """An unquoted empty cell is NULL; a quoted one is an empty string."""
        return not self.text and not self.quoted


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record: where it starts, its cells, and what its structure suffers from (any of ``flaws`` may be told)."""

    line: int
    raw: bytes
    cells: tuple[Cell, ...] = ()
    flaws: frozenset[str] = frozenset()


class _BadQuote(Exception):
    pass


def read(data: bytes, *, delimiter: str = ",", has_header: bool = True) -> tuple[tuple[Cell, ...], list[Record]]:
    """The header's cells (empty without a header) and all records behind it, good and bad."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    header: tuple[Cell, ...] | None = None if has_header else ()
    records: list[Record] = []
    at, line = 0, 1
    while at < len(text):
        record, end = _record(text, at, line, delimiter)
        stop = _behind_line_end(text, end)
        line += _line_ends(text[at:stop])
        at = stop
        if record is None or _is_blank(record, 2 if header is None else len(header)):
            continue
        if header is None:
            header = record.cells
            continue
        if not _repeats(record, header):
            records.append(record)
    width = len(header) if header else len(records[0].cells) if records else 0
    return header or (), [_with_flaws(record, width) for record in records]


def _is_blank(record: Record, width: int) -> bool:
    """Whether it is a row of blank cells; one cell of spaces is a value where there is one column."""
    several = len(record.cells) > 1 or (width > 1 and bool(record.cells))
    return several and all(not cell.quoted and not cell.text.strip(" \t") for cell in record.cells)


def _repeats(record: Record, header: tuple[Cell, ...]) -> bool:
    """Whether it is the header once more."""
    texts = [cell.text for cell in record.cells]
    return len(header) > 1 and [text.removeprefix("\ufeff") for text in texts[:1]] + texts[1:] == [
        cell.text for cell in header
    ]


def _record(text: str, at: int, line: int, delimiter: str) -> tuple[Record | None, int]:
    """The record that starts at ``at`` and where it ends, before its line end; None for a blank line."""
    line_end = _line_end(text, at)
    if line_end == at:
        return None, at
    try:
        cells, end = _cells(text, at, delimiter)
    except _BadQuote:
        raw = text[at:line_end].encode("utf-8", "surrogateescape")
        return Record(line=line, raw=raw, flaws=frozenset({"bad_quote"})), line_end
    return Record(line=line, raw=text[at:end].encode("utf-8", "surrogateescape"), cells=tuple(cells)), end


def _cells(text: str, at: int, delimiter: str) -> tuple[list[Cell], int]:
    cells = []
    while True:
        cell, at = _cell(text, at, delimiter)
        cells.append(cell)
        if text[at : at + 1] != delimiter:
            return cells, at
        at += 1


def _cell(text: str, at: int, delimiter: str) -> tuple[Cell, int]:
    """The cell at ``at``; where it ends is a delimiter, a line end or the end of the file."""
    start = at
    while text[at : at + 1] == " ":
        at += 1
    if text[at : at + 1] != '"':
        while at < len(text) and text[at] not in (delimiter, "\r", "\n"):
            at += 1
        return Cell(text=text[start:at]), at
    at += 1
    inside = ""
    while True:
        if at == len(text):
            raise _BadQuote
        if text[at : at + 2] == '""':
            inside += '"'
            at += 2
        elif text[at] == '"':
            break
        else:
            inside += text[at]
            at += 1
    at += 1
    while text[at : at + 1] == " ":
        at += 1
    if at < len(text) and text[at] not in (delimiter, "\r", "\n"):
        raise _BadQuote
    return Cell(text=inside, quoted=True), at


def _with_flaws(record: Record, width: int) -> Record:
    if record.flaws:
        return record
    flaws = set()
    if len(record.cells) < width:
        flaws.add("missing_columns")
    if len(record.cells) > width:
        flaws.add("extra_columns")
    if b"\0" in record.raw:
        flaws.add("nul_byte")
    try:
        record.raw.decode("utf-8")
    except UnicodeDecodeError:
        flaws.add("bad_encoding")
    return Record(line=record.line, raw=record.raw, cells=record.cells, flaws=frozenset(flaws))


def _line_end(text: str, at: int) -> int:
    while at < len(text) and text[at] not in "\r\n":
        at += 1
    return at


def _behind_line_end(text: str, at: int) -> int:
    return at + 2 if text[at : at + 2] == "\r\n" else min(at + 1, len(text))


def _line_ends(text: str) -> int:
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n")
