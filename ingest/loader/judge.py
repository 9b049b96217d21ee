"""Judge the file against the table and plan the run, under the table's lock."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from psycopg2.extensions import cursor as Cursor

from ingest.loader import statements
from ingest.loader.catalogue import is_empty, read_table
from ingest.loader.plan import Plan, plan
from ingest.loader.reading import Reading
from ingest.loader.scan import Head, Scan, read_head, scan
from ingest.loader.standing import Standing
from ingest.loader.target import Target
from ingest.loader.types import Type


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """What the file holds, the table as it stands, and what will be done."""

    scan: Scan
    standing: Standing
    plan: Plan


def judge(cursor: Cursor, reading: Reading, target: Target, names: tuple[str, ...]) -> Judged:
    """Judge every record; afterwards the table is locked, if it exists, and is as it was judged against.

    Raises RunFailed where the file can't go into this table.
    """
    head = read_head(reading, names)
    standing = read_table(cursor, target.table)
    while True:
        found, standing = _scan(cursor, reading, head, standing, target)
        planned = plan(found, standing, target)
        if planned.create:
            break
        cursor.execute(statements.lock_table(target.table, ddl=_needs_ddl(planned, standing)))
        now = read_table(cursor, target.table)
        if replace(now, empty=standing.empty) == standing:
            break
        standing = now  # somebody changed it before its lock was ours: judge again
    return Judged(scan=found, standing=standing, plan=planned)


def _scan(cursor: Cursor, reading: Reading, head: Head, standing: Standing, target: Target) -> tuple[Scan, Standing]:
    """Judge the file; columns in which the table holds no value take the file's type.

    Whether a column is empty is asked only of those that the file doesn't fit as it is: the answer may take a pass
    over the table.
    """
    while True:
        judged = {c: k for c, k in standing.columns.items() if c in head.names and c not in standing.empty}
        found = scan(reading, head, standing=judged, keys=_possible_keys(target, head.names))
        doubtful = [
            c
            for c, kind in judged.items()
            if found.columns[c].misfits or (kind is Type.TEXT and head.proposal(c) not in (Type.TEXT, None))
        ]
        more = frozenset(c for c in doubtful if is_empty(cursor, target.table, c))
        if not more:
            return found, standing
        standing = replace(standing, empty=standing.empty | more)


def _possible_keys(target: Target, names: Sequence[str]) -> set[str]:
    settled = {c for identity in target.identities or () for c in identity} | set(target.declared_key)
    return (settled or {"id", "email"}) & set(names)


def _needs_ddl(planned: Plan, standing: Standing) -> bool:
    """Whether the table's definition changes, a key that it lacks or may get included."""
    if planned.has_ddl or planned.identities is None:
        return True
    if not planned.identities:
        return "record_id" not in standing.own
    return not all(tuple(sorted(identity)) in standing.uniques for identity in planned.identities)
