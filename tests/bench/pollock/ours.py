"""Our side: each file loaded as a run loads it, and the table written as Pollock wants it."""

import csv
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.sql import SQL, Identifier

from ingest.loader.load import load
from ingest.loader.outcome.errors import RunFailed, RunUnclear
from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.target import SCHEMA, Mode, Target
from ingest.loader.source.dialect.dialect import HEAD, examine
from ingest.loader.source.encoding import transcode
from ingest.loader.source.identifiers import OWN_COLUMNS
from ingest.loader.source.local_file import LocalFile
from ingest.loader.source.not_csv import refuse_other_formats
from pipeline_site.local.postgres import Postgres

TABLE = "loaded"
_COLUMNS = (
    "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped order by attnum"
)


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """What became of one file."""

    text: str
    """The table as CSV; where the run failed, what Pollock takes for a failure."""
    failed: str = ""
    """The sentence with which the run failed."""
    question: str = ""
    """Why somebody would have been asked; it was answered by the reading that is offered first."""
    rejected: int = 0


@contextmanager
def database() -> Iterator[Connection]:
    """A connection to an empty database on a server of its own."""
    with tempfile.TemporaryDirectory(prefix="pollock-") as folder:
        server = Postgres(folder=Path(folder), settings={"fsync": "off"})
        server.start()
        try:
            server.create("pollock")
            connection = psycopg2.connect(server.url("pollock"))
            with connection.cursor() as cursor:
                cursor.execute(SQL("create schema {}").format(Identifier(SCHEMA)))
                cursor.execute("set timezone = 'UTC'; set datestyle = 'ISO'")
            connection.commit()
            yield connection
            connection.close()
        finally:
            server.stop()


def load_file(connection: Connection, path: Path) -> Loaded:
    """Load ``path`` in mode append, so that each of its records is a row; nothing of it stays."""
    question = ""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder, "scratch")
        scratch.mkdir()
        try:
            plain, name = _in_utf_8(path, Path(folder))
            found = examine(plain.read_bytes()[:HEAD], encoding=name, name=path.name)
            question = found.doubt
            file = LocalFile(path=plain, dialect=found.dialect, scratch=scratch, settled=bool(question))
            outcome, asked = _load(connection, file)
            text = _written(connection, outcome, has_header=found.dialect.has_header)
            return Loaded(text=text, question=question or asked, rejected=outcome.rejected)
        except RunFailed as failure:
            return Loaded(text=f"Application Error\n{failure}", failed=str(failure), question=question)
        finally:
            connection.rollback()


def _load(connection: Connection, file: LocalFile) -> tuple[Outcome, str]:
    """The outcome, and the question that only the whole file raised."""
    target = Target(table=TABLE, run_id=1, mode=Mode.APPEND)
    try:
        return load(connection, file, target), ""
    except RunUnclear as unclear:
        connection.rollback()
        return load(connection, replace(file, settled=True), target), str(unclear)


def _in_utf_8(path: Path, folder: Path) -> tuple[Path, str]:
    try:
        found = transcode.detect(path)
    except RunFailed:
        refuse_other_formats(path.read_bytes()[:HEAD])
        raise
    if found == transcode.UTF_8:
        return path, found
    transcode.transcode(path, folder / "decoded", found)
    return folder / "decoded", found


def _written(connection: Connection, outcome: Outcome, *, has_header: bool) -> str:
    """The rows in their order, every value as text, below the file's own header, if it has one."""
    table = Identifier(SCHEMA, TABLE)
    text = io.StringIO()
    with connection.cursor() as cursor:
        cursor.execute(_COLUMNS, [table.as_string(cursor)])
        names = [name for (name,) in cursor.fetchall() if name not in OWN_COLUMNS]
        headers = {column.name: column.header.strip() for column in outcome.columns}
        if has_header:
            csv.writer(text).writerow([headers.get(name) or name for name in names])
        cells = SQL(", ").join(SQL("{}::text").format(Identifier(name)) for name in names)
        query = SQL("copy (select {} from {} order by record_id) to stdout (format csv)").format(cells, table)
        cursor.copy_expert(query.as_string(cursor), text)
    return text.getvalue()
