"""Calculate when a dataset's next file is due, from its rule and its last load."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum

_HALF_A_DAY = timedelta(hours=12)


class Unit(StrEnum):
    """The unit of a rule."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


_DURATIONS = {Unit.HOUR: timedelta(hours=1), Unit.DAY: timedelta(days=1), Unit.WEEK: timedelta(weeks=1)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """How often a file is expected: every few hours, or every few days or weeks by a time of day (UTC)."""

    every: int
    unit: Unit
    by: time = time()
    """Not used if the unit is an hour."""
    grace: timedelta = timedelta()

    def __str__(self) -> str:
        frequency = f"every {self.unit}" if self.every == 1 else f"every {self.every:,} {self.unit}s"
        time_of_day = "" if self.unit is Unit.HOUR else f" by {self.by:%H:%M} UTC"
        minutes = int(self.grace.total_seconds()) // 60
        return f"{frequency}{time_of_day}" + (f", or {minutes:,} minutes later" if minutes else "")


def due(rule: Rule, last: datetime) -> datetime:
    """Return when (UTC) a dataset is late whose last load was at ``last``.

    Hours count from the load itself. With days, a load counts for the nearest deadline: at 23:50 for 00:30 it is early
    for the next day, and at 09:30 for 09:00 it is late for this one. Either way the next file is due a day after that
    deadline, so that a late file doesn't move later deadlines. A week is seven such days.
    """
    last = last.astimezone(UTC)
    if rule.unit is Unit.HOUR:
        return last + rule.every * _DURATIONS[rule.unit] + rule.grace
    by = timedelta(hours=rule.by.hour, minutes=rule.by.minute)
    day = (last - by + _HALF_A_DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + by + rule.every * _DURATIONS[rule.unit] + rule.grace
