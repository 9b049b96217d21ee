"""Summarize how a file was read, part by part, with the basis of each part; for pages, commands and programs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", " ": "space"}
_QUOTES = {'"': "double quote", "'": "single quote", "": "none"}
_LABELS = {
    "delimiter": "Delimiter",
    "quote": "Quote",
    "escape": "Escape",
    "preamble": "Lines above the header",
    "has_header": "Header",
    "encoding": "Encoding",
}
_ALSO = {
    "compression": "Compression",
    "row_names": "Record names",
    "unnamed": "Last column without a name",
    "trailing": "Blank cells at the end",
    "spaced": "Space after each delimiter",
    "wrapped": "Quotes around whole lines",
    "above": "Lines as wide as the table above it",
    "end": "Last line that was read",
    "marked": "Spreadsheet-safe export",
}
_CLEAR = 1.0
"""The margin if no other reading comes close."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part of a reading."""

    name: str
    """The name of the dataset's field, or of the entry in the run's dialect."""
    label: str
    value: Any
    shown: str
    basis: str
    """``found``, ``known``, ``pinned`` or ``chosen``; empty if the part can't be set, or its basis wasn't stored."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadingSummary:
    """How a file was read."""

    parts: tuple[Part, ...]
    skipped: tuple[str, ...]
    """The text of the lines above the header."""
    margin: float | None
    """How far the reading is ahead of the next best one, 0 to 1; None if someone chose it, or it isn't known."""
    summary: str
    """The reading in a few words."""

    @property
    def margin_shown(self) -> str:
        """The margin in words."""
        if self.margin is None:
            return ""
        if self.margin >= _CLEAR:
            return "No other reading comes close."
        return f"Margin to the next best reading: {self.margin:.2f} (of 1)."

    def to_json(self) -> dict[str, Any]:
        """Return the summary as JSON, for programs."""
        values = {
            part.name: {"value": part.value, "basis": part.basis or None} if part.name in _LABELS else part.value
            for part in self.parts
        }
        return {**values, "skipped": list(self.skipped), "margin": self.margin}


def summarize_reading(written: Mapping[str, Any]) -> ReadingSummary | None:
    """Return how a file was read, from its run's ``dialect`` or a preview of its head; None if it wasn't read."""
    if "delimiter" not in written:
        return None
    written = {"quote": '"', "has_header": True, **written}  # old runs stored fewer parts
    bases = written.get("basis", {})
    parts = [
        Part(name=name, label=label, value=written[name], shown=_shown(name, written), basis=bases.get(name, ""))
        for name, label in _LABELS.items()
        if name in written and not (name == "escape" and not written["quote"])
    ]
    parts += [
        Part(name=name, label=label, value=written[name], shown=_also(written[name]), basis="")
        for name, label in _ALSO.items()
        if written.get(name)
    ]
    return ReadingSummary(
        parts=tuple(parts),
        skipped=tuple(written.get("skipped", ())),
        margin=written.get("margin"),
        summary=_summary(written),
    )


def _shown(name: str, written: Mapping[str, Any]) -> str:
    value = written[name]
    if name == "delimiter":
        return _DELIMITERS.get(value, value)
    if name == "quote":
        return _QUOTES.get(value, value)
    if name == "escape":
        return "doubled quote" if value == written["quote"] else "backslash" if value == "\\" else value
    if name == "preamble":
        return f"{value:,}" if value else "none"
    if name == "has_header":
        return _header(written)
    return str(value)


def _header(written: Mapping[str, Any]) -> str:
    if not written["has_header"]:
        return "none"
    return f"line {written.get('preamble', 0) + 1:,}" + (", in a comment" if written.get("commented") else "")


def _also(value: object) -> str:
    return "yes" if value is True else f"{value:,}" if isinstance(value, int) else str(value)


def _summary(written: Mapping[str, Any]) -> str:
    delimiter = _DELIMITERS.get(written["delimiter"], written["delimiter"])
    quote = _QUOTES.get(written["quote"], written["quote"])
    phrases = [f"{delimiter} between cells", f"{quote}s" if written["quote"] else "no quotes"]
    header = _header(written)
    phrases.append("no header" if header == "none" else f"header on {header}")
    if skipped := written.get("preamble", 0):
        phrases.append("1 line above it" if skipped == 1 else f"{skipped:,} lines above it")
    phrases.append(str(written.get("encoding", "")).upper().replace("UTF_", "UTF-"))
    return ", ".join(filter(None, phrases))
