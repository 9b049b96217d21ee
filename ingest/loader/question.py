"""A file that can be read in several ways: what each makes of its first lines, for somebody to choose."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ingest.loader.cells import END_OF_FILE, without_marks
from ingest.loader.dialect import HEAD, Dialect
from ingest.loader.sniff import sample, skip_lines, unwrap

_ROWS, _CELLS, _LENGTH = 6, 30, 120
"""Rows that are shown of a reading, cells of each, and characters of a cell."""
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """One reading that is offered."""

    dialect: Dialect
    label: str
    """What is special about it, in a few words."""
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """The first records as they would be cut."""

    def to_json(self) -> dict[str, Any]:
        """As it is kept on a run."""
        rows = [list(row) for row in self.rows]
        return {"dialect": asdict(self.dialect), "label": self.label, "header": list(self.header), "rows": rows}


def offers(head: bytes, dialects: Sequence[Dialect], *, at: int = 0) -> tuple[Offer, ...]:
    """What each of ``dialects`` makes of the file that begins with ``head``; ``at`` is the record to be shown first."""
    text, whole = without_marks(head), len(head) < HEAD
    text = text.removesuffix(END_OF_FILE) if whole else text
    return tuple(_offer(text, dialect, at, whole=whole) for dialect in dialects)


def table_of(text: bytes, dialect: Dialect) -> bytes:
    """Return ``text``, a file's beginning without a mark, from its header on, without quotes around whole lines."""
    text = skip_lines(text, dialect.preamble)
    return b"".join(unwrap(line) + b"\n" for line in text.splitlines()) if dialect.wrapped else text


def _offer(text: bytes, dialect: Dialect, at: int, *, whole: bool) -> Offer:
    found = sample(table_of(text, dialect), dialect.grammar, whole=whole)
    records = [[_shown(cell) for cell in record[:_CELLS]] for record in found.records[: at + _ROWS + 1]]
    header: tuple[str, ...] = ()
    if dialect.has_header and found.records:
        header = tuple(_cut(cell) for cell in dialect.header_of(found.raw(0))[:_CELLS])
        records = records[1:]
    rows = tuple(tuple(record) for record in records[at : at + _ROWS])
    return Offer(dialect=dialect, label=describe(dialect), header=header, rows=rows)


def describe(dialect: Dialect) -> str:
    """A reading in a few words."""
    told = [f"{_DELIMITERS.get(dialect.delimiter, dialect.delimiter)} between the cells"]
    if not dialect.quote:
        told.append("quotes are characters like others")
    elif (dialect.quote, dialect.escape) != ('"', '"'):
        told.append(f"cells in {dialect.quote}, escaped by {dialect.escape}")
    if dialect.has_header:
        told.append(f"header on line {dialect.preamble + 1:,}" + (" in a comment" if dialect.commented else ""))
    else:
        told.append("no header" + (f", {dialect.preamble:,} lines above" if dialect.preamble else ""))
    if dialect.wrapped:
        told.append("the quotes around each line taken off")
    if dialect.row_names:
        told.append("each record begins with a name for which the header has no cell")
    if dialect.trailing:
        told.append("blank cells at the end are no columns")
    if dialect.spaced:
        told.append("a space after each delimiter belongs to it")
    return "; ".join(told)


def _shown(cell: bytes) -> str:
    return _cut(cell.decode("utf-8", "replace").replace("\0", ""))


def _cut(cell: str) -> str:
    return cell if len(cell) <= _LENGTH else f"{cell[:_LENGTH]}…"
