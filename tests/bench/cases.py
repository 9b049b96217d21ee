"""What is measured against what, and how near the loader should come."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import by_hand, ours, whole
from tests.bench.files import File
from tests.bench.ours import FIRST_RUN, Told

_LATER_RUN = FIRST_RUN + 1


@dataclass(frozen=True, kw_only=True)
class Side:
    """One way to bring one file into a database of a given state."""

    name: str
    file: File
    state: str
    """The database that it starts from: "empty", or one of ``states``."""
    load: Callable[[str, Path], Told | None]
    rows_after: int | None
    """Rows of the table then; None: there is none."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """What our loader must say that it did, or the time is worth nothing."""
    writes: int | None = None
    """Rows inserted, updated and deleted as the server counts them, where that is asked."""
    by_event: bool = False
    """Whether it takes the whole way through the bucket: then the worker's own time counts, not its process's."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A race of two sides."""

    name: str
    what: str
    ours: Side
    other: Side
    aim: float | None = None
    """The highest ratio of our time to the other's that we want to see."""


def _first(file: File) -> Side:
    return Side(
        name="first load",
        file=file,
        state="empty",
        load=lambda url, path: ours.load(url, path, FIRST_RUN),
        rows_after=file.rows,
        counts={"inserted": file.rows},
    )


def _later(name: str, file: File, state: str, rows_after: int, **counts: int) -> Side:
    def load(url: str, path: Path) -> Told:
        return ours.load(url, path, _LATER_RUN)

    return Side(name=name, file=file, state=state, load=load, rows_after=rows_after, counts=counts)


def _typed_in(name: str, script: str, file: File, state: str, rows_after: int) -> Side:
    def load(url: str, path: Path) -> None:
        by_hand.type_in(script, url, path)

    return Side(name=name, file=file, state=state, load=load, rows_after=rows_after)


def _created(file: File) -> Side:
    return _typed_in("\\copy + indexes", by_hand.CREATE, file, "empty", file.rows)


def _by_event(name: str, file: File, state: str, **counts: int) -> Side:
    writes = 0 if counts.get("unchanged") == file.rows else None
    return Side(
        name=name,
        file=file,
        state=state,
        load=whole.load,
        rows_after=file.rows,
        counts=counts,
        writes=writes,
        by_event=True,
    )


def states(rows: int) -> dict[str, Side]:
    """How each state is made, once, of an empty database: ``rows`` rows by either side, and tables of other sizes."""
    plain = File(kind="plain", rows=rows)
    return {
        "by hand": _created(plain),
        "ours": _first(plain),
        "ours, small": _first(File(kind="plain", rows=_part(rows, 20))),
        "ours, big": _first(File(kind="plain", rows=5 * rows)),
        "ours, seed": _first(File(kind="plain", rows=_part(rows, 2_000), start=10 * rows)),
        "migrated": Side(name="", file=plain, state="empty", load=whole.migrate, rows_after=None),
        "whole": _by_event("", plain, "migrated", inserted=rows),
    }


def cases(rows: int) -> dict[str, Case]:
    """Every case by its name, for files of ``rows`` rows."""
    found = [*_against_hand(rows), *_against_ourselves(rows)]
    return {case.name: case for case in found}


def _against_hand(rows: int) -> list[Case]:
    plain, changed = File(kind="plain", rows=rows), File(kind="changed", rows=rows)
    new = File(kind="plain", rows=rows, start=rows + 1)
    tenth = len(range(3, rows + 1, 10))
    stage = "stage + MERGE"
    return [
        Case(
            name="first",
            what="first load",
            ours=_first(plain),
            other=_created(plain),
            aim=1.25,
        ),
        Case(
            name="changed",
            what="10 % of the rows changed",
            ours=_later("ours", changed, "ours", rows, updated=tenth, unchanged=rows - tenth),
            other=_typed_in(stage, by_hand.UPSERT, changed, "by hand", rows),
            aim=1.35,
        ),
        Case(
            name="new",
            what="all rows new, into as many",
            ours=_later("ours", new, "ours", 2 * rows, inserted=rows),
            other=_typed_in(stage, by_hand.UPSERT, new, "by hand", 2 * rows),
            aim=1.35,
        ),
        Case(
            name="same",
            what="no row changed",
            ours=_later("ours", plain, "ours", rows, unchanged=rows),
            other=_typed_in(stage, by_hand.UPSERT, plain, "by hand", rows),
        ),
    ]


def _against_ourselves(rows: int) -> list[Case]:
    seed, few = _part(rows, 2_000), _part(rows, 200)
    plain, bad, all_changed = File(kind="plain", rows=rows), File(kind="bad", rows=rows), File(kind="other", rows=few)
    rejected = len(range(50, rows + 1, 100))
    return [
        Case(
            name="identical",
            what="the identical file, event to commit",
            ours=_by_event("ours", plain, "whole", unchanged=rows),
            other=_by_event("its first load", plain, "migrated", inserted=rows),
            aim=0.1,
        ),
        Case(
            name="bad",
            what="1 % bad rows, into a small table",
            ours=_later("ours", bad, "ours, seed", seed + rows - rejected, inserted=rows - rejected, rejected=rejected),
            other=_later("clean file", plain, "ours, seed", seed + rows, inserted=rows),
            aim=1.6,
        ),
        Case(
            name="grow",
            what=f"{few:,} changed rows into {5 * rows:,}",
            ours=_later("ours", all_changed, "ours, big", 5 * rows, updated=few),
            other=_later(f"into {_part(rows, 20):,}", all_changed, "ours, small", _part(rows, 20), updated=few),
            aim=1.5,
        ),
        Case(
            name="scale",
            what=f"first load of {5 * rows:,}",
            ours=_first(File(kind="plain", rows=5 * rows)),
            other=_first(File(kind="plain", rows=_part(rows, 2))),
            aim=10.5,
        ),
        Case(
            name="scale-by-hand",
            what=f"the same by hand: \\copy + indexes of {5 * rows:,}",
            ours=_created(File(kind="plain", rows=5 * rows)),
            other=_created(File(kind="plain", rows=_part(rows, 2))),
        ),
    ]


def _part(rows: int, share: int) -> int:
    return max(1, rows // share)
