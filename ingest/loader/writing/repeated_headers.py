"""Rows whose values are their columns' headers: a record equal to the header is such a row where the table has it."""

from psycopg2.extensions import cursor as Cursor

from ingest.loader.outcome.target import Target
from ingest.loader.source.identifiers import plain_headers
from ingest.loader.sql import tables
from ingest.loader.types.types import Type
from ingest.loader.writing.catalog import read_table


def has_header_row(cursor: Cursor, target: Target) -> bool:
    """Whether the table has a row whose key consists of its columns' headers, as an export of it would have.

    Elsewhere a record equal to the header is no record, since joined files repeat theirs (file-rules#joined-files).
    """
    if not target.identities:
        return False
    headers: dict[str, list[str]] = {column: [] for column in target.identities[0]}
    for header, column in plain_headers(target.headers).items():
        if column in headers:
            headers[column].append(header)
    if not all(headers.values()):
        return False
    columns = read_table(cursor, target.table).columns
    if any(columns.get(column) is not Type.TEXT for column in headers):
        return False
    cursor.execute(tables.has_row(target.table, headers))
    row = cursor.fetchone()
    return bool(row and row[0])
