"""A rejected record as it stands in the file, with the cell marked that it was rejected for. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.admin import shown
from ingest.loader.outcome.reject_codes import Code

_AROUND = 120
"""Characters before and behind the marked cell that are shown of a long record."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Marked:
    """A record in three pieces, the middle one marked; all in one where no cell is to blame."""

    before: str
    cell: str = ""
    behind: str = ""


def cells(text: str, dialect: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Where each cell of one record begins and ends, quotes included; as far as its quotes can be followed."""
    delimiter, quote = dialect.get("delimiter") or ",", dialect.get("quote", '"')
    escape = dialect.get("escape") or quote
    found, start, at, quoted = [], 0, 0, False
    while at < len(text):
        sign = text[at]
        if quoted and sign == escape and text[at + 1 : at + 2] == quote:
            at += 1
        elif sign == quote and (quoted or not text[start:at].strip(" ")):
            quoted = not quoted
        elif sign == delimiter and not quoted:
            found.append((start, at))
            start = at + 1
        at += 1
    return [*found, (start, len(text))]


def marked(
    raw: bytes, size: int, *, column: str, code: str, columns: Sequence[Mapping[str, Any]], dialect: Mapping[str, Any]
) -> Marked:
    """The record of ``size`` bytes, of which ``raw`` are the first, as it is shown.

    The cell of ``column`` is marked; of a record with too many cells, those that are too many.
    """
    text = bytes(raw).decode(errors="replace")
    cut = f"… ({size:,} bytes)" if size > len(raw) else ""
    found = cells(text, dialect)
    names = [each["name"] for each in columns]
    width, used = dialect.get("cells") or len(names), dialect.get("used") or range(len(names))
    place = dict(zip(names, used, strict=False)).get(column, len(found))
    if code == Code.EXTRA_COLUMNS and 0 < width < len(found):
        start, end = found[width][0], len(text)
    elif place < len(found) and (not cut or place < len(found) - 1):
        start, end = found[place]
    else:
        return Marked(before=shown.printable(text, 2 * _AROUND) + cut)
    before, behind = text[:start], text[end:]
    return Marked(
        before=("…" if len(before) > _AROUND else "") + shown.printable(before[-_AROUND:]),
        cell=shown.printable(text[start:end], _AROUND) or " ",
        behind=shown.printable(behind[:_AROUND]) + ("…" if len(behind) > _AROUND and not cut else "") + cut,
    )
