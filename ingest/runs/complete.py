"""Write the end of a run: finished, superseded, held, failed, or waiting again; only for the worker that holds it."""

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
"""With the pauses below: about three hours. A busy table doesn't count."""
_MAX_PAUSE = 600  # seconds
_TABLE_BUSY_PAUSE = 2


def finish(run: Run, outcome: Outcome, file: PreparedFile, notes: tuple[str, ...] = (), stages: Stages = ()) -> Status:
    """Write ``outcome`` within the load's transaction: the run, its rejects, and what changed in the dataset.

    A file without records ends as empty rather than succeeded: nothing failed, but nothing was loaded either.
    """
    check_balance(outcome)
    dataset = run.dataset
    dataset.headers = dict(outcome.headers) or dataset.headers
    if outcome.identities is not None:
        dataset.identities = [list(key) for key in outcome.identities]
        dataset.evidence = storable(outcome.evidence) or dataset.evidence  # only the run that chooses the key has it
    dataset.newest = run
    dataset.table_rows = rows_after(dataset, inserted=outcome.inserted, deleted=outcome.deleted)
    fields = _fields_of(outcome, file, notes)
    rejects_key = keep_whole(run, outcome.rejects, fields["columns"], fields["dialect"], file.folder)
    status = _status_of(outcome)
    _write(
        run,
        status=status,
        undoable=True,
        fingerprint=fingerprint(dataset),
        rejects_key=rejects_key,
        stages=stages,
        **fields,
    )
    keep(run, outcome.rejects)
    dataset.is_draft = False
    _note_loaded(dataset, ["headers", "identities", "evidence", "newest", "table_rows", "is_draft"])
    return status


def _status_of(outcome: Outcome) -> Status:
    return Status.SUCCEEDED if outcome.records else Status.EMPTY


def finish_unchanged(run: Run, same: Run, sha256: str, stages: Stages) -> Status:
    """End a run whose content run ``same`` already loaded: all rows are unchanged (file-rules#identical)."""
    note = (
        f"Run {same.pk} already loaded the same content into this table, so there was nothing to do. Changes made to "
        "the table outside are not detected: if there were any, load the file anyway."
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
    """Save the ``changed`` fields of a dataset after a load, and when it was loaded, by its current freshness rule.

    An empty file counts as the expected delivery. If the dataset had rows before, it was held first.
    """
    current = Dataset.objects.select_for_update(no_key=True)
    dataset.refresh_from_db(fields=Dataset.RULE, from_queryset=current)
    dataset.last_loaded = timezone.now()
    dataset.save(update_fields=[*changed, "last_loaded"])


def finish_undo(run: Run, undone: Undone, stages: Stages) -> Status:
    """Write what an undo did, within its transaction. The rows that it restored are its records."""
    stayed = undone.stayed[:LISTED]
    notes = [_note_on_unrestored(len(stayed))]
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


def _note_on_unrestored(count: int) -> str:
    if count == 1:
        return "1 row stays as it is: a later run changed or deleted it, or another row took its key."
    rows = f"{count:,} rows{' or more' if count == LISTED else ''}"
    return f"{rows} stay as they are: a later run changed or deleted them, or another row took their key."


def supersede(claim: Claim, reason: str) -> Status | None:
    """End a run because a newer version of its file replaced it."""
    return _end(claim, status=Status.SUPERSEDED, reason=reason)


def hold(claim: Claim, held: RunHeld, file: PreparedFile) -> Status | None:
    """Hold a run for an operator: its load is rolled back, but its counts, rejects and safeguards are saved."""
    reason = operator_message(held)
    if held.outcome is None:
        return _end(claim, status=Status.HELD, reason=reason, brakes=held.brakes, sha256=file.sha256)
    fields = {"status": Status.HELD, "reason": reason, "brakes": held.brakes}
    # Nothing was committed, so this is the number of rows before the load.
    return _end_with(claim, held.outcome, file, table_rows=held.outcome.rows_before, **fields)


def ask(claim: Claim, unclear: RunUnclear, file: PreparedFile) -> Status | None:
    """Hold a run, of which nothing was loaded, until an operator chooses how to read its file."""
    question = [{**offer, "header": storable_list(offer["header"])} for offer in unclear.question]
    for offer in question:
        offer["rows"] = [storable_list(row) for row in offer["rows"]]
    fields = {"sha256": file.sha256, "dialect": file.written_as, "question": question, "unclear": True}
    return _end(claim, status=Status.HELD, reason=operator_message(unclear), **fields)


def finish_preview(claim: Claim, outcome: Outcome, brakes: dict[str, int], file: PreparedFile) -> Status | None:
    """End a preview, whose load was rolled back, with what it would have done and what would have held it."""
    notes = (f"A load of this file would be held: {held_by(brakes)}.",) if brakes else ()
    return _end_with(claim, outcome, file, notes, status=_status_of(outcome), brakes=brakes)


def _end_with(
    claim: Claim, outcome: Outcome, file: PreparedFile, notes: tuple[str, ...] = (), **fields: object
) -> Status | None:
    """Write the outcome of a load that was rolled back, with its rejects, in a transaction of their own."""
    known = _fields_of(outcome, file, notes)
    rejects_key = keep_whole(claim.run, outcome.rejects, known["columns"], known["dialect"], file.folder)
    with transaction.atomic():
        status = _end(claim, **known, rejects_key=rejects_key, sample=claim.run.sample, **fields)
        if status:
            keep(claim.run, outcome.rejects)
    return status


def fail(claim: Claim, error: BaseException, file: PreparedFile | None) -> Status | None:
    """Fail a run. Its load was rolled back; what is known of its outcome and rejects is saved."""
    reason = operator_message(error) + _pattern_hint(claim.run, error)
    outcome = getattr(error, "outcome", None)
    rejects = outcome.rejects if outcome else RejectCollector()
    known: dict[str, Any] = {
        "rejected": len(rejects),
        "partial": False,
        "dialect": file.written_as if file else {},
    }
    if outcome and (outcome.partial or _balances(outcome)):
        known |= _fields_of(outcome, file)
    if file:
        try:
            columns = known.get("columns", ())
            known["rejects_key"] = keep_whole(claim.run, rejects, columns, known["dialect"], file.folder)
        except RunInterrupted as busy:
            return interrupt(claim, busy)
        except RunFailed as refused:  # the run fails for its own reason
            note = f"The full list of rejects was not kept: {storable(str(refused))}"
            known["notes"] = [*known.get("notes", ()), note]
    with transaction.atomic():
        status = _end(claim, error, status=Status.FAILED, reason=reason, traceback=developer_traceback(error), **known)
        if status:
            keep(claim.run, rejects)
    return status


def _pattern_hint(run: Run, error: BaseException) -> str:
    """Return a hint for a file that doesn't fit the table that a pattern routed it to."""
    if not run.pattern or not isinstance(error, SchemaMismatch):
        return ""
    return f" It matched the pattern {run.pattern} of {run.dataset}: if it belongs elsewhere, narrow the pattern."


def interrupt(claim: Claim, error: BaseException, *, table_busy: bool = False) -> Status | None:
    """Put a run back to wait, until the queue or the schedule executes it again (file-rules#errors).

    ``table_busy``: it waited too long for its table, which doesn't count as an attempt.
    """
    reason = operator_message(error)
    before = claim.run.interruptions
    if before >= MOST_INTERRUPTIONS and not table_busy:
        return fail(claim, error, None)
    pause = _TABLE_BUSY_PAUSE if table_busy else min(_MAX_PAUSE, 5 * 2**before)
    counter = {"attempts": F("attempts") - 1} if table_busy else {"interruptions": F("interruptions") + 1}
    return _end(
        claim,
        error,
        status=Status.WAITING,
        reason=reason if isinstance(error, IngestError) else f"{reason} The run is retried.",
        traceback=developer_traceback(error),
        not_before=Now() + timedelta(seconds=pause),
        finished=None,
        **counter,
    )


def wait_for_question(claim: Claim, other: Run) -> None:
    """Put a run back to wait until run ``other``, an earlier first file of its dataset, is settled.

    This doesn't count as an attempt. The schedule executes the run once it can continue.
    """
    reason = (
        f"Waiting for run {other.pk}, an earlier first file of {claim.run.dataset.name}. This file is loaded once a "
        "reading is chosen for that one, or it is discarded."
    )
    _end(claim, status=Status.WAITING, reason=reason, not_before=None, finished=None, attempts=F("attempts") - 1)


def _end(claim: Claim, error: BaseException | None = None, /, **fields: Any) -> Status | None:
    """Write the end of a run and return its status, or None if another worker claimed it. ``error`` ended it."""
    ours = Run.objects.filter(pk=claim.run.pk, token=claim.token, status=Status.RUNNING)
    with transaction.atomic():
        if not ours.update(**{"finished": Now(), "stages": claim.clock.stages, **fields}):
            return None
        telemetry.ended(claim.run, fields["status"], fields, error)
    return fields["status"]


def _write(run: Run, **fields: Any) -> None:
    """Write the end of a run whose row this transaction locked or created, and the size of its table."""
    table = {"table_rows": run.dataset.table_rows, "table_bytes": size_now(run.dataset)}
    Run.objects.filter(pk=run.pk).update(finished=Now(), reason="", **table, **fields)
    telemetry.ended(run, fields["status"], fields)


def _balances(outcome: Outcome) -> bool:
    try:
        check_balance(outcome)
    except RunFailed:
        return False
    return True


def _fields_of(outcome: Outcome, file: PreparedFile, notes: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return ``outcome`` as fields of a run."""
    return {
        "sha256": file.sha256,
        "dialect": {**file.written_as, **outcome.form},
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
