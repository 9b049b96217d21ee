"""Confirmations: what an action would do to which runs, what was confirmed, and the one message afterwards."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from ingest.admin import asked, shown
from ingest.admin.runs.deciding import DECISIONS, approval
from ingest.loader.outcome.errors import IngestError
from ingest.models import Run
from ingest.runs.approve import held_by, is_dangerous, seen
from ingest.runs.available_actions import available_actions

CONFIRMED = ("approve", "undo")
"""The actions on many runs that ask for confirmation."""
SEEN = "seen"
"""The field of a confirmation that holds what was shown, one entry for each run."""
_LISTED = 20
"""Runs that a confirmation lists; the rest is counted."""
_REASONS = 3
"""Reasons of refusal that a message names; the rest is counted."""
_NOUNS = {"approve": "approved", "undo": "undone"}
_COUNTS = ("inserted", "updated", "deleted")


def marks(chosen: Sequence[Run]) -> dict[int, str]:
    """Return what is seen of each run, by its number."""
    return {run.pk: seen(run) for run in chosen}


def packed(chosen: Sequence[Run]) -> str:
    """Return the marks of these runs as one field of a form, however many they are."""
    return ",".join(f"{number}:{mark}" for number, mark in marks(chosen).items())


def unpacked(request: HttpRequest) -> dict[int, str] | None:
    """Return the marks that a confirmation was given for; None if this request is no confirmation."""
    if SEEN not in request.POST:
        return None
    pairs = (each.partition(":") for each in request.POST[SEEN].split(","))
    return {number: mark for text, _, mark in pairs if (number := asked.whole(text)) is not None}


def of_one(run: Run) -> dict[str, Any]:
    """Return what the confirmation of an approval says of ``run``."""
    before = run.table_rows
    return {
        "run": run,
        "file": shown.printable(run.file_name, 200),
        "label": approval(run),
        "share": f"{run.deleted / before:.0%}" if before else "",
        "before": before,
        "rows": "row" if (before or run.deleted) == 1 else "rows",
        "left": max(before - run.deleted, 0) + run.inserted if before else None,
        "shrunk": run.brakes.get("shrunk"),
        "duplicate": run.brakes.get("duplicate"),
        "key_type": run.brakes.get("key_type"),
        "danger": is_dangerous(run),
        SEEN: packed([run]),
        "days": settings.UNDO_DAYS,
    }


def of_many(name: str, chosen: Sequence[Run], *, more: bool) -> dict[str, Any]:
    """Return what the confirmation of the action ``name`` says of the runs that it was chosen for.

    ``more``: more runs were selected than are handled at once.
    """
    possible = [run for run in chosen if name in available_actions(run)]
    totals = {count: sum(getattr(run, count) for run in possible) for count in _COUNTS}
    danger = name == "undo" or any(map(is_dangerous, possible))
    return {
        "action": name,
        "verb": name.capitalize(),
        "done": _NOUNS[name],
        "runs": [
            (run, shown.printable(run.file_name, 80), held_by(run.brakes) if name == "approve" else "")
            for run in possible[:_LISTED]
        ],
        "number": len(possible),
        "unlisted": max(len(possible) - _LISTED, 0),
        "datasets": len({run.dataset_id for run in possible}),
        "totals": totals,
        "label": _label(name, len(possible), totals["deleted"]),
        "danger": danger,
        "left_out": len(chosen) - len(possible),
        "more": more,
        "chosen": [run.pk for run in possible],
        SEEN: packed(possible),
        "days": settings.UNDO_DAYS,
    }


def _label(name: str, number: int, deleted: int) -> str:
    label = f"{name.capitalize()} {_runs(number)}"
    return (
        f"{label} and delete {deleted:,} row{'' if deleted == 1 else 's'}" if name == "approve" and deleted else label
    )


def summary(name: str, done: int, refused: Mapping[int, IngestError], *, most: int | None = None) -> str:
    """Return the one message about an action on many runs: what was done, and why the others were left as they are.

    ``refused``: by the run's number; ``most``: how many are handled at once, where more were selected.
    """
    told = [f"{_runs(done) if done else 'No runs'} {DECISIONS[name].done}."]
    if refused:
        told.append(f"{_runs(len(refused))} left unchanged:")
        groups = _by_reason(refused)
        told += [_reason(first, count) for first, count in groups[:_REASONS]]
        others = sum(count for _, count in groups[_REASONS:])
        told += [f"{_runs(others)} for other reasons."] if others else []
    if most is not None:
        told.append(f"At most {most:,} runs are handled at once; the rest of the selection is unchanged.")
    return " ".join(told)


def _by_reason(refused: Mapping[int, IngestError]) -> list[tuple[str, int]]:
    """Each reason, in the sentence about its first run, and how many runs share it; the most frequent first."""
    groups: dict[str, list[str]] = {}
    for number, error in refused.items():
        text = shown.printable(str(error), 300)
        groups.setdefault(text.replace(f"Run {number} ", ""), []).append(text)
    found = [(texts[0], len(texts)) for texts in groups.values()]
    return sorted(found, key=lambda each: -each[1])


def _reason(first: str, count: int) -> str:
    return first if count == 1 else f"{first.rstrip('.')} (and {count - 1:,} more for the same reason)."


def _runs(count: int) -> str:
    return f"{count:,} run{'' if count == 1 else 's'}"
