"""What the loader's tests share: a database that many of them use, and the ways by which a file goes in."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from ingest.loader.records import canonical, reading
from ingest.loader.writing import match_rows, optimistic
from pipeline_site.local.postgres import Postgres
from tests.conftest import MAJORS, Servers

_LARGE = 4 << 20
_SMALL = {(canonical, "PART"): 1, (match_rows, "INDEXED"): 1}
"""What a large file meets, for a small one: DuckDB reads it in parts, and the stage has an index."""
WAYS: dict[str, dict[tuple[ModuleType, str], int]] = {
    "alone": {(optimistic, "WORTHWHILE"): _LARGE},
    "judged": {(optimistic, "WORTHWHILE"): _LARGE, (reading, "HEAD"): 1, **_SMALL},
    "beside": {(optimistic, "WORTHWHILE"): 0, (reading, "HEAD"): 2},
    "misled": {(optimistic, "WORTHWHILE"): 0, (reading, "HEAD"): 1, (optimistic, "HEAD"): 64, **_SMALL},
}
"""From which size on a file is copied beside its judgement, up to how many records it is held in memory (with more it
is judged by DuckDB, and written anew through it), and how many bytes of its head the guess is made from."""


@pytest.fixture(scope="module")
def shared(postgres: Postgres) -> Iterator[Connection]:
    """A connection to a database that the tests of a module share; they leave it as they like and ``clear`` it."""
    with _database(postgres) as connection:
        yield connection


@pytest.fixture(scope="module")
def newest(servers: Servers) -> Iterator[Connection]:
    """The same on the first of our versions alone, for what takes long."""
    with _database(servers[MAJORS[0]]) as connection:
        yield connection


@contextmanager
def _database(postgres: Postgres) -> Iterator[Connection]:
    postgres.create("shared", template="empty")
    connection = psycopg2.connect(postgres.url("shared"))
    yield connection
    connection.close()
    postgres.drop("shared")


def clear(connection: Connection) -> None:
    """Leave nothing but the empty schema ``datasets``."""
    with connection.cursor() as cursor:
        cursor.execute("reset all; set client_min_messages = warning")
        cursor.execute("drop schema datasets cascade; drop schema if exists datasets_before cascade")
        cursor.execute("create schema datasets")
    connection.commit()


@contextmanager
def going(way: str) -> Iterator[None]:
    """Let files go in by one of the ways, whatever their size."""
    with pytest.MonkeyPatch.context() as patch:
        for (module, name), value in WAYS[way].items():
            patch.setattr(module, name, value)
        yield
