"""All that runs on this machine for the demo, in one folder that survives restarts."""

import fcntl
import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from pipeline_site.local.aws import ENVIRONMENT_FOLDER, LocalAws, let_pages_send, set_up
from pipeline_site.local.children import HOST, Child, LocalError, listen
from pipeline_site.local.kept import FOREIGN
from pipeline_site.local.outages import retry_outages
from pipeline_site.local.postgres import SUPERUSER, USER, Postgres, account, binaries

BASE_DIR = Path(__file__).resolve().parents[2]
DATABASE = "ingest"
BUCKET = "ingest-demo"
PREFIX = "data/"
QUEUE = "ingest-events"
_PATIENCE_SECONDS = 60.0
_PORTS = {"PostgreSQL": 5432, "the local AWS": 4566, "the site": 8000}


@dataclass(kw_only=True)
class Stack:
    """PostgreSQL, the local AWS, the site and the worker: started in order, stopped in the reverse one."""

    folder: Path
    say: Callable[[str], None]
    site_port: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    """What every process of ours finds in its environment; ``env`` in the folder holds the same."""
    _postgres: Postgres | None = None
    _aws: LocalAws | None = None
    _site: Child | None = None
    _worker: Child | None = None
    _lock: int | None = None
    _listening: socket.socket | None = None
    """The site's: kept while this runs, so that nobody takes its port while the site is started again."""

    def start_servers(self) -> None:
        """Start PostgreSQL and the local AWS and put up what stands in them. Raises LocalError with one sentence."""
        self._take_folder()
        known = self._secrets()
        postgres = Postgres(folder=self.folder / "postgres", password=known["database"])
        aws = LocalAws(folder=self.folder / "aws", port=0, access_key=known["access_key"], secret_key=known["aws"])
        self._postgres, self._aws = postgres, aws
        self._start_on_port("PostgreSQL", postgres)
        retry_outages(lambda: postgres.create(DATABASE), say=self.say, check=self.keep_up, patience=_PATIENCE_SECONDS)
        self._start_on_port("the local AWS", aws)
        set_it_up = partial(set_up, aws, bucket=BUCKET, prefix=PREFIX, queue=QUEUE)
        queue_url = retry_outages(set_it_up, say=self.say, check=self.keep_up, patience=_PATIENCE_SECONDS)
        scratch = self.folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        self.environment = aws.environment | {
            "DATABASE_URL": postgres.url(DATABASE),
            "SECRET_KEY": known["django"],
            "BUCKET": BUCKET,
            "PREFIX": PREFIX,
            "QUEUE_URL": queue_url,
            "SCRATCH_DIR": str(scratch),
            "HTTPS": "0",
            "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), HOST))),
        }
        os.environ["NO_PROXY"] = os.environ["no_proxy"] = self.environment["NO_PROXY"]
        self._write_files(known, postgres)

    def start_site(self) -> None:
        """Start the site; ``wait_for_site`` returns when it answers."""
        if self._listening is None:
            self._listening = listen(_PORTS["the site"])
            self.site_port = int(self._listening.getsockname()[1])
            self._tell_port("the site", self.site_port)
        if self._aws:  # first: it may fail, and is asked again then
            origins = [f"http://{host}:{self.site_port}" for host in (HOST, "localhost")]
            let_pages_send(self._aws, bucket=BUCKET, origins=origins)
        self._site = self._child("The site", ["pipeline_site.local", "site"], "site.log", 5, self._listening.fileno())

    def wait_for_site(self) -> None:
        """Return when the site shows its login page; raise LocalError if it doesn't within 30 seconds."""
        if self._site:
            self._site.wait_until(self._site_answers, seconds=30)

    def start_worker(self) -> None:
        """Start the worker; the database must be migrated."""
        self._worker = self._child("The worker", ["pipeline_site.local", "worker"], "worker.log", 20)

    def keep_up(self) -> None:
        """Start the worker or the site again if it has ended; raise LocalError if a server has."""
        for server in (self._postgres, self._aws):
            child = server and server.child
            if child and child.status is not None:
                raise LocalError(f"{child.name} ended with status {child.status}: {child.last_words()}")
        for child, again in ((self._worker, self.start_worker), (self._site, self.start_site)):
            if child and child.status is not None:
                self.say(f"{child.name} ended with status {child.status}; starting it again.")
                again()

    def stop(self) -> None:
        """Stop all that was started, the product before its servers."""
        product = [child for child in (self._worker, self._site) if child]
        for child in product:
            child.ask_to_stop()
        for child in product:
            child.stop()
        if self._listening:
            self._listening.close()
            self._listening = None
        self.env_file.unlink(missing_ok=True)
        if self._aws:
            self._aws.stop()
        if self._postgres:
            self._postgres.stop()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def client(self, service: str) -> Any:
        """A boto3 client of the local AWS."""
        if self._aws is None:
            raise LocalError("The local AWS isn't started.")
        return self._aws.client(service)

    @property
    def env_file(self) -> Path:
        """The environment of the product's processes, while the servers run."""
        return self.folder / "env"

    @property
    def admin_password(self) -> Path:
        """The file that keeps the admin's first password."""
        return self.folder / "admin-password"

    @property
    def psql_line(self) -> str:
        """What to paste into a shell to see the tables."""
        return shlex.quote(str(self._commands / "psql"))

    @property
    def upload_line(self) -> str:
        """What to paste into a shell to drop a file."""
        aws = shlex.quote(str(self._commands / "aws"))
        return f"{aws} s3 cp any.csv s3://{BUCKET}/{PREFIX} --endpoint-url {self.environment['AWS_ENDPOINT_URL']}"

    @property
    def _commands(self) -> Path:
        return self.folder / "bin"

    @property
    def site_address(self) -> str:
        """Where the browser goes."""
        return f"http://{HOST}:{self.site_port}/admin/"

    def _take_folder(self) -> None:
        try:
            # Where PostgreSQL must run as nobody, nobody has to pass through; the files below are closed all the same.
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700 if account().owner in (None, os.geteuid()) else 0o711)
            self._lock = os.open(self.folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        except PermissionError as error:
            raise LocalError(f"{self.folder} belongs to another user: remove it, or run this as that user.") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._lock)
            self._lock = None
            raise LocalError(f"Another demo runs in {self.folder}: stop that one first.") from error

    def _secrets(self) -> dict[str, str]:
        """Random once, the same at every start."""
        file = self.folder / "secrets.json"
        if not file.exists():
            made = {
                "database": secrets.token_urlsafe(24),
                "django": secrets.token_urlsafe(48),
                "access_key": f"LOCAL{secrets.token_hex(8).upper()}",
                "aws": secrets.token_urlsafe(30),
                "admin": secrets.token_urlsafe(12),
            }
            write_private(file, json.dumps(made, indent=1))
        return dict(json.loads(file.read_text()))

    def _write_files(self, known: dict[str, str], postgres: Postgres) -> None:
        """What ``manage.py`` in another shell, psql and the AWS command line need to come here."""
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in self.environment.items()]
        write_private(self.env_file, "".join(lines))
        write_private(self.admin_password, known["admin"] + "\n")
        self._commands.mkdir(exist_ok=True)
        users = (USER, SUPERUSER)
        write_private(self.folder / "pgpass", "".join(f"{HOST}:*:*:{user}:{known['database']}\n" for user in users))
        psql = [binaries(postgres.major) / "psql", "-h", HOST, "-p", postgres.port, "-U", USER, "-d", DATABASE]
        self._write_command("psql", psql, {"PGPASSFILE": str(self.folder / "pgpass")})
        keys = {name: value for name, value in self.environment.items() if name.startswith("AWS_")}
        self._write_command("aws", [ENVIRONMENT_FOLDER / "bin" / "python", "-m", "awscli"], keys)

    def _write_command(self, name: str, command: list[object], environment: dict[str, str]) -> None:
        """A short name, in our folder, for a command that needs our addresses and secrets."""
        unset = f"unset {' '.join(FOREIGN)}\n"
        given = "".join(f"export {key}={shlex.quote(value)}\n" for key, value in environment.items())
        line = shlex.join(map(str, command))
        write_private(self._commands / name, f'#!/bin/sh\n{unset}{given}exec {line} "$@"\n', mode=0o700)

    def _start_on_port(self, name: str, server: Postgres | LocalAws) -> None:
        """Start on the usual port or, where that is taken, on another."""
        server.port = _PORTS[name]
        server.start()
        self._tell_port(name, server.port)

    def _tell_port(self, name: str, port: int) -> None:
        if port != _PORTS[name]:
            self.say(f"Port {_PORTS[name]} is taken: {name} listens on {port}.")

    def _child(self, name: str, command: list[str], log: str, grace: float, listening: int | None = None) -> Child:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")} | self.environment
        environment["DJANGO_SETTINGS_MODULE"] = "pipeline_site.settings"
        command = [sys.executable, "-m", *command, *([str(listening)] if listening is not None else [])]
        return Child(
            name,
            command,
            log=self.folder / log,
            environment=environment,
            stop_by=signal.SIGTERM,
            grace=grace,
            inherited=() if listening is None else (listening,),
            folder=BASE_DIR,
        )

    def _site_answers(self) -> bool:
        asked = HTTPConnection(HOST, self.site_port, timeout=5)
        try:
            asked.request("GET", "/admin/login/")
            return asked.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            asked.close()


def write_private(file: Path, text: str, *, mode: int = 0o600) -> None:
    """Write a file that only we can read, whole or not at all."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode), "w") as out:
        out.write(text)
    new.replace(file)
