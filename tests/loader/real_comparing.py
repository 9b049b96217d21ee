"""What a run told of a file, and the table it left, held against what the csv module reads in the file."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from psycopg2.extensions import connection as Connection
from psycopg2.sql import SQL, Identifier

from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.target import SCHEMA
from tests.loader.real_expecting import Fates, Value, fates_of, kind_of_all
from tests.loader.real_reading import Read

SHOWN = 3
"""So many differing rows of a file are told."""


def faults(read: Read, outcome: Outcome, connection: Connection, table: str) -> list[str]:
    """Everything in which the account or the table isn't what the file says; empty if all is well."""
    if tuple(column.header for column in outcome.columns) != read.header:
        return [f"the header reads {read.header}, but the run tells {[column.header for column in outcome.columns]}"]
    fates = fates_of(read, outcome.columns, outcome.identities or ())
    rows = _rows_of(connection, table, [column.name for column in outcome.columns])
    return [*_type_faults(read, outcome), *_account_faults(read, outcome, fates), *_row_faults(fates, outcome, rows)]


def _type_faults(read: Read, outcome: Outcome) -> list[str]:
    """Columns of another type than the narrowest that holds every value."""
    sound = [record.cells for record in read.records if not record.flaw]
    kinds = [kind_of_all([cells[place] for cells in sound]) for place in range(len(read.header))]
    return [
        f"the column {column.name} is {column.type}, but should be {kind} ({column.proof})"
        for column, kind in zip(outcome.columns, kinds, strict=True)
        if column.type != kind
    ]


def _account_faults(read: Read, outcome: Outcome, fates: Fates) -> list[str]:
    counts = {"records": len(read.records), "inserted": len(fates.rows), "duplicate": fates.duplicate}
    counts |= {"rejected": len(fates.rejected), "updated": 0, "unchanged": 0}
    told = {name: getattr(outcome, name) for name in counts}
    found = [] if told == counts else [f"the run counts {told}, but should count {counts}"]
    rejects = Counter((one.line, one.code.value, one.raw.decode(errors="surrogateescape")) for one in outcome.rejects)
    expected = Counter(fates.rejected)
    if len(outcome.rejects.kept) == outcome.rejected and rejects != expected:
        wrong, missing = sorted(rejects - expected)[:SHOWN], sorted(expected - rejects)[:SHOWN]
        found.append(f"rejected, but shouldn't be: {wrong}; not rejected, but should be: {missing}")
    return found


def _rows_of(connection: Connection, table: str, names: Sequence[str]) -> list[tuple[Value, ...]]:
    """The table's rows, in the order in which they were appended if it has no key."""
    own = "select from information_schema.columns where (table_schema, table_name, column_name) = (%s, %s, 'record_id')"
    with connection.cursor() as cursor:
        cursor.execute("set timezone = 'UTC'")
        cursor.execute(own, [SCHEMA, table])
        order = SQL("order by record_id") if cursor.rowcount else SQL("")
        columns = SQL(", ").join(map(Identifier, names))
        cursor.execute(SQL("select {} from {} {}").format(columns, Identifier(SCHEMA, table), order))
        rows: list[tuple[Value, ...]] = cursor.fetchall()
    connection.rollback()
    return rows


def _row_faults(fates: Fates, outcome: Outcome, rows: Sequence[tuple[Value, ...]]) -> list[str]:
    """Rows that differ: in the file's order, or by the key where there is one."""
    if len(rows) != len(fates.rows):
        return [f"the table has {len(rows):,} rows, but should have {len(fates.rows):,}"]
    names = [column.name for column in outcome.columns]
    places = [names.index(name) for name in (outcome.identities or ((),))[0]]
    by_key = {tuple(row[place] for place in places): row for row in rows}
    found = []
    for number, (record, expected) in enumerate(fates.rows):
        row = by_key.get(tuple(expected[place] for place in places)) if places else rows[number]
        if row is None:
            found.append(f"line {record.line:,} is not in the table")
        elif list(map(_exactly, row)) != list(map(_exactly, expected)):
            cells = zip(names, expected, row, strict=True)
            wrong = [f"{name}: {e!r} became {r!r}" for name, e, r in cells if _exactly(e) != _exactly(r)]
            found.append(f"line {record.line:,}: {', '.join(wrong[:SHOWN])}")
        if len(found) == SHOWN:
            break
    return found


def _exactly(value: Value) -> Any:
    """The value with its type: Python holds 1, 1.0 and True equal."""
    return type(value), value
