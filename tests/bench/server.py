"""One PostgreSQL for both sides, as a careful administrator sets it, and databases that every run finds alike."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg2
from psycopg2 import sql

from pipeline_site.local.postgres import USER, Postgres

SETTINGS = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",  # no checkpoint in the middle of one run and not of the other
    "checkpoint_timeout": "30min",
    "work_mem": "64MB",  # what the loader asks for itself: nobody should win by it
    "maintenance_work_mem": "128MB",
}
"""Durable as it comes: fsync, full_page_writes and synchronous_commit are on."""
UNSAFE = {"fsync": "off", "full_page_writes": "off"}
"""For trying the bench itself."""


class Databases:
    """Fresh databases on a server, each a copy of a state that was made once."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._ordinals = count(1)
        self._states = {"empty"}
        server.create("empty")
        self._tell("empty", "CREATE SCHEMA datasets")

    @property
    def version(self) -> str:
        """The server's own version, and whether what it commits is safe."""
        with self._server.superuser() as cursor:
            cursor.execute("SELECT current_setting('server_version'), current_setting('fsync')")
            version, fsync = cursor.fetchone()
        return f"PostgreSQL {version}, fsync {fsync}"

    @property
    def log(self) -> str:
        """What the server wrote so far."""
        return (self._server.folder / "postgres.log").read_text(errors="replace")

    def has(self, state: str) -> bool:
        """Whether ``state`` was kept."""
        return state in self._states

    @contextmanager
    def fresh(self, state: str, *, keep_as: str = "", logged: bool = False) -> Iterator[str]:
        """The address of a new database in ``state``, nothing left to write to disk; ``logged``: every statement is.

        It is gone afterwards; or, vacuumed and analyzed, becomes the state ``keep_as``.
        """
        name = keep_as or f"run_{next(self._ordinals)}"
        with self._server.superuser() as cursor:
            statement = "CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY FILE_COPY"
            cursor.execute(sql.SQL(statement).format(*map(sql.Identifier, (name, state, USER))))
            if logged:
                cursor.execute(sql.SQL("ALTER DATABASE {} SET log_statement = 'all'").format(sql.Identifier(name)))
            cursor.execute("CHECKPOINT")
        try:
            yield self._server.url(name)
        except BaseException:
            keep_as = ""
            raise
        finally:
            if not keep_as:
                self._server.drop(name)
        if keep_as:
            self._tell(keep_as, "VACUUM (ANALYZE)")
            self._states.add(keep_as)

    def _tell(self, database: str, statement: str) -> None:
        connection = psycopg2.connect(self._server.url(database))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.close()


@contextmanager
def running(folder: Path, *, unsafe: bool = False) -> Iterator[Databases]:
    """A server of the bench's own in ``folder``, stopped behind."""
    server = Postgres(folder=folder, settings=SETTINGS | (UNSAFE if unsafe else {}))
    server.start()
    try:
        yield Databases(server)
    finally:
        server.stop()
