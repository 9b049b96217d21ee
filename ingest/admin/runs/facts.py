"""What stands on a run's page, piece by piece, as its template wants it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Min
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from ingest.admin import shown
from ingest.admin.rejects import without_long_records
from ingest.admin.runs import charts, live
from ingest.admin.runs.deciding import DECISIONS, button
from ingest.admin.runs.records import marked
from ingest.datasets.reading_summary import summarize_reading
from ingest.loader.changes import COMPARED
from ingest.loader.outcome.errors import IngestError
from ingest.loader.outcome.rejects import STORED
from ingest.models import Run
from ingest.runs.approve import held_by
from ingest.runs.available_actions import available_actions
from ingest.runs.row_changes import changes_of
from ingest.runs.summary import RunSummary

FIRST_REJECTS = 20
_RECORD = 2_000  # bytes of a record that are looked at for its cell
_GROUPS = 50
_OTHERS = 10
_STAYED = 100
_COLUMNS = 200
"""Columns that are shown at once; the rest is left out."""


_SKIPPED = 20
"""Lines above the header that are shown."""


def page_context(run: Run, request: HttpRequest) -> dict[str, Any]:
    """Everything that the page says of ``run``, for the person who asks."""
    user, possible = request.user, available_actions(run)
    summary = RunSummary.of(run)
    return {
        "run": run,
        "file": shown.printable(run.file_name, 200),
        "address": shown.printable(f"s3://{run.bucket}/{run.key}", 1_200),
        "version": run.version_id or (f"ETag {run.etag}" if run.etag else ""),
        "size": shown.size(run.size),
        "who": shown.who(run.who),
        "reason": shown.printable(run.reason, 5_000),
        "pattern": shown.printable(run.pattern, 200),
        "is_over": summary.is_over,
        "is_previewed": run.kind == Run.Kind.PREVIEW and run.status in (*Run.COMMITTED, Run.Status.DISCARDED),
        "seconds": summary.seconds.text,
        "rate": summary.rate.text,
        "held_by": held_by(run.brakes),
        "approved": held_by(run.approved or {}),
        "buttons": [
            button(run, d) for name, d in DECISIONS.items() if name in possible and user.has_perm(d.permission)
        ],
        "account": run_account(run),
        "timeline": _timeline(run),
        "notes": [shown.printable(note, 1_000) for note in run.notes],
        "columns": _columns(run),
        "read": _read(run),
        "question": _question(run, user),
        "rejects": _rejects(run),
        "changes": _changes(run),
        "corrections": list(run.corrections.only("pk").order_by("pk")[:_OTHERS]),
        "undos": list(run.undos.order_by("pk")) if run.kind == Run.Kind.LOAD else [],
        "stayed": [(_safe(key), why) for key, why in run.stayed[:_STAYED]],
        "stayed_more": len(run.stayed) > _STAYED,
        "others": _others(run),
        "evidence": _evidence(run),
        "traceback": run.traceback if user.has_perm("ingest.view_traceback") else "",
        "live": live.progress_context(run),
    }


def run_account(run: Run) -> dict[str, Any] | None:
    """Return what the records of ``run`` became; None where that is unknown, or where there are no records."""
    summary = RunSummary.of(run)
    records = summary.records.value
    if records is None or run.kind == Run.Kind.UNDO:
        return None
    return {
        "records": records,
        "counts": [
            (figure.name, figure.value, f"{figure.value / records:.1%}" if records else "") for figure in summary.counts
        ],
        "bar": charts.bar([(figure.name, figure.value) for figure in summary.counts]),
        "is_hypothetical": summary.is_hypothetical,
    }


def _timeline(run: Run) -> list[dict[str, Any]]:
    if run.status in Run.UNFINISHED:
        return []
    parts = charts.timeline([(str(name), float(seconds)) for name, seconds in run.stages])
    return [
        {"part": part, "label": live.status_sentence(part.name), "seconds": f"{part.count / 1000:,.2f}"}
        for part in parts
    ]


def _columns(run: Run) -> list[dict[str, Any]]:
    """Each with its proof, and the reject that its record became, if it did: then the column stayed as it is."""
    columns = run.columns[:_COLUMNS]
    lines = {column["line"] for column in columns if column.get("line")} if run.rejected else set()
    rejects = dict(run.rejects.filter(line__in=lines).values_list("line", "pk")) if lines else {}
    return [
        {name: _safe(value) for name, value in column.items()} | {"reject": rejects.get(column.get("line"))}
        for column in columns
    ]


def _read(run: Run) -> dict[str, Any] | None:
    """How its file was read, and what each part of that rests on; None where it wasn't, or is still a question."""
    read = None if run.is_question else summarize_reading(run.dialect)
    if read is None:
        return None
    return {
        "summary": shown.printable(read.summary),
        "parts": [(part.label, shown.printable(part.shown), part.basis) for part in read.parts],
        "skipped": [shown.printable(line, 500) for line in read.skipped[:_SKIPPED]],
        "skipped_more": max(len(read.skipped) - _SKIPPED, 0),
        "margin": read.margin_shown,
    }


def _question(run: Run, user: Any) -> dict[str, Any] | None:
    """The readings that are offered, each on the file's own lines, and what this person may do about them."""
    if not run.is_question:
        return None
    dataset = run.dataset
    is_new = dataset is not None and not dataset.headers
    return {
        "readings": [
            {
                "label": _safe(offer["label"]),
                "header": [_safe(cell) for cell in offer["header"]],
                "rows": [[_safe(cell) for cell in row] for row in offer["rows"]],
            }
            for offer in run.question
        ],
        "may_choose": user.has_perm(DECISIONS["approve"].permission),
        "is_new": is_new,
        "always": dataset is not None and not is_new and user.has_perm("ingest.change_dataset"),
        "may_pin": dataset is not None and user.has_perm("ingest.change_dataset"),
        "waiting": _waiting(run) if is_new else 0,
    }


def _waiting(run: Run) -> int:
    """How many files wait behind a question."""
    behind = Run.objects.filter(dataset=run.dataset, pk__gt=run.pk, kind=Run.Kind.LOAD, status=Run.Status.WAITING)
    return behind.count()


def _rejects(run: Run) -> dict[str, Any] | None:
    if not run.rejected:
        return None
    groups = run.rejects.values("column", "code").annotate(count=Count("pk"), first=Min("line")).order_by("-count")
    found = [
        {**group, "label": shown.code_label(group["code"]), "column": _safe(group["column"])}
        for group in groups[: _GROUPS + 1]
    ]
    first = without_long_records(run.rejects.order_by("line", "id")[:FIRST_REJECTS], _RECORD)
    return {
        "groups": found[:_GROUPS],
        "more_groups": len(found) > _GROUPS,
        "kept": min(run.rejected, STORED),
        "is_cut": run.rejected > STORED,
        "expired": _expired(run),
        "first": [
            {
                "line": reject.line,
                "column": _safe(reject.column),
                "value": _safe(reject.value),
                "code": reject.code,
                "reason": _safe(reject.reason),
                "record": marked(
                    reject.head,
                    reject.size,
                    column=reject.column,
                    code=reject.code,
                    columns=run.columns,
                    dialect=run.dialect,
                ),
            }
            for reject in first
        ],
        "all": f"{reverse('admin:ingest_reject_changelist')}?run={run.pk}",
        "download": reverse("admin:ingest_run_rejects", args=[run.pk]),
    }


def _expired(run: Run) -> str:
    """So long the whole list was kept, if it isn't any more and was more than what is stored; else empty."""
    kept = timedelta(days=settings.REJECT_DAYS)
    is_old = run.finished is not None and run.finished < timezone.now() - kept
    return f"{kept.days:,} days" if is_old and run.rejected > STORED and not run.rejects_key else ""


def _changes(run: Run) -> dict[str, Any] | None:
    """What the run changed; None where there is nothing to say of it."""
    if run.records is None or not run.dataset or not (run.inserted or run.updated or run.deleted):
        return None
    try:
        found = changes_of(run) if run.kind != Run.Kind.UNDO else {}
    except IngestError as refused:
        return {"refused": str(refused)}
    if not found:
        return None
    return {
        "by_column": sorted(found["by_column"].items(), key=lambda each: -each[1]),
        "compared": found["compared"],
        "again": found["again"],
        "uncompared": found["uncompared"],
        "is_cut": found["compared"] + found["again"] >= COMPARED,
        "changed": [
            {
                "key": ", ".join(f"{name} {_safe(value)}" for name, value in row["key"].items()),
                "cells": [(_safe(name), _safe(old), _safe(new)) for name, (old, new) in row["cells"].items()],
            }
            for row in found["changed"]
        ],
        "deleted": _table(found["deleted"]),
        "inserted": _table(found["inserted"]),
    }


def _table(rows: list[Mapping[str, str | None]]) -> dict[str, Any] | None:
    if not rows:
        return None
    return {"names": [_safe(name) for name in rows[0]], "rows": [[_safe(v) for v in row.values()] for row in rows]}


def _others(run: Run) -> list[Run]:
    """The other runs of the very same version."""
    same = Run.objects.filter(bucket=run.bucket, key=run.key, source_identity=run.source_identity)
    return list(
        same.exclude(pk=run.pk).only("pk", "status", "rejected", "kind", "received", "key").order_by("-pk")[:_OTHERS]
    )


def _evidence(run: Run) -> dict[str, str] | None:
    """By what rows are the same, and why: as the run found it, if it was rolled back, else as it is by now."""
    if run.sample:
        key, why = run.sample["key"], run.sample["evidence"]
    elif run.dataset and run.dataset.identities is not None:
        key, why = run.dataset.identities, run.dataset.evidence
    else:
        return None
    told = " or ".join(", ".join(names) for names in key)
    return {"key": shown.printable(told) or "", "why": shown.printable(why)}


def _safe(value: object) -> object:
    return shown.printable(value) if isinstance(value, str) else value
