"""The ways a run ends: with an outcome, superseded, failed, or put back to wait; only ever for its own holder."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from ingest.datasets.table_size import rows_after, size_now
from ingest.loader.outcome.balance import check_balance
from ingest.loader.outcome.errors import IngestError, RunFailed, RunHeld, RunInterrupted, RunUnclear, SchemaMismatch
from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.rejects import RejectCollector
from ingest.loader.undo import LISTED, Undone
from ingest.models import Dataset, Run, storable, storable_list
from ingest.rejects.csv_file import keep_whole
from ingest.rejects.store import keep
from ingest.runs import telemetry
from ingest.runs.approve import held_by
from ingest.runs.claim import Claim
from ingest.runs.failure_text import developer_traceback, operator_message
from ingest.runs.fetched_file import PreparedFile
from ingest.runs.versions import fingerprint

Status = Run.Status
Stages = Sequence[tuple[str, float]]

MOST_INTERRUPTIONS = 20
"""With the pauses below some three hours; a table that is busy doesn't count."""
_LONGEST_PAUSE = 600  # seconds
_TURN_LOST_PAUSE = 2


def finish(
    run: Run, outcome: Outcome, material: PreparedFile, notes: tuple[str, ...] = (), stages: Stages = ()
) -> Status:
    """Write ``outcome`` within the load's transaction: the run, its rejects, what the dataset has learnt.

    A file without records ends as empty, which is not green: nothing was loaded, though nothing went wrong.
    """
    check_balance(outcome)
    dataset = run.dataset
    dataset.headers = dict(outcome.headers) or dataset.headers
    if outcome.identities is not None:
        dataset.identities = [list(key) for key in outcome.identities]
        dataset.evidence = storable(outcome.evidence) or dataset.evidence  # told by the run that chooses only
    dataset.newest = run
    dataset.table_rows = rows_after(dataset, inserted=outcome.inserted, deleted=outcome.deleted)
    told = _account(outcome, material, notes)
    whole = keep_whole(run, outcome.rejects, told["columns"], told["dialect"], material.folder)
    status = _status_of(outcome)
    _write(
        run,
        status=status,
        undoable=True,
        fingerprint=fingerprint(dataset),
        rejects_key=whole,
        stages=stages,
        **told,
    )
    keep(run, outcome.rejects)
    dataset.is_draft = False
    _note_loaded(dataset, ["headers", "identities", "evidence", "newest", "table_rows", "is_draft"])
    return status


def _status_of(outcome: Outcome) -> Status:
    return Status.SUCCEEDED if outcome.records else Status.EMPTY


def finish_unchanged(run: Run, same: Run, sha256: str, stages: Stages) -> Status:
    """End a run whose content run ``same`` has loaded: every row is unchanged, nothing is written (BEHAVIOUR 1)."""
    note = (
        f"Run {same.pk} has loaded the same content into this table, so nothing was to do. Changes made outside aren't "
        "looked for: load it anyway if there were any."
    )
    status = Status(same.status)
    _write(
        run,
        status=status,
        records=same.records,
        unchanged=same.records,
        stages=stages,
        columns=same.columns,
        dialect=same.dialect,
        sha256=sha256 or same.sha256,
        fingerprint=same.fingerprint,
        snapshot=same.snapshot,
        notes=[note, *same.notes],
    )
    if run.kind == Run.Kind.LOAD:
        _note_loaded(run.dataset, [])
    return status


def _note_loaded(dataset: Dataset, changed: list[str]) -> None:
    """Write what a load has ``changed`` of its dataset, and when it was; by its rule as it is by now.

    An empty file counts as the delivery that was expected: it came. Where rows came before, it was held first.
    """
    of_now = Dataset.objects.select_for_update(no_key=True)
    dataset.refresh_from_db(fields=Dataset.RULE, from_queryset=of_now)
    dataset.last_loaded = timezone.now()
    dataset.save(update_fields=[*changed, "last_loaded"])


def finish_undo(run: Run, undone: Undone, stages: Stages) -> Status:
    """Write what an undo did, within its transaction: rows that came back are its records."""
    stayed = undone.stayed[:LISTED]
    notes = [_told_staying(len(stayed))]
    _write(
        run,
        status=Status.SUCCEEDED,
        stages=stages,
        records=undone.restored + undone.reinserted,
        inserted=undone.reinserted,
        updated=undone.restored,
        deleted=undone.removed,
        stayed=[[storable(key or ""), why] for key, why in stayed],
        notes=notes if stayed else [],
    )
    return Status.SUCCEEDED


def _told_staying(count: int) -> str:
    if count == 1:
        return "1 row stays as it is: a later run changed or deleted it, or another row took its key."
    rows = f"{count:,} rows{' or more' if count == LISTED else ''}"
    return f"{rows} stay as they are: a later run changed or deleted them, or another row took their key."


def supersede(claim: Claim, reason: str) -> Status | None:
    """End a run in whose place a newer version of its file stands."""
    return _end(claim, status=Status.SUPERSEDED, reason=reason)


def hold(claim: Claim, held: RunHeld, material: PreparedFile) -> Status | None:
    """Leave a run to an operator: its load is rolled back, its counts and rejects commit with what held it."""
    reason = operator_message(held)
    if held.outcome is None:
        return _end(claim, status=Status.HELD, reason=reason, brakes=held.brakes, sha256=material.sha256)
    fields = {"status": Status.HELD, "reason": reason, "brakes": held.brakes}
    # Nothing was committed: these are the rows of which the load would delete some.
    return _end_with(claim, held.outcome, material, table_rows=held.outcome.rows_before, **fields)


def ask(claim: Claim, unclear: RunUnclear, material: PreparedFile) -> Status | None:
    """Leave a run to an operator who can say how its file is to be read: nothing of it was loaded."""
    question = [{**offer, "header": storable_list(offer["header"])} for offer in unclear.question]
    for offer in question:
        offer["rows"] = [storable_list(row) for row in offer["rows"]]
    told = {"sha256": material.sha256, "dialect": material.written_as, "question": question, "unclear": True}
    return _end(claim, status=Status.HELD, reason=operator_message(unclear), **told)


def show(claim: Claim, outcome: Outcome, brakes: dict[str, int], material: PreparedFile) -> Status | None:
    """End a preview, whose load is rolled back: what it would have done, and what would have held it."""
    notes = (f"A load of this file would be held: {held_by(brakes)}.",) if brakes else ()
    return _end_with(claim, outcome, material, notes, status=_status_of(outcome), brakes=brakes)


def _end_with(
    claim: Claim, outcome: Outcome, material: PreparedFile, notes: tuple[str, ...] = (), **fields: object
) -> Status | None:
    """Write an outcome whose load was rolled back, with its rejects, in a transaction of their own."""
    told = _account(outcome, material, notes)
    whole = keep_whole(claim.run, outcome.rejects, told["columns"], told["dialect"], material.folder)
    with transaction.atomic():
        status = _end(claim, **told, rejects_key=whole, sample=claim.run.sample, **fields)
        if status:
            keep(claim.run, outcome.rejects)
    return status


def fail(claim: Claim, error: BaseException, material: PreparedFile | None) -> Status | None:
    """End a run for good. What is known of its outcome and rejects commits with it, after its load is rolled back."""
    reason = operator_message(error) + _drawn_by(claim.run, error)
    outcome = getattr(error, "outcome", None)
    book = outcome.rejects if outcome else RejectCollector()
    known: dict[str, Any] = {
        "rejected": len(book),
        "partial": False,
        "dialect": material.written_as if material else {},
    }
    if outcome and (outcome.partial or _balances(outcome)):
        known |= _account(outcome, material)
    if material:
        try:
            columns = known.get("columns", ())
            known["rejects_key"] = keep_whole(claim.run, book, columns, known["dialect"], material.folder)
        except RunInterrupted as busy:
            return interrupt(claim, busy)
        except RunFailed as refused:  # the run fails for its own reason
            known["notes"] = [*known.get("notes", ()), f"The list of all rejects is not kept: {storable(str(refused))}"]
    with transaction.atomic():
        status = _end(claim, error, status=Status.FAILED, reason=reason, traceback=developer_traceback(error), **known)
        if status:
            keep(claim.run, book)
    return status


def _drawn_by(run: Run, error: BaseException) -> str:
    """What may be wrong where a pattern sends a file to a table that it doesn't fit."""
    if not run.pattern or not isinstance(error, SchemaMismatch):
        return ""
    return f" It came here by the pattern {run.pattern} of {run.dataset}: if it belongs elsewhere, narrow the pattern."


def interrupt(claim: Claim, error: BaseException, *, turn_lost: bool = False) -> Status | None:
    """Put a run back to wait; it is taken up again by the queue or the schedule (BEHAVIOUR 9).

    ``turn_lost``: it waited too long for its table, which doesn't count as an attempt.
    """
    reason = operator_message(error)
    before = claim.run.interruptions
    if before >= MOST_INTERRUPTIONS and not turn_lost:
        return fail(claim, error, None)
    pause = _TURN_LOST_PAUSE if turn_lost else min(_LONGEST_PAUSE, 5 * 2**before)
    counted = {"attempts": F("attempts") - 1} if turn_lost else {"interruptions": F("interruptions") + 1}
    return _end(
        claim,
        error,
        status=Status.WAITING,
        reason=reason if isinstance(error, IngestError) else f"{reason} The run is retried.",
        traceback=developer_traceback(error),
        not_before=Now() + timedelta(seconds=pause),
        finished=None,
        **counted,
    )


def wait_behind(claim: Claim, other: Run) -> None:
    """Put a run back to wait until run ``other``, an earlier first file of its dataset, is settled.

    That counts as no attempt, and its event needn't come again: the schedule takes it up once it can go on.
    """
    reason = (
        f"Waiting for run {other.pk}, an earlier first file of {claim.run.dataset.name}. This file is loaded once a "
        "reading is chosen for that one, or it is discarded."
    )
    _end(claim, status=Status.WAITING, reason=reason, not_before=None, finished=None, attempts=F("attempts") - 1)


def _end(claim: Claim, error: BaseException | None = None, /, **fields: Any) -> Status | None:
    """Write the end of a run, unless its holder is somebody else by now: then None. ``error`` is what ended it."""
    ours = Run.objects.filter(pk=claim.run.pk, token=claim.token, status=Status.RUNNING)
    with transaction.atomic():
        if not ours.update(**{"finished": Now(), "stages": claim.clock.stages, **fields}):
            return None
        telemetry.ended(claim.run, fields["status"], fields, error)
    return fields["status"]


def _write(run: Run, **fields: Any) -> None:
    """Write the end of a run whose row this transaction has locked, or made; and its table as it leaves it."""
    table = {"table_rows": run.dataset.table_rows, "table_bytes": size_now(run.dataset)}
    Run.objects.filter(pk=run.pk).update(finished=Now(), reason="", **table, **fields)
    telemetry.ended(run, fields["status"], fields)


def _balances(outcome: Outcome) -> bool:
    try:
        check_balance(outcome)
    except RunFailed:
        return False
    return True


def _account(outcome: Outcome, material: PreparedFile, notes: tuple[str, ...] = ()) -> dict[str, Any]:
    """``outcome`` as fields of a run."""
    return {
        "sha256": material.sha256,
        "dialect": {**material.written_as, **outcome.form},
        "records": None if outcome.partial else outcome.records,
        "partial": outcome.partial,
        "inserted": outcome.inserted,
        "updated": outcome.updated,
        "unchanged": outcome.unchanged,
        "duplicate": outcome.duplicate,
        "rejected": outcome.rejected,
        "deleted": outcome.deleted,
        "snapshot": outcome.snapshot,
        "deletion_withheld": outcome.deletion_withheld,
        "columns": [
            {name: storable(value) if isinstance(value, str) else value for name, value in asdict(column).items()}
            for column in outcome.columns
        ],
        "ddl": storable_list(outcome.ddl),
        "notes": storable_list((*outcome.notes, *notes)),
    }
