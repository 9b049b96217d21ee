"""One row: all of its cells, and what runs made of it, as far as rows are kept as they were (file-rules#undo)."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg2.sql import Composable

from ingest.browsing.errors import BrowseError
from ingest.browsing.reading import aside, reading
from ingest.browsing.table import Column, Table, read
from ingest.loader.lineage import RowIdentity
from ingest.loader.planning.identities import Identities, caseless_columns, email_beside_id
from ingest.loader.source.identifiers import OWN_COLUMNS
from ingest.loader.sql import browsing as statements
from ingest.loader.types.types import Type
from ingest.loader.writing.catalog import read_shadow
from ingest.models import Dataset, Run, storable

LONGEST = 100_000
"""Characters of a cell on the page of its row: an answer of Lambda has at most 6 MB."""
_ALL_CELLS = 2_000_000
_MOST_STEPS = 50
SECONDS = 5
"""For all steps together: each looks through the images of one run."""
PREFIX = "key."
_ID_SINCE = "$id"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One cell of the row."""

    column: Column
    text: str | None
    """At most ``LONGEST`` characters of it, of fewer where a row has very many."""
    length: int

    @property
    def is_cut(self) -> bool:
        """Whether there is more of it."""
        return self.text is not None and len(self.text) < self.length


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What one run made of the row, the newest first."""

    run_id: int
    run: Run | None
    changes: tuple[tuple[str, str | None, str | None], ...] = ()
    """Column, old, new."""
    inserted: bool = False
    """Whether the run brought the row; else, without changes, nobody knows any more what it was before."""
    wanted: RowIdentity | None = None
    """By what the row is found in the run's file; None where the table has no key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RowHistory:
    """A row and what became of it."""

    table: Table
    key: tuple[tuple[str, str], ...]
    cells: list[Cell]
    steps: list[Step]
    is_complete: bool
    """Whether the steps were read to their end."""


def row_history(dataset: Dataset, pairs: Iterable[tuple[str, str]]) -> RowHistory:
    """The row that an address names. Raises BrowseError where there is none, or no longer."""
    told = {name.removeprefix(PREFIX): value for name, value in pairs if name.startswith(PREFIX)}
    with reading(dataset.name) as cursor:
        table = read(cursor, dataset.name)
        key = _key(cursor, table, told)
        longest = min(LONGEST, _ALL_CELLS // len(table.columns))
        names = [column.name for column in table.columns]
        cursor.execute(statements.row(table.name, {c.name: (v, c.base) for c, v in key.items()}, names, longest))
        found = cursor.fetchone()
        if found is None:
            raise BrowseError("There is no such row any more: it was deleted, or its key has changed.")
        cells = [
            Cell(column=column, text=None if text is None else text[:longest], length=length or 0)
            for column, text, length in zip(table.columns, found[::2], found[1::2], strict=True)
        ]
        steps, is_complete = _steps(cursor, dataset, table, cells, longest)
    named = tuple((column.name, value) for column, value in key.items())
    return RowHistory(table=table, key=named, cells=cells, steps=_with_runs(dataset, steps), is_complete=is_complete)


def _key(cursor: Any, table: Table, told: dict[str, str]) -> dict[Column, str]:
    """The key's values, each one of its type."""
    if set(told) != set(table.place) or any(storable(value) != value for value in told.values()):
        raise BrowseError(f"Rows of {table.name} are told apart by {', '.join(table.place)}; the address names others.")
    key = {column: told[column.name] for column in table.key}
    typed = [(value, column.base) for column, value in key.items() if column.base]
    if typed:
        cursor.execute(statements.are_valid(typed))
        if not all(cursor.fetchone()):
            raise BrowseError("There is no such row: its key has a value that isn't of the column's type.")
    return key


def _steps(cursor: Any, dataset: Dataset, table: Table, cells: Sequence[Cell], longest: int) -> tuple[list[Step], bool]:
    """Back from image to image: each tells which run wrote the row that it was taken of."""
    kept = read_shadow(cursor, table.name)
    fetch = aside(cursor)
    columns = [cell.column for cell in cells if kept and cell.column.name in kept]
    now = {cell.column.name: cell.text for cell in cells}
    steps: list[Step] = []
    ends = time.monotonic() + SECONDS
    while len(steps) < _MOST_STEPS and time.monotonic() < ends:
        run_id = now.get("run_id")
        if run_id is None:
            return steps, True
        step = Step(run_id=int(run_id), run=None, wanted=_wanted(dataset, table, now))
        if kept is None:  # no run has ever changed a row
            return [replace(step, inserted=True)], True
        same = _same(dataset, table, now) if {"run_id", *table.place} <= kept else None
        if same is None:
            return [*steps, step], True
        found = fetch(statements.image(table.name, int(run_id), same, [column.name for column in columns], longest))
        if found is None:
            return [*steps, step], False
        if not found:
            return [*steps, replace(step, inserted=True)], True
        texts = (None if text is None else text[:longest] for text in found[0])
        before = dict(zip((column.name for column in columns), texts, strict=True))
        changes = tuple(
            (name, before[name], now[name]) for name in before if before[name] != now[name] and name not in OWN_COLUMNS
        )
        steps.append(replace(step, changes=changes, wanted=_wanted(dataset, table, now, before)))
        now |= before
    return steps, False


def _same(dataset: Dataset, table: Table, now: dict[str, str | None]) -> list[Composable] | None:
    """How an image of the row is known: by the id that the row has had since, or by the key, which never changes."""
    identities = _identities(dataset)
    key = identities[0] if identities else ()
    if not key or any(now.get(name) is None or name not in table.by_name for name in key):
        return None
    if email_beside_id(identities):
        return [statements.is_one_of(_ID_SINCE, table.by_name["id"].base, [now["id"] or ""])]
    caseless = _caseless(dataset, table, identities)
    return [
        statements.is_caseless(name, now[name] or "")
        if name in caseless
        else statements.is_one_of(name, table.by_name[name].base, [now[name] or ""])
        for name in key
    ]


def _identities(dataset: Dataset) -> Identities:
    return tuple(tuple(key) for key in dataset.identities or ())


def _caseless(dataset: Dataset, table: Table, identities: Identities) -> frozenset[str]:
    texts = {column.name: Type.TEXT for column in table.columns if column.type == Type.TEXT}
    return caseless_columns(identities, texts, ignore_case=dataset.ignore_email_case)


def _wanted(
    dataset: Dataset,
    table: Table,
    after: Mapping[str, str | None],
    before: Mapping[str, str | None] | None = None,
) -> RowIdentity | None:
    """By what a record of a file was the row, which was ``before`` (None: not there, or not known) and is ``after``."""
    identities = _identities(dataset)
    key = {name: value for name in identities[0] if (value := after.get(name)) is not None} if identities else {}
    if not key or len(key) < len(identities[0]) or any(len(value) >= LONGEST for value in key.values()):
        return None
    column = email_beside_id(identities)
    email = (before or {}).get(column or "")
    return RowIdentity(
        key=key,
        email=column,
        emails=frozenset([email] if email else []),
        caseless=_caseless(dataset, table, identities),
    )


def _with_runs(dataset: Dataset, steps: Sequence[Step]) -> list[Step]:
    """The steps with their runs; one whose images aren't kept any more can't be known to have inserted the row."""
    runs = Run.objects.filter(dataset=dataset).defer("ddl", "notes", "traceback", "stayed", "sample")
    found = runs.in_bulk([step.run_id for step in steps])
    told = []
    for step in steps:
        run = found.get(step.run_id)
        inserted = step.inserted and run is not None and run.undoable
        told.append(replace(step, run=run, inserted=inserted))
    return told
