"""The figures of a run, read once: how each is named, what its value is, and how it is written for a person."""

from dataclasses import dataclass, replace
from typing import Self

from ingest.models import Run

ROW_COUNTS = (*Run.FATES, "deleted")
"""The counts of rows that a run keeps, in the order in which they are shown."""

_ROLLED_BACK = (Run.Status.FAILED, Run.Status.DISCARDED)
_SHORTEST = 1.0  # seconds of a run after which rows per second mean something


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One figure of a run, known or not."""

    name: str
    """Its key in JSON, in style sheets and in the header of a table."""
    label: str
    """What people read beside it."""
    value: int | float | None
    """None where it is unknown or means nothing."""
    is_minimum: bool = False
    """Whether reading stopped before the end of the file, so that there may be more."""
    decimals: int = 0

    @property
    def text(self) -> str:
        """Return the figure for a person, thousands separated; empty where there is none."""
        if self.value is None:
            return ""
        return f"{'at least ' if self.is_minimum else ''}{self.value:,.{self.decimals}f}"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSummary:
    """What pages, commands and JSON show of a run in figures."""

    records: Figure
    counts: tuple[Figure, ...]
    """What the records became; where all are known, they add up to ``records``."""
    deleted: Figure
    seconds: Figure
    rate: Figure
    is_over: bool
    is_hypothetical: bool
    """Whether the counts say what a load would do, or would have done, rather than what one did."""
    is_rolled_back: bool
    is_held: bool

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return the figures of ``run``, whatever state it is in."""
        is_held, is_rolled_back = run.status == Run.Status.HELD, run.status in _ROLLED_BACK
        *counts, deleted = (_count(run, name) for name in ROW_COUNTS)
        seconds = (run.finished - run.started).total_seconds() if run.started and run.finished else None
        return cls(
            records=Figure(name="records", label="records", value=run.records),
            counts=tuple(counts),
            deleted=deleted,
            seconds=Figure(name="seconds", label="seconds", value=seconds, decimals=2),
            rate=Figure(name="rate", label="rows/s", value=_rate(run, seconds)),
            is_over=run.status not in Run.UNFINISHED,
            is_hypothetical=run.kind == Run.Kind.PREVIEW or is_held or is_rolled_back,
            is_rolled_back=is_rolled_back,
            is_held=is_held,
        )

    @property
    def is_known(self) -> bool:
        """Whether the run has read its file to the end, so that every count is exact."""
        return self.records.value is not None

    @property
    def row_counts(self) -> tuple[Figure, ...]:
        """Return what the records became, and the deleted rows after them."""
        return (*self.counts, self.deleted)

    @property
    def effective_counts(self) -> tuple[Figure, ...]:
        """Return the counts without those of a load that was rolled back; the rejects it found remain."""
        return self._counts_where(not self.is_rolled_back)

    @property
    def committed_counts(self) -> tuple[Figure, ...]:
        """Return the effective counts without those of a held run, which has loaded nothing yet."""
        return self._counts_where(not self.is_rolled_back and not self.is_held)

    def sentence(self, prefix: str = "") -> str:
        """Return ``1,204 records: 1,200 inserted, 4 rejected``, zeros left out; ``prefix`` goes before each verb."""
        if not self.is_known:
            return ""
        parts = ", ".join(f"{figure.text} {prefix}{figure.label}" for figure in self.row_counts if figure.value)
        records = f"{self.records.text} {'record' if self.records.value == 1 else 'records'}"
        return f"{records}: {parts}" if parts else records

    def _counts_where(self, took_effect: bool) -> tuple[Figure, ...]:
        if took_effect and self.is_known:
            return self.counts
        return tuple(
            figure if figure.name == "rejected" and figure.value else replace(figure, value=None)
            for figure in self.counts
        )


def _count(run: Run, name: str) -> Figure:
    """Return a count of rows: unknown until the run has an outcome, except for the rejects found so far."""
    is_known = run.records is not None or name == "rejected"
    return Figure(name=name, label=name, value=getattr(run, name) if is_known else None, is_minimum=run.partial)


def _rate(run: Run, seconds: float | None) -> float | None:
    """Return the records per second of a load that succeeded and took long enough to say."""
    if run.status != Run.Status.SUCCEEDED or run.kind == Run.Kind.UNDO or seconds is None or seconds < _SHORTEST:
        return None
    return (run.records or 0) / seconds
