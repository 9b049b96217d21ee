"""What the demo prints: tables that fit, colours where there are any."""

import os
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

_COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33"}
_INDENT = "  "
_STATUS_COLOURS = {
    "succeeded": "green",
    "failed": "red",
    "held": "yellow",
    "partial": "yellow",
    "empty": "dim",
    "discarded": "dim",
    "superseded": "dim",
}


def say(text: str = "") -> None:
    """Print a line at once, also into a pipe; when nobody reads it any more, that is a wish to stop."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise KeyboardInterrupt from None


def styled(text: str, style: str) -> str:
    """``text`` in one of our colours on a terminal that has them, else as it is."""
    if not style or not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m"


def shown(value: object) -> str:
    """One cell: ISO 8601 in UTC, thousands separated in counts, nothing that would steer the terminal."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        text = value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ") if value.tzinfo else value.isoformat(" ")
    else:
        text = str(value)
    return "".join(each if each.isprintable() else "\N{MIDDLE DOT}" for each in text)


def table(headers: Sequence[str], rows: Sequence[Sequence[object]], *, whole: bool = False) -> str:
    """Rows under their headers, numbers to the right.

    Columns that the terminal has no room for are named instead, unless the ``whole`` table matters more than its looks.
    """
    cells = [[shown(value) for value in row] for row in rows]
    right = [
        bool(rows) and all(isinstance(row[at], int | float | Decimal) for row in rows) for at in range(len(headers))
    ]
    widths = [max(len(header), *(len(row[at]) for row in cells), 0) for at, header in enumerate(headers)]
    fits = len(widths) if whole else _how_many_fit(widths)

    def line(row: Sequence[str], *, head: bool = False) -> str:
        parts = []
        for at in range(fits):
            style = "bold" if head else _colour_of(row[at]) if headers[at] == "status" else ""
            parts.append(styled(row[at].rjust(widths[at]) if right[at] else row[at].ljust(widths[at]), style))
        return (_INDENT + "  ".join(parts)).rstrip()

    lines = [line(headers, head=True), *(line(row) for row in cells)]
    if fits < len(headers):
        lines.append(styled(f"{_INDENT}(no room for: {', '.join(headers[fits:])})", "dim"))
    return "\n".join(lines)


def _colour_of(label: str) -> str:
    """That of a run's status, as its label tells it: one with rejects isn't green."""
    return _STATUS_COLOURS.get("partial" if " · " in label else label, "")


def _how_many_fit(widths: Sequence[int]) -> int:
    if not sys.stdout.isatty():
        return len(widths)
    room = shutil.get_terminal_size().columns - len(_INDENT)
    fits = 0
    while fits < len(widths) and sum(widths[: fits + 1]) + 2 * fits <= room:
        fits += 1
    return max(fits, 1)


class StatusLine:
    """One line that is written over while something goes on; nothing where it can't be."""

    def show(self, text: str) -> None:
        """Put ``text`` in place of what stands there."""
        if sys.stdout.isatty():
            sys.stdout.write(f"\r\x1b[K  {text}")
            sys.stdout.flush()

    def clear(self) -> None:
        """Leave the line empty for what comes next."""
        if sys.stdout.isatty():
            sys.stdout.write("\r\x1b[K")
            sys.stdout.flush()
