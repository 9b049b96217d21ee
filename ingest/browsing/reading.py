"""A page of a table: its rows, about how many there are, and what was searched; read-only, and in bounded time."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import connection, transaction
from psycopg2.sql import Composable

from ingest.browsing import conditions
from ingest.browsing.errors import QueryTimeout, told
from ingest.browsing.facets import Facets
from ingest.browsing.facets import find as find_facets
from ingest.browsing.searching import Question, Window, ask, listed
from ingest.browsing.state import LAST_BY_COUNTING, State, ordered, parse
from ingest.browsing.table import Column, Table, default_columns, read
from ingest.loader.sql import browsing as statements

SECONDS = 5
"""For a statement that a page can't do without."""
ASIDE_SECONDS = 1
"""For one that it can: counts and facets."""
ROWS = 50
MOST_COUNTED = 10_000
MOST_UNASKED = 30
"""Columns that are shown before anybody has chosen."""
LONGEST = 120
"""Characters of a cell in the list; the row's own page shows more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row as the list shows it."""

    key: tuple[str, ...]
    """What tells it apart; empty where that is too long for an address."""
    place: tuple[str | None, ...]
    """Its values in the page's order; empty where they are too long for an address."""
    cells: tuple[str | None, ...]
    """One character longer than ``LONGEST`` where the cell goes on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Total:
    """How many rows there are, as far as that is known."""

    rows: int | None
    exact: bool = True
    """Else an estimate; or, at ``MOST_COUNTED``, there are more."""

    @property
    def sentence(self) -> str:
        """In words."""
        if self.rows is None:
            return "counting the rows took too long"
        rows = f"{self.rows:,} row{'' if self.rows == 1 else 's'}"
        return rows if self.exact else f"more than {rows}" if self.rows == MOST_COUNTED else f"about {rows}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A page."""

    table: Table
    state: State
    complaints: list[str]
    columns: list[Column]
    rows: list[Row]
    total: Total
    facets: Facets
    searched: str = ""
    """What a search went through, in a sentence."""
    by_index: bool = False
    """Whether the search was answered by an index alone."""
    window: Window = field(default_factory=Window)
    """Which rows were searched."""
    unsearched: int = 0
    """Text columns that a search left out, since they aren't shown."""
    previous: State | None = None
    next: State | None = None


@contextmanager
def reading(table: str, *, seconds: float | None = None, slow: str = "") -> Iterator[Any]:
    """A cursor in a transaction that the database keeps from writing; what it refuses becomes BrowseError."""
    seconds = SECONDS if seconds is None else seconds
    slow = slow or f"{table} took longer than {seconds:g} seconds and was stopped."
    with told(slow=slow), transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(statements.read_only(round(seconds * 1000)))
        yield cursor
        transaction.set_rollback(True)  # there is nothing to keep, and a session that goes on is as it was


def show(name: str, pairs: Iterable[tuple[str, str]]) -> Shown:
    """The page of the table ``name`` that an address asks for. Raises BrowseError where there is none."""
    with reading(name) as cursor:
        table = read(cursor, name)
    state, complaints = parse(pairs, table)
    with reading(name, slow=_slow(table, state)) as cursor:
        state, wrong, equal = conditions.checked(cursor, state, table)
        columns = shown_columns(state, table)
        question = ask(cursor, state, table, columns, equal)
        rows, more = _rows(cursor, state, table, question, columns)
        total = _total(cursor, state, table, question, None if more or not _is_first(state) else len(rows))
        found = find_facets(aside(cursor), state, table, question, columns)
    previous, following = _beside(state, table, rows, more)
    return Shown(
        table=table,
        state=state,
        complaints=complaints + wrong,
        columns=columns,
        rows=rows,
        total=total,
        facets=found,
        searched=question.searched,
        by_index=question.by_index,
        window=question.window,
        unsearched=question.unsearched,
        previous=previous,
        next=following,
    )


def settle(name: str, pairs: Iterable[tuple[str, str]]) -> tuple[State, list[str]]:
    """The state that these pairs name, and what of them makes no sense; for a form with more than an address holds.

    Raises BrowseError where the table can't be read.
    """
    with reading(name) as cursor:
        return parse(pairs, read(cursor, name))


def shown_columns(state: State, table: Table) -> list[Column]:
    """The columns that were chosen, or the first ones."""
    return [table.by_name[name] for name in state.columns or default_columns(table, MOST_UNASKED)]


@contextmanager
def _aside(cursor: Any) -> Iterator[None]:
    """For what the page can do without: a shorter time, and a failure that leaves the transaction whole."""
    with transaction.atomic():
        cursor.execute(statements.limit_time(ASIDE_SECONDS * 1000))
        yield


def aside(cursor: Any) -> Any:
    """Gives what a statement finds; nothing where it takes longer than a page should wait for it."""

    def fetch(statement: Composable) -> list[tuple[Any, ...]] | None:
        try:
            with told(slow="aside"), _aside(cursor):
                cursor.execute(statement)
                return cursor.fetchall()
        except QueryTimeout:
            return None

    return fetch


def _rows(
    cursor: Any, state: State, table: Table, question: Question, columns: Sequence[Column]
) -> tuple[list[Row], bool]:
    """The rows of the page, and whether there are more in the direction in which it was read."""
    backward = bool(state.before)
    by = ordered(state, table) or (list(table.key) if backward else [])
    descending = state.descending != backward
    place = state.after or state.before
    parts = conditions.beyond(by or table.key, place, descending=descending) if place else [[]]
    if not by:
        cursor.execute(statements.IN_ORDER)
    found: list[tuple[Any, ...]] = []
    for part in parts:
        if len(found) > ROWS:
            break
        statement = statements.page(
            table.name,
            question.source,
            [*question.conditions, *part],
            key=table.place,
            ordered=[column.name for column in by],
            descending=descending,
            columns=[column.name for column in columns],
            longest=LONGEST,
            limit=ROWS + 1 - len(found),
            offset=0 if place else (state.page - 1) * ROWS,
        )
        cursor.execute(statement)
        found += cursor.fetchall()
    rows = [_row(cells, len(table.key), len(by)) for cells in found[:ROWS]]
    return (rows[::-1] if backward else rows), len(found) > ROWS


def _row(cells: tuple[Any, ...], key: int, by: int) -> Row:
    own, place = cells[:key], cells[key : key + by] or cells[:key]
    longest = statements.LONGEST_PLACE
    return Row(
        key=own if all(len(text) <= longest for text in own) else (),
        place=place if all(text is None or len(text) <= longest for text in place) else (),
        cells=cells[key + by :],
    )


def _total(cursor: Any, state: State, table: Table, question: Question, known: int | None) -> Total:
    if known is not None:
        return Total(rows=known)
    if not state.narrows and table.estimate > MOST_COUNTED:
        return Total(rows=table.estimate, exact=False)
    found = aside(cursor)(statements.count(question.source, question.conditions, MOST_COUNTED + 1))
    if found is None:
        return Total(rows=None, exact=False)
    return Total(rows=min(found[0][0], MOST_COUNTED), exact=found[0][0] <= MOST_COUNTED)


def _beside(state: State, table: Table, rows: Sequence[Row], more: bool) -> tuple[State | None, State | None]:
    """The pages before and after this one: early ones by number, later ones by the row where this one ends."""
    here = replace(state, after=(), before=())
    previous = following = None
    if (rows and more) or state.before:
        following = replace(here, page=state.page + 1)
        if rows and rows[-1].place and state.page >= LAST_BY_COUNTING:
            following = replace(following, after=rows[-1].place)
    if state.page > 1 and (more or not state.before):
        previous = replace(here, page=state.page - 1)
        if rows and rows[0].place and state.page > LAST_BY_COUNTING + 1 and ordered(state, table):
            previous = replace(previous, before=rows[0].place)
    return previous, following


def _is_first(state: State) -> bool:
    return state.page == 1 and not state.after and not state.before


def _slow(table: Table, state: State) -> str:
    """What to do where the database was stopped."""
    indexed = listed(table.indexed, "or")
    what = "Sorting" if state.sort else "Searching" if state.q else "Reading"
    filtered = f"filter by a column that has an index ({indexed})" if indexed else "filter by fewer or other columns"
    also = " or sort by it" if state.sort and indexed else ", or go to an earlier page" if state.page > 1 else ""
    return f"{what} {table.name} took longer than {SECONDS} seconds and was stopped: {filtered}{also}."
