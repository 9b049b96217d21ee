"""Real servers for the tests: PostgreSQL in the versions we promise, and a local AWS; they die with the test process.

PG=17 in the environment runs everything on PostgreSQL 17; else the loader's tests run on 18 and 17, the rest on 18.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import hypothesis
import psycopg2
import pytest

from pipeline_site.local.aws import REGION, LocalAws, set_up
from pipeline_site.local.postgres import WHEELS, Postgres

MAJORS = (int(os.environ["PG"]),) if os.environ.get("PG") else (18, 17)
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "4GB"}
"""What a server that nobody will miss may do without."""
CALM = {"autovacuum": "off"}
"""What comes when it likes would change estimates, hold locks and be a session among a test's own."""

_ordinals = count()


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a version that isn't there before anything runs, and tell Hypothesis how to try examples."""
    # Each run draws the same examples, so that CI is told something by a commit and nothing by luck. A seed, which
    # `make test-repeat` gives, draws others. Nothing is measured in time, and nothing remembered from run to run.
    hypothesis.settings.register_profile(
        "tests",
        deadline=None,
        database=None,
        derandomize=config.getoption("hypothesis_seed", None) is None,
        print_blob=True,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    hypothesis.settings.load_profile("tests")
    if any(major not in WHEELS for major in MAJORS):
        raise pytest.UsageError(f"PG={os.environ['PG']}: there is {' and '.join(map(str, WHEELS))}.")


def pytest_make_parametrize_id(config: pytest.Config | None, val: object, argname: str) -> str | None:
    """Name a test with bytes by its argument: bytes may differ from worker to worker (gzip writes the time)."""
    return argname if isinstance(val, bytes | bytearray | memoryview) else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what uses ``postgres`` on every version in the loader's tests, on the first one elsewhere."""
    if "postgres" in metafunc.fixturenames:
        majors = MAJORS if "loader" in metafunc.definition.path.parts else MAJORS[:1]
        metafunc.parametrize("postgres", majors, indirect=True, scope="session", ids=[f"pg{major}" for major in majors])


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """Where the session's servers keep their files; those of sessions that were killed are swept."""
    above = Path(tempfile.gettempdir())
    for left in above.glob("ingest-tests-*-*"):
        pid = left.name.split("-")[2]
        if pid.isdecimal() and not _is_alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"ingest-tests-{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


class Servers(dict[int, Postgres]):
    """PostgreSQL by major version, each started when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __missing__(self, major: int) -> Postgres:
        server = Postgres(folder=self.folder / str(major), major=major, settings=QUICK | CALM)
        server.start()
        server.create("empty")
        connection = psycopg2.connect(server.url("empty"))
        with connection, connection.cursor() as cursor:
            cursor.execute("CREATE SCHEMA datasets")  # as the first migration leaves it
        connection.close()
        self[major] = server
        return server


@pytest.fixture(scope="session")
def servers(server_folder: Path) -> Iterator[Servers]:
    """All servers of this session."""
    servers = Servers(server_folder)
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture(scope="session")
def postgres(request: pytest.FixtureRequest, servers: Servers) -> Postgres:
    """A PostgreSQL server; a test that uses it, or a database on it, runs once for each version."""
    return servers[request.param]


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    """The address of a fresh database that holds nothing but the empty schema ``datasets``."""
    name = f"test_{next(_ordinals)}"
    postgres.create(name, template="empty")
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def database(database_url: str) -> Iterator["psycopg2.extensions.connection"]:
    """A connection (autocommit off) to a fresh database."""
    connection = psycopg2.connect(database_url)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(servers: Servers) -> None:
    """Let Django's test database stand on our server, started now that a test wants it."""
    from django.db import connections

    from pipeline_site.settings import database as parts_of

    os.environ["DATABASE_URL"] = servers[MAJORS[0]].url("postgres")
    connections["default"].settings_dict.update(parts_of("DATABASE_URL"))


@dataclass(frozen=True, kw_only=True)
class Aws:
    """A bucket of a test's own, its queue, and the server that has them."""

    server: LocalAws
    bucket: str
    queue_url: str

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return self.server.client(service)


@pytest.fixture(scope="session")
def aws_server(server_folder: Path) -> Iterator[LocalAws]:
    """The local AWS; boto3 finds it by the environment from here on."""
    key, secret = secrets.token_hex(10).upper(), secrets.token_hex(20)
    server = LocalAws(folder=server_folder / "aws", port=0, access_key=key, secret_key=secret)
    server.start()
    os.environ.update(server.environment)
    yield server
    server.stop()


@pytest.fixture
def aws(aws_server: LocalAws, settings: Any) -> Aws:
    """A fresh versioned bucket that tells a fresh queue of each object under ``data/``; the settings name both."""
    from pipeline_site.settings import bucket_origin, bucket_storage, content_security_policy

    name = f"test-{next(_ordinals)}"
    settings.BUCKET, settings.PREFIX = name, "data/"
    settings.STORAGES = settings.STORAGES | {"default": bucket_storage(name, REGION)}
    settings.CONTENT_SECURITY_POLICY = content_security_policy(bucket_origin(name, REGION))
    settings.QUEUE_URL = set_up(aws_server, bucket=name, prefix="data/", queue=name)
    return Aws(server=aws_server, bucket=name, queue_url=settings.QUEUE_URL)


@pytest.fixture
def environment(transactional_db: None, aws: Aws, servers: Servers) -> dict[str, str]:
    """The environment in which another process meets this test's own database, bucket and queue."""
    from django.db import connection

    database = servers[MAJORS[0]].url(connection.settings_dict["NAME"])
    names = {"BUCKET": aws.bucket, "PREFIX": "data/", "QUEUE_URL": aws.queue_url, "DATABASE_URL": database}
    settings = {"DJANGO_SETTINGS_MODULE": "pipeline_site.settings"}
    return dict(os.environ) | aws.server.environment | names | settings
