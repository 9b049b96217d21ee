"""The rejects of a run as a CSV that can be mended and loaded again (BEHAVIOUR 7)."""

import csv
import io
import sys
from collections.abc import Iterator, Sequence

from ingest.models import Reject, Run

_CHUNK = 20  # records in memory at once: each may have many megabytes
ADDED = ("_line", "_code", "_reason")


def reject_file(run: Run) -> Iterator[str]:
    """The lines of the file: a header of the original columns plus ``_line``, ``_code``, ``_reason``, then the rejects.

    A record of too few cells is filled up with empty ones, one of too many keeps its rest in its last column, and one
    that can't be taken apart stands whole in its first: nothing of it is lost.
    """
    headers = [column["header"] or column["name"] for column in run.columns] or ["record"]
    line = io.StringIO(newline="")
    writer = csv.writer(line, lineterminator="\n")
    for row in _rows(run, headers):
        writer.writerow(row)
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _rows(run: Run, headers: Sequence[str]) -> Iterator[Sequence[object]]:
    yield [*headers, *ADDED]
    for reject in Reject.objects.filter(run=run).order_by("line", "id").iterator(chunk_size=_CHUNK):
        yield [*_cells(bytes(reject.raw), run.dialect, len(headers)), reject.line, reject.code, reject.reason]


def _cells(raw: bytes, dialect: dict[str, str], width: int) -> list[str]:
    """Exactly ``width`` cells that hold all of the record's text."""
    text = raw.decode(errors="replace")  # in UTF-8, whatever the file came in
    delimiter = dialect.get("delimiter", ",")
    cells = _taken_apart(text, dialect) if width > 1 else None
    if cells is None:
        cells = [text]
    surplus = delimiter.join(cells[width - 1 :])
    return [*cells[: width - 1], surplus, *[""] * (width - len(cells))][:width]


def _taken_apart(text: str, dialect: dict[str, str]) -> list[str] | None:
    quote, escape = dialect.get("quote", '"'), dialect.get("escape", '"')
    csv.field_size_limit(sys.maxsize)
    try:
        records = list(
            csv.reader(
                io.StringIO(text, newline=""),
                delimiter=dialect.get("delimiter", ","),
                quotechar=quote,
                doublequote=escape == quote,
                escapechar=None if escape == quote else escape,
                strict=True,
            )
        )
    except (csv.Error, TypeError):
        return None
    return records[0] if len(records) == 1 else None
