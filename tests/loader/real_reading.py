"""What Python's csv module reads in a file: the records, the lines they start on, and which of their cells are NULL."""

import csv
import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from ingest.loader.source.dialect.dialect import Dialect

csv.field_size_limit(sys.maxsize)

Cells = tuple[str | None, ...]


@dataclass(frozen=True, kw_only=True)
class Record:
    """One record."""

    line: int
    """The physical line, from 1, on which it starts."""
    cells: Cells
    """None where it is NULL."""
    raw: str
    """Its text, without line end."""
    flaw: str = ""
    """What is wrong with its form, as the code of a reject."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """A whole file. Without a header record ``header`` has an empty text for each column."""

    header: tuple[str, ...]
    records: tuple[Record, ...]


def read_by_csv(text: str, dialect: Dialect) -> Read:
    """All records of ``text``, a file without its byte order mark, as the csv module reads them in its strict mode.

    Where that gives up, at a broken quote, the line is a malformed record of its own and a fresh reader goes on at the
    next one (file-rules#broken-quotes). Raises csv.Error where it gives up at the header.
    """
    lines = list(io.StringIO(text, newline=""))
    records = [_without_line_end(record) for record in _records(lines, dialect)]
    if not dialect.has_header:
        width = len(next(record for record in records if not record.flaw).cells)
        return Read(header=("",) * width, records=tuple(_judged(record, width) for record in records))
    if not records or records[0].flaw:
        raise csv.Error("there is no header")
    first, *rest = records
    width = len(first.cells)
    return Read(
        header=tuple(cell or "" for cell in first.cells), records=tuple(_judged(record, width) for record in rest)
    )


def _records(lines: list[str], dialect: Dialect) -> Iterator[Record]:
    closer = list(io.StringIO(_quotes_at_their_delimiters("".join(lines), dialect.delimiter), newline=""))
    at = dialect.preamble
    while at < len(lines):
        begin, behind = at, at
        reader = csv.reader(
            islice(closer, at, None),
            delimiter=dialect.delimiter,
            quotechar=dialect.quote,
            escapechar=None if dialect.escape == dialect.quote else dialect.escape,
            strict=True,
        )
        at = len(lines)
        try:
            for cells in reader:
                first, behind = behind, begin + reader.line_num
                if cells:  # a blank line is no record
                    raw = "".join(lines[first:behind])
                    yield Record(line=first + 1, cells=_with_nulls(cells, raw, dialect.delimiter), raw=raw)
        except csv.Error:
            yield Record(line=behind + 1, cells=(), raw=lines[behind], flaw="bad_quote")
            at = behind + 1


def _quotes_at_their_delimiters(text: str, delimiter: str) -> str:
    """The text without the spaces outside of quoted cells, which the csv module takes for a part of the cell."""
    edge = re.escape(delimiter)
    if not re.search(rf' "|" +(?:{edge}|[\r\n]|\Z)', text):
        return text
    cell = re.compile(rf'(?: *+("(?:[^"]++|"")*+") *+(?=[{edge}\r\n]|\Z)|([^{edge}\r\n]*+))([{edge}\r\n]|\Z)')
    return cell.sub(lambda found: (found[2] if found[1] is None else found[1]) + found[3], text)


def _with_nulls(cells: list[str], raw: str, delimiter: str) -> Cells:
    """The cells with None for those that are empty and not in quotes; the csv module doesn't tell the two apart."""
    if "" not in cells:
        return tuple(cells)
    if '""' not in raw:
        return tuple(cell or None for cell in cells)
    edge = re.escape(delimiter)
    cell = re.compile(rf'(?: *+("(?:[^"]++|"")*+") *+|[^{edge}\r\n]*+)(?:[{edge}\r\n]|\Z)')
    quoted = [found[1] is not None for found in islice(cell.finditer(raw), len(cells))]
    return tuple(text if text or in_quotes else None for text, in_quotes in zip(cells, quoted, strict=True))


def _without_line_end(record: Record) -> Record:
    return replace(record, raw=record.raw.removesuffix("\n").removesuffix("\r"))


def _judged(record: Record, width: int) -> Record:
    """The record with what is wrong with its form."""
    cells = len(record.cells)
    flaw = record.flaw
    if not flaw and cells != width:
        flaw = "missing_columns" if cells < width else "extra_columns"
    if not flaw and "\0" in record.raw:
        flaw = "nul_byte"
    return replace(record, flaw=flaw)
