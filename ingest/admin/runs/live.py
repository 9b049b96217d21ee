"""A run while it goes, as a small JSON: what stage, how far, how fast, how long still. Nothing rather than nonsense."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from ingest.admin import shown
from ingest.models import Run
from ingest.runs.summary import RunSummary

SAID = {
    "queued": "Waiting for a worker",
    "behind": "Waiting for an earlier file of the same dataset",
    "fetch": "Downloading from S3",
    "wait": "Waiting for the table",
    "unpack": "Decompressing",
    "decode": "Converting to UTF-8",
    "split": "Parsing",
    "scan": "Detecting column types",
    "copy": "Copying rows",
    "merge": "Merging",
    "undo": "Undoing",
}
"""The stages in words."""

_SOONEST = 2.0  # seconds of a stage after which a rate means something
_LEAST = 0.03  # and the share of its bytes
_LONGEST = 24 * 3600

Stages = Sequence[tuple[str, float]]


def status_sentence(stage: str) -> str:
    """The stage in words."""
    return SAID.get(stage, stage)


def progress_context(run: Run) -> dict[str, Any]:
    """All that a page shows of a run that may be going on."""
    over = run.status not in Run.UNFINISHED
    word: dict[str, Any] = {"run": run.pk, "status": run.status, "kind": run.kind, "over": over, "reason": run.reason}
    word |= {"label": run.label, "look": run.look}
    word["page"] = reverse("admin:ingest_run_change", args=[run.pk])
    if over:
        summary = RunSummary.of(run)
        figures = (summary.records, *summary.row_counts) if summary.is_known else ()
        return word | {"counts": {figure.name: figure.value for figure in figures}}
    if run.status != Run.Status.RUNNING:
        waits = "Waiting for a retry" if run.attempts else SAID["behind" if run.reason else "queued"]
        return word | {"attempt": run.attempts, "stage": waits}
    return word | _progress(run)


def _progress(run: Run) -> dict[str, Any]:
    progress = run.progress
    stages = [(str(name), float(seconds)) for name, seconds in progress.stages]
    seconds = stages[-1][1] if stages else 0.0
    done, total = progress.bytes_done, progress.bytes_total
    word: dict[str, Any] = {
        "attempt": run.attempts,
        "step": len(stages),
        "stage": status_sentence(progress.stage),
        "done": done,
        "total": total,
        "stages": [[status_sentence(name), took] for name, took in stages[:-1]],
    }
    if total and done:
        word["bytes"] = f"{shown.size(min(done, total))} of {shown.size(total)}"
    elif done:
        word["bytes"] = shown.size(done)
    if progress.rows and seconds >= _SOONEST:
        word["rows"] = f"{progress.rows:,} rows, {progress.rows / seconds:,.0f} rows/s"
    left = time_left(stages, done, total, run.size, _before(run))
    return word | ({"left": left} if left else {})


def _before(run: Run) -> tuple[Stages, int] | None:
    """The stages, and the file's size, of the run whose load stands in the table: the best guess at what is to come."""
    newest = run.dataset.newest if run.dataset else None
    return (newest.stages, newest.size) if newest and newest.stages and newest.size else None


def time_left(stages: Stages, done: int, total: int, size: int, before: tuple[Stages, int] | None) -> str:
    """How long it may still take, in words; empty where that would be a guess at nothing.

    The stage that goes on by its own rate; the ones behind it as long as they took for the file before, by size. With
    no file before it is said for the stage alone.
    """
    if not stages or not total or done > total or done < _LEAST * total or stages[-1][1] < _SOONEST:
        return ""
    name, seconds = stages[-1]
    left = seconds * (total - done) / done
    names = [stage for stage, _ in before[0]] if before else []
    if not before or name not in names:
        return f"{about(left)} left in this stage" if left <= _LONGEST else ""
    later = before[0][len(names) - names[::-1].index(name) :]
    left += sum(took for _, took in later) * size / before[1]
    return f"{about(left)} left" if left <= _LONGEST else ""


def about(seconds: float) -> str:
    """A time as roughly as it is known."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 55:
        return f"about {5 * round(seconds / 5)} seconds"
    if seconds < 90:
        return "about a minute"
    if seconds < 3300:
        return f"about {round(seconds / 60)} minutes"
    if seconds < 5400:
        return "about an hour"
    return f"about {round(seconds / 3600)} hours"


def answer(request: HttpRequest, word: Mapping[str, Any]) -> HttpResponse:
    """``word`` as JSON with its ETag; 304 and no body where the asker has it already."""
    body = json.dumps(word).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    if request.headers.get("If-None-Match") == etag:
        return HttpResponse(status=304, headers={"ETag": etag})
    return HttpResponse(body, content_type="application/json", headers={"ETag": etag})
