"""The rejects of a run as a CSV that can be mended and loaded again (file-rules#corrections)."""

import codecs
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from django.core.files import File
from django.core.files.storage import default_storage

from ingest.aws import objects
from ingest.loader.outcome.rejects import RejectCollector
from ingest.loader.outcome.source_object import SourceObject
from ingest.loader.source.identifiers import ADDRESS_HEADERS, REJECT_HEADERS
from ingest.loader.source.layout.grammar import grammar_of
from ingest.loader.types.values import unmarked
from ingest.models import Reject, Run, storable

FOLDER = "_rejects/"
"""At the bucket's root, where no event comes from."""
ADDED = (*REJECT_HEADERS, *ADDRESS_HEADERS)

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
    """The text of the file, piece by piece: a header of the original columns, ``_line``, ``_code``, ``_reason``,
    ``_dataset``, ``_run``; then the rejects.

    All of them where the whole list lies in the bucket, else those that are stored. A record of too few cells is
    filled up with empty ones, one of too many keeps its rest in its last column, and one that can't be taken apart
    stands whole in its first: nothing of it is lost. Raises RunFailed or RunInterrupted where the bucket's file can't
    be read.
    """
    whole = reject_object(run)
    if whole:
        return codecs.iterdecode(objects.read(whole), "utf-8")
    stored = Reject.objects.filter(run=run).order_by("line", "id").iterator(chunk_size=_CHUNK)
    return _lines(run, run.columns, run.dialect, stored)


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
    run: Run, book: RejectCollector, columns: Sequence[Mapping[str, Any]], dialect: Mapping[str, Any], folder: Path
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
        file.writelines(_lines(run, columns, dialect, book.whole()))
    with path.open("rb") as file, objects.translated(f"s3://{run.bucket}/{key}", objects.TO_WRITE):
        kept = default_storage.save(key, File(file))
    path.unlink()
    return kept


def _lines(
    run: Run, columns: Sequence[Mapping[str, Any]], dialect: Mapping[str, Any], rejects: Iterable[_Told]
) -> Iterator[str]:
    headers = [column["header"] or column["name"] for column in columns]
    mark = "\ufeff" if run.dataset and run.dataset.encoding else ""  # else it would be read in the pinned encoding
    yield mark + _line([*(headers or ["record"]), *ADDED])
    origin = [run.dataset.name if run.dataset else None, str(run.public_id)]
    for reject in rejects:
        raw = bytes(reject.raw)
        cells = _cells(raw, dialect, len(headers)) if headers else [raw.decode(errors="replace")]
        yield _line([*cells, str(reject.line), str(reject.code), storable(reject.reason), *origin])


def _line(cells: Iterable[str | None]) -> str:
    """The cells as a line: an empty one is NULL, ``""`` an empty text."""
    return ",".join("" if cell is None else _quoted(cell) for cell in cells) + "\n"


def _quoted(cell: str) -> str:
    plain = cell and cell.strip(" ") == cell and not set(cell) & set(',"\r\n')
    return cell if plain else '"' + cell.replace('"', '""') + '"'


def _cells(raw: bytes, dialect: Mapping[str, Any], width: int) -> list[str | None]:
    """Exactly ``width`` cells that hold all of the record's text, which is UTF-8, whatever the file came in."""
    cells = _taken_apart(raw, dialect)
    if cells is None:
        return [raw.decode(errors="replace"), *[None] * (width - 1)]
    used, whole = dialect.get("used") or range(width), dialect.get("cells") or width
    if len(cells) <= whole + dialect.get("trailing", 0):
        while len(cells) > whole and not (cells[-1] or "").strip():
            cells.pop()
    kept = [cells[place] if place < len(cells) else None for place in used]
    surplus = [cell or "" for cell in cells[whole:]]
    if surplus:
        kept[-1] = dialect.get("delimiter", ",").join([kept[-1] or "", *surplus])
    return [unmarked(cell) for cell in kept] if dialect.get("marked") else kept


def _taken_apart(raw: bytes, dialect: Mapping[str, Any]) -> list[str | None] | None:
    """The cells of a well-formed record, NULL as None; None for any other."""
    grammar = grammar_of(
        dialect.get("delimiter", ","),
        dialect.get("quote", '"'),
        dialect.get("escape", '"'),
        bool(dialect.get("spaced")),
    )
    if not grammar.record.fullmatch(raw):
        return None
    return [None if cell is None else cell.decode(errors="replace") for cell in grammar.values(raw)]
