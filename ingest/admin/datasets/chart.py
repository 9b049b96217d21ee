"""What stood in a dataset's table over time, as its runs left it; and the line that shows it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT = 1_000, 120
"""Units of the chart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """From ``when`` on there was so much."""

    when: datetime
    amount: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What one run did to the rows."""

    when: datetime
    more: int
    rows: int | None = None
    """That it left; None of a run that was before they were written down."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """The steps as the path of an SVG, and what stands beside it."""

    path: str
    first: Step
    last: Step
    most: int


def steps(rows: int, changes: Sequence[Change]) -> list[Step]:
    """The rows step by step, the oldest first: ``rows`` stand there now, and ``changes`` come the newest first.

    Where a run has left no number, it is reckoned back. What others did to the table isn't in that; so where it would
    lead below nothing, it stays there.
    """
    told = []
    for change in changes:
        rows = rows if change.rows is None else change.rows
        told.append(Step(when=change.when, amount=max(rows, 0)))
        rows -= change.more
    return told[::-1]


def line(told: Sequence[Step]) -> Line | None:
    """The line of these steps; None where there are fewer than two."""
    if len(told) < 2:
        return None
    first, last, most = told[0], told[-1], max(step.amount for step in told)
    seconds = (last.when - first.when).total_seconds() or 1
    path = ""
    for at, step in enumerate(told):
        x = round(WIDTH * (step.when - first.when).total_seconds() / seconds, 1)
        y = round(HEIGHT - HEIGHT * step.amount / (most or 1), 1)
        path += f"M{x} {y}" if at == 0 else f"H{x}V{y}"
    return Line(path=path, first=first, last=last, most=most)
