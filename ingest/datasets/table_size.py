"""Measure: how many rows stand in the tables, and how large they are; without counting, and without waiting."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, models, transaction
from django.db.models import Func, Value
from django.db.utils import OperationalError

from ingest.loader.outcome.target import SCHEMA
from ingest.loader.writing.catalog import warn_of_name
from ingest.models import Dataset, sql


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One table as PostgreSQL keeps account of it."""

    rows: int
    """About so many: what the last run left, or where none has left a number, the statistics, which are behind."""
    size: int
    """Bytes on the disk, indexes and long values included."""


def measure(datasets: Sequence[Dataset]) -> dict[str, Measure] | None:
    """Their tables, those that are there, in one question; None while a load that changes one keeps all out."""
    known = {dataset.name: dataset.table_rows for dataset in datasets}
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql.MEASURES, [list(known)])
            found = cursor.fetchall()
    except OperationalError:  # its lock wasn't to be had so quickly
        return None
    return {name: Measure(rows=rows if known[name] is None else known[name], size=size) for name, rows, size in found}


def name_warning(dataset: Dataset) -> str:
    """Return a sentence where SQL that names the dataset's table without its schema finds another relation; else ""."""
    with connection.cursor() as cursor:
        return warn_of_name(cursor, dataset.name)


def size_now(dataset: Dataset) -> Func:
    """The bytes of the table, for the statement that ends a run: within its transaction, so with all that it wrote."""
    name = Func(Value("%I.%I"), Value(SCHEMA), Value(dataset.name), function="format")
    table = Func(name, function="to_regclass")
    return Func(table, function="pg_total_relation_size", output_field=models.BigIntegerField())


def rows_after(dataset: Dataset, *, inserted: int, deleted: int) -> int:
    """The rows of the table once a run has done that: reckoned from what the run before left, and never counted.

    Where no run has left a number, from the statistics of the server, which know nothing of this transaction. What
    others did to the table isn't in it.
    """
    before = dataset.table_rows
    if before is None:
        with connection.cursor() as cursor:
            cursor.execute(sql.LIVE_ROWS, [dataset.name])
            (before,) = cursor.fetchone()
    return max(before + inserted - deleted, 0)
