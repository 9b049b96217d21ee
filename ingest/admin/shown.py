"""How counts, times and strangers' bytes are written on a page."""

from datetime import datetime

from ingest.loader.outcome.reject_codes import Code

_LONGEST = 300  # characters of one cell, bytes of one record
BUCKET = "S3"
"""Who asked for a run that nobody asked for: its file was put there."""


def count(number: int | None) -> str:
    """Thousands separated; empty where there is none."""
    return "" if number is None else f"{number:,}"


def size(number: int) -> str:
    """Bytes in binary units."""
    amount, units = float(number), ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1024 and len(units) > 1:
        amount /= 1024
        units.pop(0)
    return f"{number:,} bytes" if units[0] == "bytes" else f"{amount:,.1f} {units[0]}"


def seconds(begin: datetime | None, end: datetime | None) -> str:
    """How long it took; empty where it isn't over."""
    return f"{(end - begin).total_seconds():,.2f}" if begin and end else ""


def code_label(code: str) -> str:
    """Return a reject code in words; "" for one that this version doesn't know."""
    return Code(code).label if code in set(Code) else ""


def who(name: str) -> str:
    """Who asked for a run."""
    return printable(name, 200) or BUCKET


def printable(text: str, longest: int = _LONGEST) -> str:
    """``text`` in one line of bounded length, in which no character hides or turns others around."""
    cut = text[:longest]
    shown = "".join(map(_harmless, cut))
    return f"{shown}… ({len(text):,} characters)" if len(text) > longest else shown


def raw(head: bytes, size: int, longest: int = _LONGEST) -> str:
    """A record's bytes, whatever they are, as ``printable`` writes them; ``head`` is at least its first ``longest``."""
    shown = printable(bytes(head[:longest]).decode(errors="replace"), longest)
    return shown if size <= longest else f"{shown}… ({size:,} bytes)"


def lines(text: str) -> str:
    """``text`` in its own lines, in which no character hides or turns others around."""
    return "".join(c if c in "\n\t" else _harmless(c) for c in text)


def _harmless(character: str) -> str:
    if character.isprintable() or character in _JOINERS:
        return character
    return _SIGNS.get(character, "\N{REPLACEMENT CHARACTER}")


_JOINERS = "\N{NO-BREAK SPACE}\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
"""Words and emoji are written with them."""
_SIGNS = {"\n": "⏎", "\r": "␍", "\t": "⇥", "\0": "␀"}
