"""Freshness: by when a dataset's next file is expected, from its rule and its last one; pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

_HALF_A_DAY = timedelta(hours=12)


class Unit(StrEnum):
    """What a rule counts in."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


_LONG = {Unit.HOUR: timedelta(hours=1), Unit.DAY: timedelta(days=1), Unit.WEEK: timedelta(weeks=1)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A file is expected every so many hours, or every so many days or weeks by a time of the day (UTC)."""

    every: int
    unit: Unit
    by: time = time()
    """Of no meaning where the unit is an hour."""
    grace: timedelta = timedelta()

    def __str__(self) -> str:
        often = f"every {self.unit}" if self.every == 1 else f"every {self.every:,} {self.unit}s"
        when = "" if self.unit is Unit.HOUR else f" by {self.by:%H:%M} UTC"
        minutes = int(self.grace.total_seconds()) // 60
        return f"{often}{when}" + (f", or {minutes:,} minutes later" if minutes else "")


def due(rule: Rule, last: datetime) -> datetime:
    """The moment (UTC) from which a dataset is late that was loaded at ``last`` and not since.

    Hours count from the load itself. A day's load counts for the deadline that is nearest to it: one that comes at
    23:50 for 00:30 is early for the next day, and one at 09:30 for 09:00 is late for this one; either way the next is
    due a day after that deadline, so a file that is late once moves no later deadline. A week is seven such days.
    """
    last = last.astimezone(UTC)
    if rule.unit is Unit.HOUR:
        return last + rule.every * _LONG[rule.unit] + rule.grace
    by = timedelta(hours=rule.by.hour, minutes=rule.by.minute)
    day = (last - by + _HALF_A_DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + by + rule.every * _LONG[rule.unit] + rule.grace
