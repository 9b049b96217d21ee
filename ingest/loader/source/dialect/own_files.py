"""Recognize our own exports and reject files by their header when they are uploaded again."""

import csv
import io
import sys

from ingest.loader.source.identifiers import EXPORT_HEADER, REJECT_HEADERS, is_corrected, is_marked
from ingest.loader.source.layout.sample import DELIMITERS

csv.field_size_limit(sys.maxsize)  # a cell may be as long as a record; the default of 128 KiB is the process's own
_SIGNS = tuple(name.encode() for name in (EXPORT_HEADER, REJECT_HEADERS[-1]))


def our_delimiter(text: bytes) -> str:
    """Return the delimiter of the reject file or spreadsheet-safe export that begins with ``text``; else "".

    We write commas; a spreadsheet that saves the file again may write another one. Their header stands in the first
    line, whatever is pinned for the files of the dataset.
    """
    lowered = text.lower()
    if not any(sign in lowered for sign in _SIGNS):
        return ""
    for delimiter in DELIMITERS:
        header = first_record(text, delimiter)
        if len(header) > 1 and (is_corrected(header) or is_marked(header)):
            return delimiter
    return ""


def first_record(text: bytes, delimiter: str) -> list[str]:
    """Return the cells of the first record; none where it can't be read."""
    lines = io.StringIO(text.decode(errors="replace"), newline="")
    try:
        return next(csv.reader(lines, delimiter=delimiter), [])
    except csv.Error:
        return []
