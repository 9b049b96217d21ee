"""Preview: a file under ``_preview/`` is loaded up to the commit and rolled back (BEHAVIOUR 8, "Dry run")."""

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
    """Copy the very version that a preview read to the key where it is loaded: from there it takes the one way in.

    Gives what it became; ``who`` is told on the preview, and on the run that comes of it. Raises RunFailed, with a
    sentence, if the run is no preview that succeeded, somebody has decided about it, its dataset or the one where its
    file goes by now is closed to ``user``, or the version isn't in the bucket any more. Raises RunInterrupted if the
    bucket doesn't answer.
    """
    with deciding(run_id):
        run = _undecided(run_id, user)
        key = key_of_load(run.key)
        with sent_by(who, key, run.size) as became:
            source = objects.copy(run.source, key)
            became.append(source)
        _decide(run, "Loaded", who, run.status)
    return source


def discard_preview(run_id: int, who: str, *, user: Any | None = None) -> Run:
    """Remove the file of a preview from the bucket; the preview itself stays, as what was seen of it.

    Where the bucket doesn't grant that, its own rule removes the file in some days. Raises RunFailed, with a sentence,
    if the run is no preview that succeeded, somebody has decided about it, or ``user`` may not load it either;
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
        raise RunFailed(f"Run {run.pk} is {_told(run)}; only a preview that has succeeded can be loaded or discarded.")
    if run.decided:
        raise RunFailed(f"Preview {run.pk} is already settled: {run.decided}")
    return run


def _decide(run: Run, what: str, who: str, status: str) -> None:
    run.decided, run.status = storable(f"{what} by {who}." if who else f"{what}."), status
    Run.objects.filter(pk=run.pk).update(decided=run.decided, status=run.status)


def _told(run: Run) -> str:
    return f"a preview that is {run.status}" if run.kind == Run.Kind.PREVIEW else f"no preview but a {run.kind}"
