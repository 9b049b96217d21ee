"""pandas with its documentation's other method: each chunk written as CSV once more and sent by COPY."""

import csv
import io
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas
import sqlalchemy

_READ = 50_000


def load(url: str, file: Path, again: bool) -> None:
    """Append ``file`` in one transaction; ``again``: after deleting every row, since COPY updates none."""
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
    with engine.begin() as connection:
        emptying = again
        for chunk in pandas.read_csv(file, chunksize=_READ, parse_dates=["created_at"]):
            kept = "delete_rows" if emptying else "append"
            chunk.to_sql("people", connection, schema="datasets", if_exists=kept, index=False, method=_copy)
            emptying = False


def _copy(table: Any, connection: Any, names: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    written.seek(0)
    statement = f"COPY {table.schema}.{table.name} ({', '.join(names)}) FROM STDIN WITH (FORMAT csv)"
    with connection.connection.cursor() as cursor:
        cursor.copy_expert(statement, written)


if __name__ == "__main__":
    load(sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "again")
