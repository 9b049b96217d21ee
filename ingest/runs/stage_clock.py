"""The stages of an attempt, and how long each takes."""

import time


class StageClock:
    """By a clock that nobody sets; what an attempt does twice stands there twice."""

    def __init__(self) -> None:
        self._begun: list[tuple[str, float]] = []

    def enter(self, stage: str, *, anew: bool = False) -> None:
        """Begin ``stage``, unless it is the one that is going on, and not ``anew``. Cheap: called for each MiB."""
        if anew or not self._begun or self._begun[-1][0] != stage:
            self._begun.append((stage, time.monotonic()))

    @property
    def stages(self) -> list[tuple[str, float]]:
        """The stages so far, in their order, each with its seconds to the millisecond; the last one is going on."""
        begun = [*self._begun, ("", time.monotonic())]
        return [(stage, round(begun[at + 1][1] - start, 3)) for at, (stage, start) in enumerate(begun[:-1])]
