"""Report what happens to a run, in one place: to the log, the metrics, incidents, and earlier failures."""

import json
import logging
import re
import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ingest.models import Run, Trouble
from ingest.notifications.incidents import record_incident
from ingest.runs.acknowledge import acknowledge_older
from ingest.runs.summary import ROW_COUNTS

_LOG = logging.getLogger("ingest.runs")

REQUEST: ContextVar[str] = ContextVar("request", default="")
"""The id of the current Lambda invocation, if there is one."""

_EVENTS = {
    Run.Status.SUCCEEDED: ("run succeeded", logging.INFO),
    Run.Status.EMPTY: ("run empty", logging.INFO),
    Run.Status.SUPERSEDED: ("run superseded", logging.INFO),
    Run.Status.DISCARDED: ("run discarded", logging.INFO),
    Run.Status.WAITING: ("run interrupted", logging.WARNING),
    Run.Status.HELD: ("run held", logging.WARNING),
    Run.Status.FAILED: ("run failed", logging.ERROR),
}
_UNITS = {"Runs": "Count", "Seconds": "Seconds", **{name.capitalize(): "Count" for name in ROW_COUNTS}}
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


def received(run: Run) -> None:
    """Report that a run was created."""
    _log_after_commit("run received", logging.INFO, run, size=run.size)


def claimed(run: Run) -> None:
    """Report that a worker claimed the run."""
    _log_after_commit("run claimed", logging.INFO, run, attempt=run.attempts)


def ended(run: Run, status: str, written: Mapping[str, Any], error: BaseException | None = None) -> None:
    """Report the end of a run, whose fields ``written`` were written in the open transaction.

    Everything that leaves the database waits for the commit. ``error`` is what ended the run. The load of an empty file
    doesn't acknowledge earlier failures, because it doesn't show that files can be loaded again.
    """
    if status == Run.Status.SUCCEEDED and run.kind == Run.Kind.LOAD:
        acknowledge_older(run)
    if status in (Run.Status.FAILED, Run.Status.HELD) and run.kind != Run.Kind.PREVIEW:
        record_incident(run, Trouble.Kind.QUESTION if written.get("unclear") else status, written["reason"])
    event, level = _EVENTS[Run.Status(status)]
    seconds = (timezone.now() - run.started).total_seconds() if run.started else 0.0
    # A load that was rolled back changed no rows.
    counted = ROW_COUNTS if status in Run.COMMITTED and run.kind != Run.Kind.PREVIEW else ("rejected",)
    counts = {name: written[name] for name in counted if name in written}
    fields = {"attempt": run.attempts, "seconds": round(seconds, 3), "records": written.get("records"), **counts}
    if error is not None:
        fields["error"] = type(error).__name__
    if written.get("reason"):
        fields["reason"] = without_cells(written["reason"])
    _log_after_commit(event, level, run, status=status, **fields, **_metrics(run, status, seconds, counts))


def without_cells(sentence: str) -> str:
    """Return ``sentence`` without quoted parts, which may be cells or PostgreSQL's messages about them."""
    return _QUOTED.sub("'…'", sentence)


def _metrics(run: Run, status: str, seconds: float, counts: Mapping[str, int]) -> dict[str, Any]:
    """Return the fields of CloudWatch's embedded metric format, if metrics are enabled.

    By status and in total. Not by dataset: each of thousands would be a separate, billed metric.
    """
    if not settings.METRICS_NAMESPACE or run.kind == Run.Kind.PREVIEW:
        return {}
    values = {"Runs": 1, "Seconds": round(seconds, 3), **{name.capitalize(): count for name, count in counts.items()}}
    directive = {
        "Namespace": settings.METRICS_NAMESPACE,
        "Dimensions": [[], ["Status"]],
        "Metrics": [{"Name": name, "Unit": _UNITS[name]} for name in values],
    }
    return {
        "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]},
        "Status": str(status),
        **values,
    }


def _log_after_commit(event: str, level: int, run: Run, **fields: Any) -> None:
    """Log one structured line with run, dataset and object once the transaction commits (file-rules#errors)."""
    line = {
        "event": event,
        "run": run.pk,
        "kind": str(run.kind),
        "dataset": run.dataset.name if run.dataset else None,
        "object": f"s3://{run.bucket}/{run.key}",
        "version": run.source_identity,
        **({"request": REQUEST.get()} if REQUEST.get() else {}),
        **{name: value for name, value in fields.items() if value is not None},
    }
    transaction.on_commit(lambda: _LOG.log(level, json.dumps(line, ensure_ascii=False), extra={"line": line}))
