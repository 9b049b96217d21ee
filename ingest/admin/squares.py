"""The last days of a dataset as squares: what each looks like, says and leads to. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from ingest.operations.dashboard import MOST_A_DAY, Day

STEP = 16
"""Units of the chart from one day to the next."""
SIDE = 14
"""Units of a square's side."""
_SIGNS = {
    "failed": '<path d="M4 4l6 6M10 4l-6 6"/>',
    "held": '<path d="M5 4v6M9 4v6"/>',
    "partial": '<path d="M7 3v5M7 10v1"/>',
    "idle": '<path d="M4 7h6"/>',
}
"""What tells the looks apart without colour: a cross, two bars, an exclamation mark, a dash; nothing came to an empty
square."""
_UNTROUBLED = ("loaded", "idle")


@dataclass(frozen=True, kw_only=True, slots=True)
class Square:
    """One day of one dataset."""

    x: int
    look: str
    """The worst that happened: failed, held, partial (rejects), loaded, idle (nothing was loaded) or none."""
    day: date
    told: str
    """In words, for those who don't see it and those who want to know."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """The days of one dataset, the oldest first."""

    squares: Sequence[Square]
    told: str
    """The sum of it."""


def days(today: date, number: int) -> list[date]:
    """The last ``number`` days up to ``today``."""
    return [today - timedelta(days=ago) for ago in reversed(range(number))]


def row(shown: Sequence[date], of: Mapping[date, Day]) -> Row:
    """The squares of one dataset for the days ``shown``."""
    squares = [_square(at, day, of.get(day)) for at, day in enumerate(shown)]
    runs, failed, held, rejecting = (
        sum(getattr(day, name) for day in of.values() if day) for name in ("runs", "failed", "held", "rejecting")
    )
    cut = any(day.runs > MOST_A_DAY for day in of.values())
    parts = [f"{'more than ' if cut else ''}{_many(runs, 'run')}", *_troubles(failed, held, rejecting)]
    return Row(squares=squares, told=", ".join(parts) if runs else "no runs")


def drawn(row: Row, address: str) -> SafeString:
    """The squares as what stands in an SVG; ``address`` is that of the list of runs up to the day.

    Made here and not in a template, where fifteen hundred of them take longer than all else on the page. Only squares
    in trouble are stops of the tab key: a dataset's name, beside them, leads to the others.
    """
    return mark_safe("".join(_one(square, escape(address)) for square in row.squares))  # noqa: S308 - escaped


def sign(look: str) -> SafeString:
    """A square alone, as a legend shows it."""
    return mark_safe(_glyph(look, ""))  # noqa: S308 - ours


def _one(square: Square, address: str) -> str:
    glyph = _glyph(square.look, f' transform="translate({square.x})"', square.told)
    if square.look == "none":
        return glyph
    tab = ' tabindex="-1"' if square.look in _UNTROUBLED else ""
    return f'<a href="{address}{square.day}"{tab}>{glyph}</a>'


def _glyph(look: str, place: str, told: str = "") -> str:
    title = f"<title>{told}</title>" if told else ""
    return f'<g class="{look}"{place}>{title}<rect width="{SIDE}" height="{SIDE}" rx="3"/>{_SIGNS.get(look, "")}</g>'


def _square(at: int, day: date, that: Day | None) -> Square:
    if that is None:
        return Square(x=at * STEP, look="none", day=day, told=f"{day}: no files")
    looks = (("failed", that.failed), ("held", that.held), ("partial", that.rejecting), ("loaded", that.loaded))
    look = next((look for look, number in looks if number), "idle")
    runs = f"more than {MOST_A_DAY} runs" if that.runs > MOST_A_DAY else _many(that.runs, "run")
    told = ", ".join(
        [runs, *_troubles(that.failed, that.held, that.rejecting), *(["nothing loaded"] if look == "idle" else [])]
    )
    return Square(x=at * STEP, look=look, day=day, told=f"{day}: {told}")


def _troubles(failed: int, held: int, rejecting: int) -> list[str]:
    told = ((failed, "failed"), (held, "held"), (rejecting, "with rejects"))
    return [f"{number:,} {name}" for number, name in told if number]


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
