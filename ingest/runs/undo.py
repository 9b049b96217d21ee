"""Undo what a run loaded, by a run of its own (file-rules#undo)."""

from typing import Any

from django.conf import settings
from django.db import connection, transaction

from ingest.datasets.permission import require_access
from ingest.datasets.table_size import rows_after
from ingest.loader import undo as loader
from ingest.loader.outcome.errors import RunFailed
from ingest.models import Dataset, Run
from ingest.runs import complete
from ingest.runs.once import check_undone_once
from ingest.runs.receive import load_once_more
from ingest.runs.retry import locked
from ingest.runs.stage_clock import StageClock

Status, Kind = Run.Status, Run.Kind


def undo(run_id: int, who: str = "", *, user: Any | None = None) -> Run:
    """Create a waiting run that undoes what is left of run ``run_id`` in its table, requested by ``who``.

    It can be repeated: rows that stay now can be undone once the later run that changed them is undone. Raises
    RunFailed if the run isn't a load that succeeded, the rows from before it are no longer kept, its dataset is closed
    to ``user``, or another undo of it is waiting or running.
    """
    with transaction.atomic():
        run = locked(run_id)
        check_undoable(run)
        require_access(run.dataset, user)
        check_undone_once(run)
        return load_once_more(run, kind=Kind.UNDO, undoes=run, status=Status.WAITING, who=who)


def execute_undo(run: Run, dataset: Dataset, clock: StageClock) -> Status:
    """Execute the undo ``run`` within the transaction that has locked it and the table of ``dataset``.

    Raises RunFailed if the run can no longer be undone, or its table was dropped.
    """
    loaded = locked(run.undoes_id)
    check_undoable(loaded)
    identities = tuple(tuple(key) for key in dataset.identities or ())
    ignores = dataset.ignore_email_case
    undone = loader.undo(connection.connection, dataset.name, identities, loaded.pk, ignore_email_case=ignores)
    Run.objects.filter(pk=loaded.pk).update(undone=True)
    dataset.table_rows = rows_after(dataset, inserted=undone.reinserted, deleted=undone.removed)
    Dataset.objects.filter(pk=dataset.pk).update(newest=None, table_rows=dataset.table_rows)
    return complete.finish_undo(run, undone, clock.stages)


def check_undoable(run: Run) -> None:
    """Raise RunFailed if ``run`` can't be undone."""
    if run.kind == Kind.UNDO:
        raise RunFailed(f"Run {run.pk} is an undo; load the file again instead.")
    if run.kind == Kind.PREVIEW:
        raise RunFailed(f"Run {run.pk} is a preview: it has loaded nothing.")
    if run.status not in Run.COMMITTED:
        raise RunFailed(f"Run {run.pk} is {run.status}; only a load that has succeeded can be undone.")
    if run.repeated_by_id:
        raise RunFailed(
            f"Run {run.pk} was undone and repeated when an older version of its file arrived; undo run "
            f"{run.repeated_by_id} instead."
        )
    if not run.has_changed_rows:
        raise RunFailed(f"Run {run.pk} changed nothing, so there is nothing to undo.")
    if not run.undoable:
        raise RunFailed(
            f"Run {run.pk} can no longer be undone: the rows from before a run are kept for {settings.UNDO_DAYS:,} "
            "days, unless the table's key is changed or the type of a column is narrowed first."
        )
