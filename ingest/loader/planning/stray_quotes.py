"""Quotes that may have swallowed records: lines within a cell that fit the table as records of their own."""

from collections.abc import Sequence
from dataclasses import replace

from ingest.loader.outcome.errors import RunUnclear
from ingest.loader.outcome.reject_limit import Swallowing
from ingest.loader.planning.scan import Scan
from ingest.loader.source.dialect.dialect import HEAD
from ingest.loader.source.dialect.question import offers
from ingest.loader.source.dialect.swallowed_lines import stray_quotes
from ingest.loader.source.local_file import LocalFile
from ingest.loader.types.types import SPACES, Type, classify, join


def ask_about_swallowed_lines(file: LocalFile, swallowing: Swallowing, scanned: Scan | None = None) -> None:
    """Raise RunUnclear where lines within a quoted cell have the table's width and its columns' types.

    Without ``scanned``, what the file's columns are, their width is enough: too many records were rejected by then.

    Two stray quotes far apart look like that, and so may a text that holds a table: only somebody who knows the file
    can say.
    """
    if file.settled:
        return
    types = [column.type for column in scanned.columns.values()] if scanned else []
    for line, rows in swallowing:
        if all(_fits(row, types) for row in rows):
            unquoted = replace(file.dialect, quote="", escape='"')
            with file.path.open("rb") as stream:
                head = stream.read(HEAD)
            record = max(0, line - file.dialect.preamble - file.dialect.has_header - 2)
            question = [offer.to_json() for offer in offers(head, (file.dialect, unquoted), at=record)]
            raise RunUnclear(
                f"{stray_quotes(line, len(rows))} Nothing was loaded: choose how the file is to be read.", question
            )


def _fits(row: Sequence[bytes], types: Sequence[Type | None]) -> bool:
    """Whether each cell is a value of its column, or blank."""
    for cell, kind in zip(row, types, strict=False):
        text = cell.decode("utf-8", "replace").strip(SPACES)
        if text and kind is not None and kind is not Type.TEXT and join(classify(text), kind) is Type.TEXT:
            return False
    return True
