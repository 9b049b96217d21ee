"""The rejects of a run as a CSV file that can be corrected and loaded again (file-rules#corrections)."""

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
"""At the root of the bucket, which sends no events."""
ADDED = (*REJECT_HEADERS, *ADDRESS_HEADERS)

_CHUNK = 20  # records in memory at once: each may have many megabytes
_MAX_INLINE_BYTES = 1 << 20
"""Bytes of records that are generated for each download: a response of Lambda has at most 6 MB, and each of 10,000
records adds its reason, with its quotes doubled and then escaped."""
_LINK_SECONDS = 900


class _Reject(Protocol):
    """What is needed of a reject, from the database or the loader."""

    line: int
    code: str
    reason: str
    raw: bytes


def file_name(run: Run) -> str:
    """Return the name of the downloaded file."""
    return f"{run.dataset or 'run'}-{run.pk}-rejects.csv"


def folder_of(run: Run) -> str:
    """Return the folder in the bucket for the full lists of the run's attempts."""
    return f"{FOLDER}{run.pk}/"


def reject_file(run: Run) -> Iterator[str]:
    """Yield the text of the file: a header with the original columns, ``_line``, ``_code``, ``_reason``, ``_dataset``
    and ``_run``; then the rejects.

    It has all rejects if the full list is in the bucket, otherwise those that are stored. A record with too few cells
    is padded with empty ones, the surplus of one with too many is kept in its last column, and one that can't be split
    is kept whole in the first, so nothing is lost. Raises RunFailed or RunInterrupted if the file in the bucket can't
    be read.
    """
    full = reject_object(run)
    if full:
        return codecs.iterdecode(objects.read(full), "utf-8")
    stored = Reject.objects.filter(run=run).order_by("line", "id").iterator(chunk_size=_CHUNK)
    return _lines(run, run.columns, run.dialect, stored)


def reject_object(run: Run) -> SourceObject | None:
    """Return the file in the bucket with all rejects of a run that has many, or None if there isn't one.

    Raises RunFailed or RunInterrupted if the bucket doesn't answer.
    """
    if not run.rejects_key:
        return None
    try:
        return objects.describe(run.bucket, run.rejects_key)
    except objects.SourceGone:
        return None


def reject_link(run: Run) -> str | None:
    """Return a signed link to the file in the bucket, valid for 15 minutes; None if there is no such file."""
    full = reject_object(run)
    return objects.presigned_url(full, _LINK_SECONDS) if full else None


def keep_whole(
    run: Run, rejects: RejectCollector, columns: Sequence[Mapping[str, Any]], dialect: Mapping[str, Any], folder: Path
) -> str:
    """Put the full list in the bucket if it is larger than what is stored or fits in a response; return its key or "".

    This is done before the run's outcome commits, so that the file exists when the run refers to it. A file left by a
    rollback is named by run and claim, and does no harm. ``folder`` is scratch space. Raises RunFailed or
    RunInterrupted if the bucket doesn't accept it.
    """
    if len(rejects) == len(rejects.kept) and rejects.size <= _MAX_INLINE_BYTES:
        return ""
    path, key = folder / "rejects.csv", f"{folder_of(run)}{run.token}/{file_name(run)}"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(_lines(run, columns, dialect, rejects.whole()))
    with path.open("rb") as file, objects.translated(f"s3://{run.bucket}/{key}", objects.TO_WRITE):
        saved = default_storage.save(key, File(file))
    path.unlink()
    return saved


def _lines(
    run: Run, columns: Sequence[Mapping[str, Any]], dialect: Mapping[str, Any], rejects: Iterable[_Reject]
) -> Iterator[str]:
    headers = [column["header"] or column["name"] for column in columns]
    mark = "\ufeff" if run.dataset and run.dataset.encoding else ""  # otherwise it would be read in the pinned encoding
    yield mark + _line([*(headers or ["record"]), *ADDED])
    origin = [run.dataset.name if run.dataset else None, str(run.public_id)]
    for reject in rejects:
        raw = bytes(reject.raw)
        cells = _cells(raw, dialect, len(headers)) if headers else [raw.decode(errors="replace")]
        yield _line([*cells, str(reject.line), str(reject.code), storable(reject.reason), *origin])


def _line(cells: Iterable[str | None]) -> str:
    """Return the cells as a line: an empty cell is NULL, ``""`` an empty string."""
    return ",".join("" if cell is None else _quoted(cell) for cell in cells) + "\n"


def _quoted(cell: str) -> str:
    plain = cell and cell.strip(" ") == cell and not set(cell) & set(',"\r\n')
    return cell if plain else '"' + cell.replace('"', '""') + '"'


def _cells(raw: bytes, dialect: Mapping[str, Any], width: int) -> list[str | None]:
    """Return exactly ``width`` cells with all of the record's text, which is UTF-8 whatever the file's encoding."""
    cells = _split(raw, dialect)
    if cells is None:
        return [raw.decode(errors="replace"), *[None] * (width - 1)]
    used, count = dialect.get("used") or range(width), dialect.get("cells") or width
    if len(cells) <= count + dialect.get("trailing", 0):
        while len(cells) > count and not (cells[-1] or "").strip():
            cells.pop()
    row = [cells[index] if index < len(cells) else None for index in used]
    surplus = [cell or "" for cell in cells[count:]]
    if surplus:
        row[-1] = dialect.get("delimiter", ",").join([row[-1] or "", *surplus])
    return [unmarked(cell) for cell in row] if dialect.get("marked") else row


def _split(raw: bytes, dialect: Mapping[str, Any]) -> list[str | None] | None:
    """Return the cells of a well-formed record, with None for NULL; None for a malformed record."""
    grammar = grammar_of(
        dialect.get("delimiter", ","),
        dialect.get("quote", '"'),
        dialect.get("escape", '"'),
        bool(dialect.get("spaced")),
    )
    if not grammar.record.fullmatch(raw):
        return None
    return [None if cell is None else cell.decode(errors="replace") for cell in grammar.values(raw)]
