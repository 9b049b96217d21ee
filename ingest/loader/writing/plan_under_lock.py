"""Judge the file against the table and plan the run, under the table's lock."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from psycopg2.extensions import cursor as Cursor

from ingest.loader.outcome.target import Target
from ingest.loader.planning.current_table import CurrentTable
from ingest.loader.planning.identities import EMAIL, EMAILS, email_alias
from ingest.loader.planning.plan import Plan, plan
from ingest.loader.planning.scan import Head, Keys, Scan, read_head, scan
from ingest.loader.records.reading import CertifiedReader
from ingest.loader.types.types import Type
from ingest.loader.writing.catalog import is_empty, lock_and_read_table, read_table


@dataclass(frozen=True, kw_only=True, slots=True)
class LockedPlan:
    """What the file holds, the table as it stands, and what will be done."""

    scan: Scan
    current: CurrentTable
    plan: Plan


def plan_under_lock(
    cursor: Cursor, reading: CertifiedReader, target: Target, names: tuple[str, ...], known: LockedPlan | None
) -> LockedPlan:
    """Judge every record; afterwards the table is locked, if it exists, and is as it was judged against.

    ``known`` spares a pass over the file where the table is still the one it was made for. Raises RunFailed where
    the file can't go into this table.
    """
    head = read_head(reading, names)
    current = read_table(cursor, target.table)
    found = None
    if known is not None and replace(current, empty=known.current.empty) == known.current:
        found, current = known.scan, known.current
    while True:
        found, current = _scan(cursor, reading, head, current, target, found)
        planned = plan(found, current, target)
        if lock_as_planned(cursor, planned, current, target):
            return LockedPlan(scan=found, current=current, plan=planned)
        current, found = read_table(cursor, target.table), None


def lock_as_planned(cursor: Cursor, planned: Plan, current: CurrentTable, target: Target) -> bool:
    """Lock the table as the plan needs it; False if somebody changed its definition before the lock was ours."""
    if planned.create:
        return True
    found = lock_and_read_table(cursor, target.table, ddl=_needs_ddl(planned, current))
    return replace(found, empty=current.empty) == current


def scanned_types(current: CurrentTable, names: Sequence[str]) -> dict[str, Type]:
    """The file's columns in which the table holds values, with its types."""
    return {c: kind for c, kind in current.columns.items() if c in names and c not in current.empty}


def find_empty(cursor: Cursor, current: CurrentTable, columns: Sequence[str], table: str) -> CurrentTable:
    """``current`` with those of ``columns`` marked in which the table holds no value: they take the file's type.

    Asked only of columns that the file doesn't fit as they are: the answer may take a pass over the table.
    """
    return replace(current, empty=current.empty | {c for c in columns if is_empty(cursor, table, c)})


def _scan(
    cursor: Cursor, reading: CertifiedReader, head: Head, current: CurrentTable, target: Target, found: Scan | None
) -> tuple[Scan, CurrentTable]:
    """Judge the file; again where a column turns out to hold no value in the table."""
    while True:
        table_types = scanned_types(current, head.names)
        if found is None:
            found = scan(reading, head, current=table_types, keys=possible_keys(target, head.names))
        doubtful = [
            c
            for c, kind in table_types.items()
            if found.columns[c].misfits or (kind is Type.TEXT and head.proposal(c) not in (Type.TEXT, None))
        ]
        known_empty = len(current.empty)
        current = find_empty(cursor, current, doubtful, target.table)
        if len(current.empty) == known_empty:
            return found, current
        found = None


def possible_keys(target: Target, names: Sequence[str]) -> Keys:
    """The file's columns that may identify rows."""
    settled = {c for identity in target.identities or () for c in identity} | set(target.declared_key)
    alias = email_alias(names) if target.identities is None and not target.declared_key else None
    chosen = settled or {"id", EMAIL, *([alias] if alias else [])}
    return Keys(names=chosen & set(names), alias=alias, emails=settled & EMAILS if target.identities else ())


def _needs_ddl(planned: Plan, current: CurrentTable) -> bool:
    """Whether the table's definition changes, a key that it lacks or may get included."""
    if planned.has_ddl or planned.identities is None:
        return True
    if not planned.identities:
        return "record_id" not in current.own
    identities = {tuple(sorted(identity)) for identity in planned.identities}
    caseless = {identity for identity in identities if planned.caseless & set(identity)}
    return not (identities <= current.uniques and caseless <= current.caseless)
