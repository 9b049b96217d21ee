"""Export: what is shown of a table as CSV or JSON, made in a file: memory holds none of it."""

import errno
import hashlib
import re
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import chain
from typing import IO, Any, BinaryIO, cast

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.crypto import get_random_string

from ingest.aws import objects
from ingest.aws.events import OUTPUT_PREFIXES
from ingest.browsing import conditions
from ingest.browsing.errors import BrowseError
from ingest.browsing.headers import Headers, choose_headers, learn, remember
from ingest.browsing.reading import reading, shown_columns
from ingest.browsing.searching import ask
from ingest.browsing.state import State, ordered, parse
from ingest.browsing.table import Column, Kind, Table, read
from ingest.loader.outcome.errors import RunInterrupted
from ingest.loader.source.identifiers import EXPORT_HEADER, OWN_COLUMNS
from ingest.loader.source.layout.grammar import BOM
from ingest.loader.sql import browsing as statements
from ingest.loader.types.values import MARK
from ingest.models import Dataset

SECONDS = 20
"""API Gateway waits for 29 seconds, and the file must reach the bucket in them too."""
DIRECT = 4 << 20
"""Bytes that are answered at once: Lambda's own limit is 6 MB, and it counts them in base64."""
_MOST_BYTES = 1 << 30
_LINK_SECONDS = 3600
_FOLDER = OUTPUT_PREFIXES[1]
_NO_JSON = b"\x01"  # what COPY quotes with: no JSON has it
_BLOCK = 1 << 16
_NAME = re.compile(r"\w+")


class Format(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSON = "json"

    @property
    def content_type(self) -> str:
        """As HTTP names it."""
        return "text/csv; charset=utf-8" if self is Format.CSV else "application/json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Export:
    """A finished export: its bytes from the start, closed by whoever takes it; or where it lies in the bucket."""

    name: str
    format: Format
    size: int
    state: str
    """The address of what was exported, for the log."""
    file: BinaryIO | None = None
    link: str = ""


class _Writer:
    """Where COPY writes to: a file that isn't let grow over its limit."""

    def __init__(self, file: BinaryIO, *, omit: bytes = b"") -> None:
        self._file = file
        self._omit = omit
        self.size = 0

    def write(self, block: bytes) -> int:
        """Take a block."""
        self.size += len(block)
        if self.size > _MOST_BYTES:
            raise BrowseError(f"The export would have more than {_MOST_BYTES >> 30} GiB: filter the rows first.")
        self._file.write(block.replace(self._omit, b"") if self._omit else block)
        return len(block)


def export(name: str, pairs: Iterable[tuple[str, str]], form: Format, *, all_columns: bool = False) -> Export:
    """Write all rows that a state shows, in its order, with the columns shown or all there are, but not our own.

    A CSV can be loaded again: its rows are unchanged then, and no column is added. A small one comes as a file, a
    larger one lies in the bucket under ``_exports/`` for whoever has its link. Raises BrowseError where part of the
    address makes no sense: more than was asked for would leave the house otherwise; and IngestError where the bucket
    can't be written to.
    """
    slow = f"The export took longer than {SECONDS} seconds and was stopped: filter the rows first, or choose columns."
    file = cast(BinaryIO, tempfile.NamedTemporaryFile(dir=settings.SCRATCH_DIR, prefix="export-"))  # noqa: SIM115
    try:
        dataset = _dataset(name)
        with reading(name, seconds=SECONDS, slow=slow) as cursor:
            table = read(cursor, name)
            state, complaints = parse(pairs, table)
            state, wrong, equal = conditions.checked(cursor, state.but(), table)
            if complaints or wrong:
                raise BrowseError(" ".join([*complaints, *wrong, "Nothing was exported."]))
            shown = shown_columns(state, table)
            question = ask(cursor, state, table, shown, equal, whole=True)
            columns = _exported(list(table.columns) if all_columns else shown)
            told = {
                "ordered": [column.name for column in ordered(state, table)],
                "descending": state.descending,
                "source": question.source,
                "conditions": question.conditions,
            }
            headers = Headers(texts=())
            if form is Format.CSV:
                headers = _write_csv(cursor, file, columns, dataset, state, told)
            else:
                _write_json(cursor, file, columns, told)
        if headers.new:
            learn(name, headers.new)
        if form is Format.CSV and not dataset.identities:
            file.seek(0)
            remember(dataset, hashlib.file_digest(file, "sha256").hexdigest())
        return _finished(file, Export(name=_file_name(table, form), format=form, size=file.tell(), state=state.query()))
    except OSError as error:
        with suppress(OSError):  # what still waits to be written has no room either
            file.close()
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise BrowseError("There is no room for the export on this machine's disk: filter the rows first.") from error
    except BaseException:
        file.close()
        raise


def _exported(columns: list[Column]) -> list[Column]:
    """The columns without our own, which are no data of the table's files."""
    kept = [column for column in columns if column.name not in OWN_COLUMNS]
    if not kept:
        raise BrowseError(f"An export leaves out {', '.join(OWN_COLUMNS)}: choose at least one other column.")
    return kept


def _dataset(name: str) -> Dataset:
    """The dataset of the table; one without any settings where there is none."""
    return Dataset.objects.filter(name=name).first() or Dataset(name=name)


def _finished(file: BinaryIO, made: Export) -> Export:
    file.seek(0)
    if made.size <= DIRECT:
        return replace(made, file=file)
    key = f"{_FOLDER}{get_random_string(32)}/{made.name}"
    with file:
        try:
            source = objects.put(file, settings.BUCKET, key)
        except RunInterrupted as error:
            raise BrowseError("The bucket didn't take the file just now: export again in a moment.") from error
    return replace(made, link=objects.presigned_url(source, _LINK_SECONDS))


def _write_csv(
    cursor: Any, file: BinaryIO, columns: list[Column], dataset: Dataset, state: State, told: dict[str, Any]
) -> Headers:
    """Write the file as the dataset's files are read: with its pinned delimiter, and a mark that tells UTF-8."""
    if dataset.mode == Dataset.Mode.SNAPSHOT and state.narrows and not state.safe:
        raise BrowseError(
            f"Each file of {dataset.name} is a snapshot of the whole table: loaded again, a CSV of some rows would "
            "delete all others. Export all rows, or choose the spreadsheet-safe CSV, which deletes nothing."
        )
    if dataset.pinned.quote == "" and not state.safe:
        raise BrowseError(
            f"The files of {dataset.name} have no quotes, so a CSV of its rows can't be read like them. Choose the "
            "spreadsheet-safe CSV, which has quotes of its own."
        )
    headers = choose_headers([column.name for column in columns], dataset, safe=state.safe)
    written = _Written.of(dataset, safe=state.safe)
    writer = _Writer(file)
    if dataset.encoding:
        writer.write(BOM)
    if headers.texts:
        writer.write(_header_line(headers.texts, written, safe=state.safe))
    texts = {column.name: column.kind in (Kind.TEXT, Kind.OTHER) for column in columns}
    _copy(cursor, statements.csv(columns=texts, safe=state.safe, **asdict(written), **told), writer)
    return headers


@dataclass(frozen=True, kw_only=True, slots=True)
class _Written:
    """How a file is written."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'

    @classmethod
    def of(cls, dataset: Dataset, *, safe: bool) -> "_Written":
        """Return how the dataset's files are written, as far as it is pinned; a ``safe`` one is read by its header."""
        if safe:
            return cls()
        quote = dataset.quote or cls().quote
        return cls(delimiter=dataset.delimiter or cls().delimiter, quote=quote, escape=dataset.escape or quote)


def _header_line(texts: Iterable[str], written: _Written, *, safe: bool) -> bytes:
    """The header, quoted where it isn't a plain name: a header may begin like a comment."""
    cells = (f"{MARK}{text}" if text.startswith((*statements.FORMULA, MARK)) else text for text in texts)
    named = chain(cells, [EXPORT_HEADER]) if safe else texts
    quoted = (text if _NAME.fullmatch(text) else _quoted(text, written) for text in named)
    return f"{written.delimiter.join(quoted)}\n".encode()


def _quoted(text: str, written: _Written) -> str:
    for mark in dict.fromkeys((written.escape, written.quote)):
        text = text.replace(mark, written.escape + mark)
    return f"{written.quote}{text}{written.quote}"


def _write_json(cursor: Any, file: BinaryIO, columns: list[Column], told: dict[str, Any]) -> None:
    names = [column.name for column in columns]
    _copy(cursor, statements.json(columns=names, **told), _Writer(file, omit=_NO_JSON))
    end = file.tell()
    file.seek(0)
    file.write(b"[")  # in place of the first row's comma
    file.seek(max(end, 1))
    file.write(b"]\n")


def _copy(cursor: Any, statement: Any, writer: _Writer) -> None:
    with connection.wrap_database_errors:  # COPY goes past Django, which translates nothing here
        cursor.copy_expert(statement, cast(IO[bytes], writer), _BLOCK)


def _file_name(table: Table, form: Format) -> str:
    """A CSV is named so that it comes back to its table."""
    if form is Format.CSV:
        return f"{table.name.replace('/', '_')}.csv"
    return f"{table.name.replace('/', '_')}-{timezone.now():%Y%m%dT%H%M%SZ}.{form}"
