"""The rows of a dataset over time, reckoned back from now by what each run did; and the line that shows it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT = 1_000, 120
"""Units of the chart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """From ``when`` on there were so many rows."""

    when: datetime
    rows: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """The steps as the path of an SVG, and what stands beside it."""

    path: str
    first: Step
    last: Step
    most: int


def steps(rows: int, changes: Sequence[tuple[datetime, int]]) -> list[Step]:
    """The steps, the oldest first: ``rows`` stand there now, and ``changes`` are (when, rows more), the newest first.

    What others did to the table isn't in it; so where it would lead below nothing, it stays there.
    """
    told = []
    for when, more in changes:
        told.append(Step(when=when, rows=max(rows, 0)))
        rows -= more
    return told[::-1]


def line(told: Sequence[Step]) -> Line | None:
    """The line of these steps; None where there are fewer than two."""
    if len(told) < 2:
        return None
    first, last, most = told[0], told[-1], max(step.rows for step in told)
    seconds = (last.when - first.when).total_seconds() or 1
    path = ""
    for at, step in enumerate(told):
        x = round(WIDTH * (step.when - first.when).total_seconds() / seconds, 1)
        y = round(HEIGHT - HEIGHT * step.rows / (most or 1), 1)
        path += f"M{x} {y}" if at == 0 else f"H{x}V{y}"
    return Line(path=path, first=first, last=last, most=most)
