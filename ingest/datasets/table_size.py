"""Estimate how many rows the tables have and how large they are, without counting or waiting."""

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
    """The size of one table, as PostgreSQL records it."""

    rows: int
    """Approximate: after the last run, or by the statistics, which lag behind, if no run recorded it."""
    size: int
    """Bytes on disk, including indexes and TOAST."""


def measure(datasets: Sequence[Dataset]) -> dict[str, Measure] | None:
    """Return the sizes of the tables that exist, in one query; None while a load has one of them locked."""
    known = {dataset.name: dataset.table_rows for dataset in datasets}
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql.MEASURES, [list(known)])
            rows = cursor.fetchall()
    except OperationalError:  # a table was locked for too long
        return None
    return {name: Measure(rows=live if known[name] is None else known[name], size=size) for name, live, size in rows}


def name_warning(dataset: Dataset) -> str:
    """Return a sentence where SQL that names the dataset's table without its schema finds another relation; else ""."""
    with connection.cursor() as cursor:
        return warn_of_name(cursor, dataset.name)


def size_now(dataset: Dataset) -> Func:
    """Return an expression for the table's size, for the statement that ends a run in the transaction of its load."""
    name = Func(Value("%I.%I"), Value(SCHEMA), Value(dataset.name), function="format")
    table = Func(name, function="to_regclass")
    return Func(table, function="pg_total_relation_size", output_field=models.BigIntegerField())


def rows_after(dataset: Dataset, *, inserted: int, deleted: int) -> int:
    """Return the number of rows after a run, calculated from the number after the previous run, without counting.

    If no run recorded a number, the server's statistics are used, which don't include this transaction. Changes made to
    the table outside aren't included.
    """
    before = dataset.table_rows
    if before is None:
        with connection.cursor() as cursor:
            cursor.execute(sql.LIVE_ROWS, [dataset.name])
            (before,) = cursor.fetchone()
    return max(before + inserted - deleted, 0)
