"""Measure: how many rows stand in the tables, and how large they are; without counting, and without waiting."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.utils import OperationalError

from ingest.runs import statements


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """One table as PostgreSQL keeps account of it."""

    rows: int
    """About so many: as the statistics tell, which are a moment behind."""
    size: int
    """Bytes on the disk, indexes and long values included."""


def measure(names: Sequence[str]) -> dict[str, Measure] | None:
    """The tables of these names that are there, in one question; None while a load that changes one keeps all out."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statements.MEASURES, [list(names)])
            return {name: Measure(rows=rows, size=size) for name, rows, size in cursor.fetchall()}
    except OperationalError:  # its lock wasn't to be had so quickly
        return None
