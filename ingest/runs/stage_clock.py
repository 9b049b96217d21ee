"""Measure how long each stage of an attempt takes."""

import time
from itertools import pairwise


class StageClock:
    """Uses a monotonic clock. A stage that is repeated is listed twice."""

    def __init__(self) -> None:
        self._begun: list[tuple[str, float]] = []

    def enter(self, stage: str, *, restart: bool = False) -> None:
        """Begin ``stage``, unless it is the current one and not ``restart``. Cheap, since it is called for each MiB."""
        if restart or not self._begun or self._begun[-1][0] != stage:
            self._begun.append((stage, time.monotonic()))

    @property
    def stages(self) -> list[tuple[str, float]]:
        """The stages so far, each with its duration in seconds, to the millisecond. The last one is in progress."""
        begun = [*self._begun, ("", time.monotonic())]
        return [(stage, round(end - start, 3)) for (stage, start), (_, end) in pairwise(begun)]
