"""A search: by index first, then through the text columns, so many rows at a time, until something is found."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction
from psycopg2.sql import Composable

from ingest.browsing import conditions
from ingest.browsing.errors import QueryTimeout, told
from ingest.browsing.state import State
from ingest.browsing.table import Column, Kind, Table
from ingest.loader.sql import browsing as statements

SECONDS = 5
"""After so long a request that goes on searching stops at the step that it is in."""
MOST_STEPS = 40
_CELLS_SEARCHED = 1_000_000
"""Text cells looked through in one step, up to three times a page: for its rows, their number and their values."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """The rows that were searched, by the table's key: all, the first ones, or some later ones."""

    past: int = 0
    """Rows before them."""
    size: int | None = None
    """How many; None: all that follow."""
    skipped: int = 0
    """Rows just before them that this request has searched too, and found nothing in."""
    of: int | None = None
    """About how many rows the table has, where that says something."""
    filtered: bool = False
    """Whether only rows that pass the filters are meant."""
    next: State | None = None
    """Where the search goes on; None where it went to the end."""

    @property
    def is_everything(self) -> bool:
        """Whether all rows were searched."""
        return not self.past and self.size is None

    @property
    def rows(self) -> str:
        """Which rows these are, in words."""
        return self._rows(self.past)

    @property
    def all_rows(self) -> str:
        """Which rows this request has searched, in words."""
        return self._rows(self.past - self.skipped)

    @property
    def without(self) -> str:
        """Which rows it has searched before these, and found nothing in; empty where there are none."""
        return f"rows {self.past - self.skipped + 1:,} to {self.past:,}" if self.skipped else ""

    def _rows(self, past: int) -> str:
        if self.size is None:
            return f"the rows after the first {past:,}" if past else "all rows"
        last = self.past + self.size
        words = f"rows {past + 1:,} to {last:,}" if past else f"the first {last:,}"
        if self.of is not None and self.of >= last and not self.filtered:
            words += f" of about {self.of:,}"
        words += "" if past else " rows"
        return f"{words} that pass the filters" if self.filtered else words


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What a state asks of the table, ready to be put to the database."""

    source: Composable
    conditions: list[Composable]
    searched: str = ""
    by_index: bool = False
    unsearched: int = 0
    """Text columns that weren't searched, since they aren't shown."""
    window: Window = field(default_factory=Window)


def ask(
    cursor: Any,
    state: State,
    table: Table,
    columns: Sequence[Column],
    equal: Sequence[Column],
    *,
    whole: bool = False,
) -> Question:
    """The question that a state is; ``equal`` are indexed columns whose values ``q`` may be one of.

    A search asks the indexes first. Where they have nothing, the text columns that are shown are looked through: the
    first rows that pass the filters, or those from where an earlier request stopped; with ``whole``, all at once.
    """
    asked = conditions.of_filters(state, table)
    everything = statements.whole(table.name)
    if not state.q:
        return Question(source=everything, conditions=asked)
    if not state.through and not state.since and (found := _by_index(cursor, state, table, asked, equal)):
        return found
    texts = [column for column in columns if column.kind is Kind.TEXT]
    unsearched = sum(column.kind is Kind.TEXT for column in table.columns) - len(texts)
    if not texts:
        none = statements.any_of([statements.is_null(table.key[0].name)])
        nowhere = "None of the columns shown is a text to search."
        return Question(source=everything, conditions=[none], searched=nowhere, unsearched=unsearched)
    match = statements.any_of([statements.contains(column.name, state.q) for column in texts])
    where = f"Searched in {listed(texts, 'and')}"
    if whole:
        return Question(source=everything, conditions=[*asked, match], searched=f"{where}.", unsearched=unsearched)
    window, bounds = _Search(cursor, state, table, asked, match, max(1, _CELLS_SEARCHED // len(texts))).run()
    by = f", in the order of {', '.join(table.place)}" if table.has_key and not window.is_everything else ""
    return Question(
        source=everything,
        conditions=[*asked, *bounds, match],
        searched=f"{where}{by}.",
        unsearched=unsearched,
        window=window,
    )


def _by_index(
    cursor: Any, state: State, table: Table, asked: list[Composable], equal: Sequence[Column]
) -> Question | None:
    """The rows of which a whole value was typed, as far as an index finds them; None where there are none."""
    exactly = [statements.is_one_of(column.name, column.base, [state.q]) for column in equal]
    in_any_case = [statements.is_in_lower_case(column.name, state.q) for column in table.lowered]
    if not exactly and not in_any_case:
        return None
    found = statements.any_of([*exactly, *in_any_case])
    cursor.execute(statements.exists(table.name, [*asked, found]))
    if not cursor.fetchone()[0]:
        return None
    where = listed(list(dict.fromkeys([*equal, *table.lowered])), "or")
    return Question(
        source=statements.whole(table.name),
        conditions=[*asked, found],
        searched=f"Found as a whole value of {where}, by index.",
        by_index=True,
    )


@dataclass(frozen=True, slots=True)
class _Search:
    """A search through the text columns: ``most`` rows a step, in the order of the key."""

    cursor: Any
    state: State
    table: Table
    asked: list[Composable]
    match: Composable
    most: int

    def run(self) -> tuple[Window, list[Composable]]:
        """Search the first rows, or go on until something is found; the rows searched last, and their bounds."""
        ends = time.monotonic() + SECONDS
        place, past = self.state.since, self.state.past
        window, bounds = self._step(place, past)
        if not place:
            return window, bounds  # the page itself looks whether there is anything
        for _ in range(MOST_STEPS - 1):
            if window.next is None or self._has(bounds) or time.monotonic() > ends:
                break
            try:
                with told(slow="aside"), transaction.atomic():
                    window, bounds = self._step(window.next.since, window.next.past)
            except QueryTimeout:
                break
        return replace(window, skipped=window.past - past), bounds

    def _step(self, place: tuple[str | None, ...], past: int) -> tuple[Window, list[Composable]]:
        """The rows after ``place``, and what bounds them."""
        names, kinds = self.table.place, [column.base for column in self.table.key]
        texts = [text or "" for text in place]
        bounds: list[Composable] = [statements.beyond(names, texts, kinds, descending=False)] if place else []
        self.cursor.execute(statements.nth(self.table.name, names, [*self.asked, *bounds], self.most))
        last = self.cursor.fetchone()
        window = Window(past=past, filtered=bool(self.asked))
        if last is None:
            return window, bounds
        follows = replace(self.state.first(), since=last, past=past + self.most)
        bounds.append(statements.up_to(names, last, kinds))
        of = self.table.estimate if self.table.estimate > 0 else None
        return replace(window, size=self.most, of=of, next=follows), bounds

    def _has(self, bounds: list[Composable]) -> bool:
        self.cursor.execute(statements.exists(self.table.name, [*self.asked, *bounds, self.match]))
        return bool(self.cursor.fetchone()[0])


def listed(columns: Sequence[Column], word: str) -> str:
    """The first names, and how many more there are."""
    names = [column.name for column in columns[:8]]
    names += [f"{len(columns) - 8} more"] if len(columns) > 8 else []
    return f" {word} ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
