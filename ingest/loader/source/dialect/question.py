"""Preview the readings of an ambiguous file, for an operator to choose from."""

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
        """Return the offer as it is stored on a run."""
        rows = [list(row) for row in self.rows]
        offer = {"dialect": asdict(self.dialect), "label": self.label, "header": list(self.header), "rows": rows}
        return offer | ({"of_encoding": True} if self.of_encoding else {})


def offers(head: bytes, dialects: Sequence[Dialect], *, at: int = 0) -> tuple[Offer, ...]:
    """Return a preview of the file that begins with ``head`` by each of ``dialects``, from the record ``at``."""
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
    previews = []
    for encoding in (found.encoding, *found.others):
        text = decoded(head, encoding)
        dialect = examine(
            text, pinned=pinned, known=known, null_tokens=null_tokens, encoding=encoding, name=name, whole=whole
        ).dialect
        previews.append(_offer_of_encoding(text, found.lines, dialect))
    return tuple(previews)


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
        return f"each line in its own encoding: UTF-8, otherwise {_told_encoding(other)}"
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
    sampled = sample(table_of(text, dialect), dialect.grammar, whole=whole)
    records = [[_shown(cell) for cell in record[:_CELLS]] for record in sampled.records[: at + _ROWS + 1]]
    header: tuple[str, ...] = ()
    if dialect.has_header and sampled.records:
        header = tuple(_cut(cell) for cell in dialect.header_of(sampled.raw(0))[:_CELLS])
        records = records[1:]
    rows = tuple(tuple(record) for record in records[at : at + _ROWS])
    return Offer(dialect=dialect, label=describe(dialect, one_column=sampled.width == 1), header=header, rows=rows)


def describe(dialect: Dialect, *, one_column: bool = False) -> str:
    """Describe a reading in a few words; ``one_column``: no line contains its delimiter, so don't mention it."""
    parts = ["one column" if one_column else f"{NAMES.get(dialect.delimiter, dialect.delimiter)} between the cells"]
    if not dialect.quote:
        parts.append("quotes are part of the text")
    elif (dialect.quote, dialect.escape) != ('"', '"'):
        parts.append(f"quoted with {dialect.quote}, escaped with {dialect.escape}")
    if dialect.has_header:
        parts.append(f"header on line {dialect.preamble + 1:,}" + (" in a comment" if dialect.commented else ""))
    else:
        parts.append("no header" + (f", {dialect.preamble:,} lines above" if dialect.preamble else ""))
    if dialect.wrapped:
        parts.append("quotes around each line removed")
    if dialect.row_names:
        parts.append("row names in an unnamed first column")
    if dialect.unnamed:
        parts.append("unnamed last column")
    if dialect.trailing:
        parts.append("blank trailing cells ignored")
    if dialect.end:
        parts.append(f"the lines after line {dialect.end:,} left out")
    if dialect.spaced:
        parts.append("the space after each delimiter ignored")
    return "; ".join(parts)


def _shown(cell: bytes) -> str:
    return _cut(cell.decode("utf-8", "replace").replace("\0", ""))


def _cut(cell: str) -> str:
    return cell if len(cell) <= _LENGTH else f"{cell[:_LENGTH]}…"
