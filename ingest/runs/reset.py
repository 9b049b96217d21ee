"""Reset a run to wait for a new first attempt, without the results of the last one."""

from typing import Any

from ingest.models import Reject, Run


def reset_fields() -> dict[str, Any]:
    """Return the fields of a run that waits for its first attempt. What was approved and chosen is not among them."""
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
    """Reset ``run``, whose row is locked, to wait with its full number of attempts."""
    for name, value in reset_fields().items():
        setattr(run, name, value)
    run.approved = approved
    run.save()
    Reject.objects.filter(run=run).delete()
