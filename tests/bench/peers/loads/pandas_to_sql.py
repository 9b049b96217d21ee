"""pandas: read_csv in chunks, to_sql with INSERTs of many rows, later files by a method of one's own.

pandas has no way to update rows; its documentation shows how to write such a method.
"""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas
import sqlalchemy
from sqlalchemy.dialects.postgresql import insert

_READ = 50_000
_SENT = 1_000
"""Rows an INSERT: 9,000 parameters; PostgreSQL allows 65,535."""


def load(url: str, file: Path, again: bool) -> None:
    """Append ``file`` in one transaction, or update by id where ``again``."""
    engine = sqlalchemy.create_engine(url.replace("postgresql://", "postgresql+psycopg2://"))
    with engine.begin() as connection:
        for chunk in pandas.read_csv(file, chunksize=_READ, parse_dates=["created_at"]):
            chunk.to_sql(
                "people",
                connection,
                schema="datasets",
                if_exists="append",
                index=False,
                chunksize=_SENT,
                method=_upsert if again else "multi",
            )


def _upsert(table: Any, connection: Any, names: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    statement = insert(table.table).values([dict(zip(names, row, strict=True)) for row in rows])
    taken = {name: statement.excluded[name] for name in names if name != "id"}
    return int(connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=taken)).rowcount)


if __name__ == "__main__":
    load(sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "again")
