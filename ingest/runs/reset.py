"""Fresh start: a run is put back to wait, with nothing left of what its last attempt found."""

from typing import Any

from ingest.models import Reject, Run


def reset_fields() -> dict[str, Any]:
    """Return the fields of a run that waits for its first attempt; what was approved and chosen of it stays."""
    counts = ("inserted", "updated", "unchanged", "duplicate", "rejected", "deleted")
    return {
        "status": Run.Status.WAITING,
        **dict.fromkeys(("attempts", "interruptions", *counts), 0),
        **dict.fromkeys(("records", "not_before", "finished", "answered")),
        **dict.fromkeys(("reason", "traceback", "rejects_key", "answered_by"), ""),
        **{name: [] for name in ("columns", "ddl", "notes", "question", "stayed", "stages")},
        **{name: {} for name in ("brakes", "sample")},
        **dict.fromkeys(("partial", "unclear", "deletion_withheld"), False),
    }


def reset_run(run: Run, *, approved: dict[str, int] | None = None) -> None:
    """Put ``run``, whose row is locked, back to wait, with all its attempts before it."""
    for name, value in reset_fields().items():
        setattr(run, name, value)
    run.approved = approved
    run.save()
    Reject.objects.filter(run=run).delete()
