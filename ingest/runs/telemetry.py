"""Signals: whatever becomes of a run is told here, once: to the log, the metrics, the failures
before it, and to people."""

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
"""The id of the invocation that this happens in, where there is one."""

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
    """A run was made."""
    _log_after_commit("run received", logging.INFO, run, size=run.size)


def claimed(run: Run) -> None:
    """A worker has taken the run."""
    _log_after_commit("run claimed", logging.INFO, run, attempt=run.attempts)


def ended(run: Run, status: str, told: Mapping[str, Any], error: BaseException | None = None) -> None:
    """The run's end was written, by the transaction that is open; ``told`` are the fields that were.

    Everything of it that reaches out of the database waits for the commit. ``error`` is what ended it. A load of an
    empty file answers no earlier failure: that files can be loaded again is not shown by it.
    """
    if status == Run.Status.SUCCEEDED and run.kind == Run.Kind.LOAD:
        acknowledge_older(run)
    if status in (Run.Status.FAILED, Run.Status.HELD) and run.kind != Run.Kind.PREVIEW:
        record_incident(run, Trouble.Kind.QUESTION if told.get("unclear") else status, told["reason"])
    event, level = _EVENTS[Run.Status(status)]
    seconds = (timezone.now() - run.started).total_seconds() if run.started else 0.0
    # What a load that was rolled back would have done is no row of any table.
    done = ROW_COUNTS if status in Run.COMMITTED and run.kind != Run.Kind.PREVIEW else ("rejected",)
    counts = {name: told[name] for name in done if name in told}
    fields = {"attempt": run.attempts, "seconds": round(seconds, 3), "records": told.get("records"), **counts}
    if error is not None:
        fields["error"] = type(error).__name__
    if told.get("reason"):
        fields["reason"] = without_cells(told["reason"])
    _log_after_commit(event, level, run, status=status, **fields, **_metrics(run, status, seconds, counts))


def without_cells(sentence: str) -> str:
    """``sentence`` without what is quoted in it: that may be a cell, or what PostgreSQL said of one."""
    return _QUOTED.sub("'…'", sentence)


def _metrics(run: Run, status: str, seconds: float, counts: Mapping[str, int]) -> dict[str, Any]:
    """The fields that make CloudWatch take the line for metrics (its embedded metric format), where that is wanted.

    By status and in all; not by dataset, since each of thousands would be a metric of its own, and be paid for.
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
    """One structured line with run, dataset and object (BEHAVIOUR 9)."""
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
