"""The numbers behind a run's charts: the parts of the bar, the stages on their line. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 1_000
"""Units of a chart from its left to its right end."""
LEAST = 8
"""Units of the smallest part that is there: it must be seen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One part of a bar."""

    name: str
    count: int
    share: float
    """Of the whole, from 0 to 1: as it is, whatever the width."""
    start: float
    width: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """Parts that lie side by side and fill the whole width."""

    parts: Sequence[Part]
    total: int
    widened: bool
    """Whether a part is drawn wider than it is, so that it can be seen."""


def bar(counts: Sequence[tuple[str, int]]) -> Bar | None:
    """The bar of these counts, those of nothing left out; None where there is nothing at all."""
    there = [(name, count) for name, count in counts if count > 0]
    total = sum(count for _, count in there)
    if not total:
        return None
    small = {name for name, count in there if count * WIDTH < LEAST * total}
    left = WIDTH - LEAST * len(small)
    whole = sum(count for name, count in there if name not in small)
    parts, start = [], 0.0
    for name, count in there:
        width = LEAST if name in small else left * count / whole
        parts.append(Part(name=name, count=count, share=count / total, start=round(start, 2), width=round(width, 2)))
        start += width
    return Bar(parts=parts, total=total, widened=bool(small))


def timeline(stages: Sequence[tuple[str, float]]) -> list[Part]:
    """The stages of an attempt one behind the other, each as wide as its time; ``count`` is in milliseconds."""
    told = [(name, round(seconds * 1000)) for name, seconds in stages]
    total = sum(milliseconds for _, milliseconds in told) or 1
    parts, start = [], 0.0
    for name, milliseconds in told:
        width = max(WIDTH * milliseconds / total, 2)
        left = min(start, WIDTH - width)
        parts.append(
            Part(name=name, count=milliseconds, share=milliseconds / total, start=round(left, 2), width=round(width, 2))
        )
        start += WIDTH * milliseconds / total
    return parts
