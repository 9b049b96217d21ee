"""What the pages of a table show: every link, chip and cell, ready for the template."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from ingest import browsing
from ingest.admin.shown import count, lines, printable
from ingest.browsing import Column, Filter, Kind, Operator, Shown, State
from ingest.loader.lineage import SourceLines

_LONGEST_NAME = 80
_INSTANT = "timestamp with time zone"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as it is written."""

    text: str
    css: str
    link: str = ""


def page(shown: Shown, *, row: str, wanted: str) -> dict[str, Any]:
    """The context of a table's page; ``row`` is the address of one row, ``wanted`` the column to be filtered."""
    state = shown.state
    chosen = shown.table.by_name.get(wanted)
    operators = browsing.OPERATORS[chosen.kind] if chosen else tuple(Operator)
    return {
        "shown": shown,
        "here": state.but().pairs(),
        "headers": [_header(state, column) for column in shown.columns],
        "rows": _rows(shown, row),
        "links_apart": _link_column(shown) is None,
        "of_first": count(shown.facets.of_first),
        "chips": _chips(shown),
        "all_link": State(columns=state.columns, numbers=state.numbers).query(),
        "through_link": state.but(through=True).query() if shown.by_index else "",
        "facets": [
            (_name(column), [_choice(state, each) for each in choices], column.name in shown.facets.cut)
            for column, choices in shown.facets.of
        ],
        "many_columns": count(len(shown.table.columns)),
        "previous": shown.previous.query() if shown.previous else "",
        "next": shown.next.query() if shown.next else "",
        "is_later_page": state.page > 1 or bool(state.after or state.before),
        "unsearched": count(shown.unsearched) if shown.unsearched else "",
        "first": state.first().query(),
        "without_page": state.first().pairs(),
        "search_on": shown.window.next.query() if shown.window.next else "",
        "search_again": state.but().query() if state.since else "",
        "without_safe": state.but(safe=False).pairs(),
        "without_search": replace(state.but(), q="", through=False).pairs(),
        "without_columns": replace(state.but(), columns=()).pairs(),
        "all_columns": [(column, column in shown.columns) for column in shown.table.columns],
        "wanted": chosen,
        "operators": operators,
    }


def _name(column: Column) -> str:
    return printable(column.name, _LONGEST_NAME)


def _header(state: State, column: Column) -> dict[str, Any]:
    sorted_by = state.sort == column.name
    direction = ("descending" if state.descending else "ascending") if sorted_by else ""
    turned = replace(state.first(), sort=column.name, descending=sorted_by and not state.descending)
    pairs = [*state.but().pairs(), ("for", column.name)]
    return {
        "name": _name(column),
        "type": column.type,
        "css": "number" if column.kind is Kind.NUMBER else "",
        "direction": direction,
        "sort": turned.query() if column.sortable else "",
        "filter": f"?{urlencode(pairs)}#filter",
    }


def _link_column(shown: Shown) -> int | None:
    """Which column leads to a row's page: the key, where that is one column and shown."""
    names = [column.name for column in shown.columns]
    key = shown.table.place
    return names.index(key[0]) if len(key) == 1 and key[0] in names else None


def _rows(shown: Shown, address: str) -> list[dict[str, Any]]:
    leads = _link_column(shown)
    rows = []
    for each in shown.rows:
        key = [(f"key.{name}", text) for name, text in zip(shown.table.place, each.key, strict=bool(each.key))]
        link = f"{address}?{urlencode(key)}" if key else ""
        cells = [
            cell(column, text, browsing.LONGEST, link=link if at == leads else "")
            for at, (column, text) in enumerate(zip(shown.columns, each.cells, strict=False))
        ]
        rows.append({"link": link, "cells": cells})
    return rows


def cell(column: Column, text: str | None, longest: int, *, link: str = "") -> Cell:
    """A cell in one line: NULL and the empty string are words of ours, and look like it."""
    css = "number" if column.kind is Kind.NUMBER else "time" if column.kind is Kind.TIME else ""
    if text is None:
        return Cell("NULL", f"{css} null".strip())
    if not text:
        return Cell("empty", f"{css} null".strip(), link)
    written = printable(text[:longest], longest) + ("…" if len(text) > longest else "")
    return Cell(_utc(column, written), css, link)


def _utc(column: Column, text: str) -> str:
    return f"{text[:-3]}Z" if column.base == _INSTANT and text.endswith("+00") else text


def _chips(shown: Shown) -> list[tuple[str, str]]:
    """What narrows the rows, in words, each with the address without it."""
    state = shown.state
    chips = (
        [(f"search: {printable(state.q, 60)}", replace(state.but(), q="", through=False).query())] if state.q else []
    )
    return chips + [(_words(each), state.without(each).query()) for each in state.filters]


def _words(asked: Filter) -> str:
    value = f" {printable(asked.value, 60) or 'the empty string'}" if asked.operator.takes_value else ""
    return f"{printable(asked.column, _LONGEST_NAME)} {asked.operator.words}{value}"


def _choice(state: State, choice: Any) -> dict[str, Any]:
    asked = choice.filter
    turned = state.without(asked) if choice.chosen else state.but(filters=(*state.filters, asked))
    text = "NULL" if choice.is_null else printable(asked.value, 60)
    return {
        "text": text or "empty",
        "css": "" if text and not choice.is_null else "null",
        "rows": count(choice.rows),
        "chosen": choice.chosen,
        "link": turned.query(),
    }


def row(found: browsing.RowHistory, *, row: str, traced: Mapping[int, str]) -> dict[str, Any]:
    """The context of a row's page; ``row`` is its address, ``traced`` tells of a run where it found the row."""
    key = [(f"{browsing.PREFIX}{name}", value) for name, value in found.key]
    return {
        "key": ", ".join(f"{name} {printable(value, _LONGEST_NAME)}" for name, value in found.key),
        "cells": [
            {
                "name": _name(each.column),
                "type": each.column.type,
                "null": each.text is None,
                "text": _utc(each.column, lines(each.text or "")),
                "read": count(len(each.text or "")),
                "length": count(each.length),
                "empty": not each.length,
                "is_cut": each.is_cut,
            }
            for each in found.cells
        ],
        "whole": State(filters=tuple(Filter(operator=Operator.IS, column=n, value=v) for n, v in found.key)).pairs()
        if found.table.has_key
        else [],
        "steps": [
            {
                **_step(each),
                "traced": traced.get(each.run_id, ""),
                "trace": f"{row}?{urlencode([*key, ('line', each.run_id)])}#run-{each.run_id}",
            }
            for each in found.steps
        ],
        "is_complete": found.is_complete,
    }


def traced(found: SourceLines) -> str:
    """Where a run found the row."""
    if found.line is None:
        return "No record in the file matches this row by its current key. The key may have changed since."
    told = f"Line {found.line:,} of the file"
    if not found.duplicates:
        return f"{told}."
    lines = ", ".join(f"{line:,}" for line in found.duplicate_lines)
    more = found.duplicates - len(found.duplicate_lines)
    others = f"{lines} and {more:,} more" if more else lines
    which = "A duplicate on line" if found.duplicates == 1 else f"{found.duplicates:,} duplicates on lines"
    return f"{told}. {which} {others} {'was' if found.duplicates == 1 else 'were'} dropped in its favor."


def _step(step: browsing.Step) -> dict[str, Any]:
    run = step.run
    return {
        "number": step.run_id,
        "link": reverse("admin:ingest_run_change", args=[run.pk]) if run else "",
        "file": printable(run.file_name, _LONGEST_NAME) if run else "",
        "finished": run.finished if run else None,
        "can_trace": bool(run and run.kind == run.Kind.LOAD and step.wanted),
        "inserted": step.inserted,
        "changes": [
            {"column": printable(name, _LONGEST_NAME), "old": _value(old), "new": _value(new)}
            for name, old, new in step.changes
        ],
    }


def _value(text: str | None) -> Cell:
    if not text:
        return Cell("NULL" if text is None else "empty", "null")
    return Cell(printable(text, 300), "")
