"""What the loader's tests share: a database that many of them use, and the ways by which a file goes in."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from ingest.loader import certify, reading, ways
from ingest.loader.parts import PART
from pipeline_site.local.postgres import Postgres
from tests.conftest import MAJORS, Servers

WAYS = {
    "alone": (4 << 20, 1 << 20, 1_000, PART),
    "judged": (4 << 20, 1 << 20, 1, 1),
    "beside": (0, 1 << 20, 2, PART),
    "misled": (0, 64, 1, 1),
}
"""From which size on a file is copied beside its judgement, how many bytes of its head the guess is made from, up to
how many records a file is held in memory (with more it is judged by DuckDB, and written anew through it), and from
which size on DuckDB reads it in parts."""


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
        patch.setattr(ways, "WORTHWHILE", WAYS[way][0])
        patch.setattr(ways, "HEAD", WAYS[way][1])
        patch.setattr(reading, "HEAD", WAYS[way][2])
        patch.setattr(certify, "PART", WAYS[way][3])
        yield
