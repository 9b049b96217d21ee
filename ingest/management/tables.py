"""Rows as a table of plain text, and runs as JSON, for the commands."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from ingest.datasets.reading_summary import summarize_reading
from ingest.models import Run
from ingest.runs.summary import Figure, RunSummary

_BETWEEN = "  "
_LEAST = 8
"""Characters of a column that isn't cut further."""


def table(header: Sequence[str], rows: Sequence[Sequence[object]], width: int | None = None) -> str:
    """The rows under their header; numbers to the right, thousands separated.

    In columns as wide as they need, but in no more than ``width`` together: then the widest texts are cut.
    """
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in [list(header), *texts]) for at in range(len(header))]
    if width is not None:
        wordy = [at for at in range(len(header)) if not any(isinstance(row[at], int | float) for row in rows)]
        widths = _narrowed(widths, wordy, width)
    lines = []
    for row, cells in zip([list(header), *texts], [list(header), *rows], strict=True):
        padded = [
            text.rjust(room) if isinstance(cell, int | float) else _cut(text, room).ljust(room)
            for text, cell, room in zip(row, cells, widths, strict=True)
        ]
        lines.append(_BETWEEN.join(padded).rstrip())
    return "\n".join(lines)


def _narrowed(widths: list[int], wordy: Sequence[int], width: int) -> list[int]:
    """``widths`` that fit together, as far as the columns ``wordy`` can give way: the widest of them first."""
    widths = list(widths)
    while sum(widths) + len(_BETWEEN) * (len(widths) - 1) > width:
        widest = max(wordy, key=lambda at: widths[at], default=None)
        if widest is None or widths[widest] <= _LEAST:
            break
        widths[widest] -= 1
    return widths


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def run_row(run: Run) -> list[object]:
    """A run as one row: what became of it."""
    summary = RunSummary.of(run)
    figures = [_cell(figure) for figure in (*summary.committed_counts, summary.seconds)]
    name = run.file_name if run.kind == Run.Kind.LOAD else f"{run.file_name} ({run.kind})"
    return [run.pk, name, run.dataset.name if run.dataset else "", run.label, *figures]


def readings(run: Run) -> list[str]:
    """The readings that a run's question offers, and how to choose one; none where it is no question."""
    if not run.is_question:
        return []
    offered = [f"  reading {number}: {plain(offer['label'])}" for number, offer in enumerate(run.question, 1)]
    return [*offered, f"  choose with: manage.py approve {run.pk} --reading N"]


def run_json(run: Run) -> dict[str, Any]:
    """A run for programs: the same as ``run_row``, and how its file was read."""
    read = None if run.is_question else summarize_reading(run.dialect)
    summary = RunSummary.of(run)
    return {
        "run": run.pk,
        "file": run.file_name,
        "object": f"s3://{run.bucket}/{run.key}",
        "dataset": run.dataset.name if run.dataset else None,
        "kind": run.kind,
        "status": run.status,
        "received": _moment(run.received),
        "started": _moment(run.started),
        "finished": _moment(run.finished),
        "records": summary.records.value,
        **{figure.name: figure.value for figure in summary.row_counts},
        "partial": run.partial,
        "reason": run.reason,
        "reading": read.to_json() if read else None,
        "question": [
            {"reading": number, "label": offer["label"], **offer["dialect"]}
            for number, offer in enumerate(run.question if run.is_question else (), 1)
        ],
    }


def _cell(figure: Figure) -> object:
    """Return a number, which a table aligns to the right, where it is exact; else its text."""
    return figure.text if figure.value is None or figure.is_minimum else figure.value


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


RUN_HEADER = ("run", "file", "dataset", "status", *Run.FATES, "seconds")


def plain(text: str) -> str:
    """``text`` without what would move a terminal's cursor or change its colours."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.2f}"
    return f"{cell:,}" if isinstance(cell, int) else plain(str(cell))
