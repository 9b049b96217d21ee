"""The processor that the loader replaces: every row read, sent as an INSERT of its own, committed at the end."""

import csv
import sys
from pathlib import Path

import psycopg2

from tests.bench.files import COLUMNS

_NAMES = ", ".join(COLUMNS)
_TAKEN = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name != "id")
_INSERT = (
    f"INSERT INTO datasets.people ({_NAMES}) VALUES ({', '.join(f'%({name})s' for name in COLUMNS)}) "
    f"ON CONFLICT (id) DO UPDATE SET {_TAKEN}"
)


def load(url: str, file: Path) -> None:
    """Upsert ``file`` by its ids; the first row that PostgreSQL refuses ends it, and nothing is loaded."""
    connection = psycopg2.connect(url)
    with file.open(encoding="utf-8", newline="") as opened, connection.cursor() as cursor:
        for row in csv.DictReader(opened):
            cursor.execute(_INSERT, {name: value or None for name, value in row.items()})
    connection.commit()
    connection.close()


if __name__ == "__main__":
    load(sys.argv[1], Path(sys.argv[2]))
