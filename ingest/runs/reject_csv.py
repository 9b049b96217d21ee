"""The rejects of a run as a CSV that can be mended and loaded again (BEHAVIOUR 7)."""

import codecs
import csv
import io
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from django.core.files import File
from django.core.files.storage import default_storage

from ingest.aws import objects
from ingest.loader.rejects import RejectBook
from ingest.loader.source import SourceObject
from ingest.models import Reject, Run, storable

FOLDER = "_rejects/"
"""At the bucket's root, where no event comes from."""
ADDED = ("_line", "_code", "_reason")

_CHUNK = 20  # records in memory at once: each may have many megabytes
_LARGEST_ANSWER = 1 << 20
"""Bytes of records that are written anew at each download: an answer through Lambda has at most 6 MB, and each of
10,000 records brings its reason, its quotes doubled, and these escaped once more on the way."""
_LINK_SECONDS = 900


class _Told(Protocol):
    """What is read of a reject, the database's or the loader's."""

    line: int
    code: str
    reason: str
    raw: bytes


def file_name(run: Run) -> str:
    """What the file is called where it is downloaded."""
    return f"{run.dataset or 'run'}-{run.pk}-rejects.csv"


def folder_of(run: Run) -> str:
    """Where the whole lists of its attempts lie in the bucket."""
    return f"{FOLDER}{run.pk}/"


def reject_file(run: Run) -> Iterator[str]:
    """The text of the file, piece by piece: a header of the original columns, ``_line``, ``_code``, ``_reason``; then
    the rejects.

    All of them where the whole list lies in the bucket, else those that are stored. A record of too few cells is
    filled up with empty ones, one of too many keeps its rest in its last column, and one that can't be taken apart
    stands whole in its first: nothing of it is lost. Raises RunFailed or RunInterrupted where the bucket's file can't
    be read.
    """
    whole = reject_object(run)
    if whole:
        return codecs.iterdecode(objects.read(whole), "utf-8")
    stored = Reject.objects.filter(run=run).order_by("line", "id").iterator(chunk_size=_CHUNK)
    return _lines(run.columns, run.dialect, stored)


def reject_object(run: Run) -> SourceObject | None:
    """The file in the bucket that has all rejects of a run with many; None where there is none, or none any more.

    Raises RunFailed or RunInterrupted where the bucket doesn't say.
    """
    if not run.rejects_key:
        return None
    try:
        return objects.describe(run.bucket, run.rejects_key)
    except objects.SourceGone:
        return None


def reject_link(run: Run) -> str | None:
    """A signed link to the file in the bucket, good for a quarter of an hour; None where ``reject_object`` is."""
    whole = reject_object(run)
    return objects.presigned_url(whole, _LINK_SECONDS) if whole else None


def keep_whole(
    run: Run, book: RejectBook, columns: Sequence[Mapping[str, Any]], dialect: Mapping[str, Any], folder: Path
) -> str:
    """Put the whole list in the bucket, if it is more than is stored, or than one answer holds; its key, else "".

    Before the run's outcome commits, so that the file is there when the run says so; one that no run tells of, after
    a rollback, is named by run and claim, and does no harm. ``folder`` is scratch space. Raises RunFailed or
    RunInterrupted where the bucket doesn't take it.
    """
    if len(book) == len(book.kept) and book.size <= _LARGEST_ANSWER:
        return ""
    path, key = folder / "rejects.csv", f"{folder_of(run)}{run.token}/{file_name(run)}"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(_lines(columns, dialect, book.whole()))
    with path.open("rb") as file, objects.translated(f"s3://{run.bucket}/{key}", objects.TO_WRITE):
        kept = default_storage.save(key, File(file))
    path.unlink()
    return kept


def _lines(columns: Sequence[Mapping[str, Any]], dialect: Mapping[str, Any], rejects: Iterable[_Told]) -> Iterator[str]:
    headers = [column["header"] or column["name"] for column in columns] or ["record"]
    line = io.StringIO(newline="")
    writer = csv.writer(line, lineterminator="\n")
    for row in _rows(headers, dialect, rejects):
        writer.writerow(row)
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def _rows(headers: Sequence[str], dialect: Mapping[str, Any], rejects: Iterable[_Told]) -> Iterator[Sequence[object]]:
    yield [*headers, *ADDED]
    for reject in rejects:
        cells = _cells(bytes(reject.raw), dialect, len(headers))
        yield [*cells, reject.line, str(reject.code), storable(reject.reason)]


def _cells(raw: bytes, dialect: Mapping[str, Any], width: int) -> list[str]:
    """Exactly ``width`` cells that hold all of the record's text."""
    text = raw.decode(errors="replace")  # in UTF-8, whatever the file came in
    delimiter = dialect.get("delimiter", ",")
    cells = _taken_apart(text, dialect) if width > 1 else None
    if cells is None:
        cells = [text]
    surplus = delimiter.join(cells[width - 1 :])
    return [*cells[: width - 1], surplus, *[""] * (width - len(cells))][:width]


def _taken_apart(text: str, dialect: Mapping[str, Any]) -> list[str] | None:
    quote, escape = dialect.get("quote", '"'), dialect.get("escape", '"')
    csv.field_size_limit(sys.maxsize)
    if quote and not any(mark in text for mark in (quote, escape, "\r", "\n")):  # a reader for each takes longer
        return text.split(dialect.get("delimiter", ","))
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
