"""Export: what is shown of a table as CSV or JSON, made in a file: memory holds none of it."""

import errno
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import IO, Any, BinaryIO, cast

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.crypto import get_random_string

from ingest.aws import objects
from ingest.aws.events import OUTPUT_PREFIXES
from ingest.browsing import conditions
from ingest.browsing.errors import CantBrowse
from ingest.browsing.reading import reading, shown_columns
from ingest.browsing.searching import ask
from ingest.browsing.state import ordered, parse
from ingest.browsing.table import Column, Kind, Table, read
from ingest.loader.errors import RunInterrupted
from ingest.loader.statements import browsing as statements

SECONDS = 20
"""API Gateway waits for 29 seconds, and the file must reach the bucket in them too."""
DIRECT = 4 << 20
"""Bytes that are answered at once: Lambda's own limit is 6 MB, and it counts them in base64."""
_MOST_BYTES = 1 << 30
_LINK_SECONDS = 3600
_FOLDER = OUTPUT_PREFIXES[1]
_NO_JSON = b"\x01"  # what COPY quotes with: no JSON has it
_BLOCK = 1 << 16


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
            raise CantBrowse(f"The export would have more than {_MOST_BYTES >> 30} GiB: filter the rows first.")
        self._file.write(block.replace(self._omit, b"") if self._omit else block)
        return len(block)


def export(name: str, pairs: Iterable[tuple[str, str]], form: Format, *, all_columns: bool = False) -> Export:
    """Write all rows that a state shows, in its order, with the columns shown or all there are.

    A small one comes as a file, a larger one lies in the bucket under ``_exports/`` for whoever has its link. Raises
    CantBrowse where part of the address makes no sense: more than was asked for would leave the house otherwise; and
    IngestError where the bucket can't be written to.
    """
    slow = f"The export took longer than {SECONDS} seconds and was stopped: filter the rows first, or choose columns."
    file = cast(BinaryIO, tempfile.NamedTemporaryFile(dir=settings.SCRATCH_DIR, prefix="export-"))  # noqa: SIM115
    try:
        with reading(name, seconds=SECONDS, slow=slow) as cursor:
            table = read(cursor, name)
            state, complaints = parse(pairs, table)
            state, wrong, equal = conditions.checked(cursor, state.but(), table)
            if complaints or wrong:
                raise CantBrowse(" ".join([*complaints, *wrong, "Nothing was exported."]))
            shown = shown_columns(state, table)
            question = ask(cursor, state, table, shown, equal, whole=True)
            columns = list(table.columns) if all_columns else shown
            told = {
                "ordered": [column.name for column in ordered(state, table)],
                "descending": state.descending,
            }
            write = _write_csv if form is Format.CSV else _write_json
            write(cursor, file, columns, question.source, question.conditions, told)
        return _finished(file, Export(name=_file_name(table, form), format=form, size=file.tell(), state=state.query()))
    except OSError as error:
        with suppress(OSError):  # what still waits to be written has no room either
            file.close()
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise CantBrowse("There is no room for the export on this machine's disk: filter the rows first.") from error
    except BaseException:
        file.close()
        raise


def _finished(file: BinaryIO, made: Export) -> Export:
    file.seek(0)
    if made.size <= DIRECT:
        return replace(made, file=file)
    key = f"{_FOLDER}{get_random_string(32)}/{made.name}"
    with file:
        try:
            source = objects.put(file, settings.BUCKET, key)
        except RunInterrupted as error:
            raise CantBrowse("The bucket didn't take the file just now: export again in a moment.") from error
    return replace(made, link=objects.presigned_url(source, _LINK_SECONDS))


def _write_csv(
    cursor: Any, file: BinaryIO, columns: list[Column], source: Any, asked: list[Any], told: dict[str, Any]
) -> None:
    guarded = {column.name: column.kind in (Kind.TEXT, Kind.OTHER) for column in columns}
    headers = [_harmless_header(column.name) for column in columns]
    _copy(cursor, statements.csv(source, asked, columns=guarded, headers=headers, **told), _Writer(file))


def _write_json(
    cursor: Any, file: BinaryIO, columns: list[Column], source: Any, asked: list[Any], told: dict[str, Any]
) -> None:
    names = [column.name for column in columns]
    _copy(cursor, statements.json(source, asked, columns=names, **told), _Writer(file, omit=_NO_JSON))
    end = file.tell()
    file.seek(0)
    file.write(b"[")  # in place of the first row's comma
    file.seek(max(end, 1))
    file.write(b"]\n")


def _copy(cursor: Any, statement: Any, writer: _Writer) -> None:
    with connection.wrap_database_errors:  # COPY goes past Django, which translates nothing here
        cursor.copy_expert(statement, cast(IO[bytes], writer), _BLOCK)


def _harmless_header(name: str) -> str:
    return f"'{name}" if name[:1] in "=+-@" else name


def _file_name(table: Table, form: Format) -> str:
    return f"{table.name.replace('/', '_')}-{timezone.now():%Y%m%dT%H%M%SZ}.{form}"
