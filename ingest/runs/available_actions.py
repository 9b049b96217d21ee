"""Choosing: what an operator can have done about a run as it stands."""

from ingest.loader.outcome.errors import RunFailed
from ingest.models import Run
from ingest.runs.retry import can_be_retried
from ingest.runs.undo import check_undoable

Status, Kind = Run.Status, Run.Kind


def available_actions(run: Run) -> tuple[str, ...]:
    """The names of the use cases that ``run`` is in the state for; each still checks for itself."""
    waits_for_somebody = run.answered is None and run.kind != Kind.PREVIEW
    if run.status == Status.HELD:
        decided = ("discard",) if run.unclear else ("approve", "discard")  # its page asks which reading to take
        return (*decided, "acknowledge") if waits_for_somebody else decided
    if run.status == Status.SUPERSEDED:
        return ("retry", "load_again") if run.kind == Kind.LOAD else ("retry",)
    if can_be_retried(run):
        return ("retry", "acknowledge") if waits_for_somebody and run.status == Status.FAILED else ("retry",)
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
