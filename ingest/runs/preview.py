"""Load or discard the file of a preview, which was loaded and rolled back (file-rules#dry-run)."""

from typing import Any

from ingest.aws import objects
from ingest.datasets.keys import key_of_load
from ingest.datasets.permission import permitted, require_access
from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.source_object import SourceObject
from ingest.models import Run, storable
from ingest.runs.once import deciding
from ingest.uploads.tracking import sent_by


def load_previewed(run_id: int, who: str = "", *, user: Any | None = None) -> SourceObject:
    """Copy the version that a preview read to the key from which it is loaded, like any other file.

    Returns the new object. ``who`` is shown on the preview and on the new run. Raises RunFailed if the run isn't a
    preview that succeeded, someone has already decided about it, its file now goes to a dataset that is closed to
    ``user``, or the version is no longer in the bucket. Raises RunInterrupted if the bucket doesn't answer.
    """
    with deciding(run_id):
        run = _undecided(run_id, user)
        key = key_of_load(run.key)
        with sent_by(who, key, run.size) as uploaded:
            source = objects.copy(run.source, key)
            uploaded.append(source)
        _decide(run, "Loaded", who, run.status)
    return source


def discard_preview(run_id: int, who: str, *, user: Any | None = None) -> Run:
    """Remove the file of a preview from the bucket; the run of the preview stays.

    If the bucket doesn't permit that, its lifecycle rule removes the file after some days. Raises RunFailed if the run
    isn't a preview that succeeded, someone has already decided about it, or ``user`` may not load it either;
    RunInterrupted if the bucket doesn't answer.
    """
    with deciding(run_id):
        run = _undecided(run_id, user)
        objects.remove(run.source)
        _decide(run, "Discarded", who, Run.Status.DISCARDED)
    return run


def _undecided(run_id: int, user: Any | None) -> Run:
    """Return the preview that ``user`` may decide about. Raises RunFailed."""
    run = Run.objects.select_related("dataset").get(pk=run_id)
    require_access(run.dataset, user)
    goes = permitted([key_of_load(run.key)], user)[key_of_load(run.key)]
    if isinstance(goes, RunFailed):
        raise goes
    if run.kind != Run.Kind.PREVIEW or run.status not in Run.COMMITTED:
        raise RunFailed(f"Run {run.pk} is {_kind(run)}; only a preview that has succeeded can be loaded or discarded.")
    if run.decided:
        raise RunFailed(f"Preview {run.pk} was already decided: {run.decided}")
    return run


def _decide(run: Run, decision: str, who: str, status: str) -> None:
    run.decided, run.status = storable(f"{decision} by {who}." if who else f"{decision}."), status
    Run.objects.filter(pk=run.pk).update(decided=run.decided, status=run.status)


def _kind(run: Run) -> str:
    return f"a preview that is {run.status}" if run.kind == Run.Kind.PREVIEW else f"not a preview but a {run.kind}"
