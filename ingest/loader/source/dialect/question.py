"""A file that can be read in several ways: what each makes of its first lines, for somebody to choose."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ingest.loader.source.dialect.dialect import HEAD, Dialect, Pinned, examine
from ingest.loader.source.dialect.ranking import NAMES
from ingest.loader.source.encoding.mixed_lines import other_of
from ingest.loader.source.encoding.transcode import UTF_8, DetectedEncoding, decoded
from ingest.loader.source.layout.grammar import BOM, END_OF_FILE, without_marks
from ingest.loader.source.layout.sample import first_lines, sample, skip_lines, unwrap

_ROWS, _CELLS, _LENGTH = 6, 30, 120
"""Rows that are shown of a reading, cells of each, and characters of a cell."""
_ENCODINGS = {
    **dict.fromkeys(("cp1252", "iso8859_15"), "Western European"),
    "mac_roman": "Western European, Mac OS",
    **dict.fromkeys(("cp850", "cp437"), "Western European, DOS"),
    **dict.fromkeys(("cp1250", "iso8859_2", "cp852"), "Central European"),
    **dict.fromkeys(("cp1251", "koi8_r", "koi8_u", "cp866", "iso8859_5", "mac_cyrillic"), "Cyrillic"),
    **dict.fromkeys(("cp1253", "iso8859_7"), "Greek"),
    **dict.fromkeys(("cp932", "euc_jp"), "Japanese"),
    "cp1254": "Turkish",
    "cp1255": "Hebrew",
    "cp1256": "Arabic",
    "cp1257": "Baltic",
    "cp1258": "Vietnamese",
    "cp874": "Thai",
    "gb18030": "Chinese, simplified",
    "big5": "Chinese, traditional",
    "cp949": "Korean",
}
"""What encodings are for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """One reading that is offered."""

    dialect: Dialect
    label: str
    """What is special about it, in a few words."""
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """The first records as they would be cut."""
    of_encoding: bool = False
    """Whether the question is in which encoding the file is, and nothing else of the dialect."""

    def to_json(self) -> dict[str, Any]:
        """As it is kept on a run."""
        rows = [list(row) for row in self.rows]
        told = {"dialect": asdict(self.dialect), "label": self.label, "header": list(self.header), "rows": rows}
        return told | ({"of_encoding": True} if self.of_encoding else {})


def offers(head: bytes, dialects: Sequence[Dialect], *, at: int = 0) -> tuple[Offer, ...]:
    """What each of ``dialects`` makes of the file that begins with ``head``; ``at`` is the record to be shown first."""
    text, whole = without_marks(head), len(head) < HEAD
    text = text.removesuffix(END_OF_FILE) if whole else text
    return tuple(_offer(text, dialect, at, whole=whole) for dialect in dialects)


def offers_of_encodings(
    head: bytes,
    found: DetectedEncoding,
    *,
    pinned: Pinned | None = None,
    known: Collection[str] = (),
    null_tokens: Collection[str] = (),
    name: str = "",
) -> tuple[Offer, ...]:
    """Return what each encoding makes of the lines by which those that were ``found`` differ.

    ``head`` are the file's first bytes as they came, ``HEAD`` of them or all; the rest is what ``examine`` takes.
    """
    whole = len(head) < HEAD
    head = head if whole else head[: max(head.rfind(b"\n"), head.rfind(b"\r")) + 1] or head
    told = []
    for encoding in (found.encoding, *found.others):
        text = decoded(head, encoding)
        dialect = examine(
            text, pinned=pinned, known=known, null_tokens=null_tokens, encoding=encoding, name=name, whole=whole
        ).dialect
        told.append(_offer_of_encoding(text, found.lines, dialect))
    return tuple(told)


def _offer_of_encoding(text: bytes, lines: Sequence[bytes], dialect: Dialect) -> Offer:
    """Return what a file that begins with ``text`` and has these ``lines``, as they came, looks like in ``dialect``."""
    plain = _offer(without_marks(text), dialect, 0, whole=False)
    shown = b"".join(line.removeprefix(BOM) + b"\n" for line in lines)
    cut = sample(decoded(shown, dialect.encoding), dialect.grammar, whole=True)
    rows = [tuple(_shown(cell) for cell in record[:_CELLS]) for record in cut.records[:_ROWS]]
    rows = [row for row in rows if row != plain.header]
    return replace(plain, label=_told_encoding(dialect.encoding), rows=tuple(rows), of_encoding=True)


def _told_encoding(encoding: str) -> str:
    """Return what an encoding is, in a few words."""
    if other := other_of(encoding):
        return f"each line in its own encoding: UTF-8, or else {_told_encoding(other)}"
    if encoding == UTF_8:
        return "UTF-8: lines in another encoding are rejected"
    return f"{encoding} ({_ENCODINGS[encoding]})" if encoding in _ENCODINGS else encoding


def table_of(text: bytes, dialect: Dialect) -> bytes:
    """Return ``text``, a file's beginning without a mark, from its header on, without quotes around whole lines."""
    if dialect.end:
        text = b"".join(first_lines(text, dialect.end))
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
    return Offer(dialect=dialect, label=describe(dialect, one_column=found.width == 1), header=header, rows=rows)


def describe(dialect: Dialect, *, one_column: bool = False) -> str:
    """A reading in a few words; ``one_column``: its delimiter is in no line, so it isn't worth a word."""
    told = ["one column" if one_column else f"{NAMES.get(dialect.delimiter, dialect.delimiter)} between the cells"]
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
    if dialect.unnamed:
        told.append("each record ends with a cell for which the header has no name")
    if dialect.trailing:
        told.append("blank cells at the end are no columns")
    if dialect.end:
        told.append(f"the lines after line {dialect.end:,} left out")
    if dialect.spaced:
        told.append("a space after each delimiter belongs to it")
    return "; ".join(told)


def _shown(cell: bytes) -> str:
    return _cut(cell.decode("utf-8", "replace").replace("\0", ""))


def _cut(cell: str) -> str:
    return cell if len(cell) <= _LENGTH else f"{cell[:_LENGTH]}…"
