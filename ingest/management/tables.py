"""Rows as a table of plain text, for the commands."""

from collections.abc import Sequence

from ingest.models import Run

COUNTS = ("inserted", "updated", "unchanged", "duplicate", "rejected")


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """The rows under their header, in columns as wide as they need; numbers to the right, thousands separated."""
    texts = [[_text(cell) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in [list(header), *texts]) for at in range(len(header))]
    lines = []
    for row, cells in zip([list(header), *texts], [list(header), *rows], strict=True):
        padded = [
            text.rjust(width) if isinstance(cell, int | float) else text.ljust(width)
            for text, cell, width in zip(row, cells, widths, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def run_row(run: Run) -> list[object]:
    """A run as one row: what became of it."""
    known = run.records is not None and run.status not in (Run.Status.FAILED, Run.Status.HELD)
    counts = [getattr(run, name) if known or (name == "rejected" and run.rejected) else "" for name in COUNTS]
    seconds = (run.finished - run.started).total_seconds() if run.finished and run.started else ""
    name = run.file_name if run.kind == Run.Kind.LOAD else f"{run.file_name} ({run.kind})"
    return [run.pk, name, run.dataset.name if run.dataset else "", run.status, *counts, seconds]


RUN_HEADER = ("run", "file", "dataset", "status", *COUNTS, "seconds")


def plain(text: str) -> str:
    """``text`` without what would move a terminal's cursor or change its colours."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.2f}"
    return f"{cell:,}" if isinstance(cell, int) else plain(str(cell))
