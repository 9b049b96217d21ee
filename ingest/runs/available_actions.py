"""The actions that an operator can take on a run in its current status."""

from ingest.loader.outcome.errors import RunFailed
from ingest.models import Run
from ingest.runs.retry import can_be_retried
from ingest.runs.undo import check_undoable

Status, Kind = Run.Status, Run.Kind


def available_actions(run: Run) -> tuple[str, ...]:
    """Return the names of the actions that the status of ``run`` allows; each still checks for itself."""
    needs_attention = run.answered is None and run.kind != Kind.PREVIEW
    if run.status == Status.HELD:
        decisions = ("discard",) if run.unclear else ("approve", "discard")  # a question is answered on its page
        return (*decisions, "acknowledge") if needs_attention else decisions
    if run.status == Status.SUPERSEDED:
        return ("retry", "load_again") if run.kind == Kind.LOAD else ("retry",)
    if can_be_retried(run):
        return ("retry", "acknowledge") if needs_attention and run.status == Status.FAILED else ("retry",)
    if run.status not in Run.COMMITTED:
        return ()
    if run.kind == Kind.PREVIEW:
        return () if run.decided else ("load_previewed", "discard_preview")
    if run.kind == Kind.LOAD:
        return ("undo", "load_again") if _is_undoable(run) else ("load_again",)
    return ()


def _is_undoable(run: Run) -> bool:
    try:
        check_undoable(run)
    except RunFailed:
        return False
    return True
