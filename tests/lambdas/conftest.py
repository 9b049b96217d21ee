"""The package, unpacked once, and a function that runs from it with a database, a bucket and secrets of its own."""

import json
import os
import shutil
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from pipeline_site.deploy import package, zappa
from pipeline_site.local.aws import LocalAws, set_up
from pipeline_site.local.postgres import USER, Postgres
from tests.conftest import MAJORS, QUICK
from tests.guarded import AUTHORITY, authority
from tests.lambdas.sandbox import Sandbox, runtime_folder, ways_in
from tests.shared import locked

PASSWORD = "a-password-that-no-log-may-hold"
SITE_KEY = "a-key-of-django-that-no-log-may-hold-and-is-long-enough-to-be-one"
PREFIX = "data/"
_sequence = count(1)


@pytest.fixture(scope="session")
def packed() -> package.Package:
    """The zip; made when requirements or sources have changed since the last time."""
    with locked(package.BUILD / "tests" / "packed.lock"):
        authority()
        return package.build("dev", zappa.stage_settings("dev", runtime=zappa.HERE), ca=AUTHORITY)


@pytest.fixture(scope="session")
def code(packed: package.Package) -> Path:
    """The zip, unpacked."""
    if ways_in() is None:
        if os.environ.get("CI"):
            pytest.fail("CI must be able to open a mount namespace, as root or as a user.")
        pytest.skip("No mount namespace can be opened here (unshare), so Lambda can't be played.")
    unpacked = package.BUILD / "unpacked" / packed.path.stem
    with locked(package.BUILD / "tests" / "unpacked.lock"):
        if not unpacked.exists():
            shutil.rmtree(unpacked.parent, ignore_errors=True)
            new = unpacked.with_name(f"{unpacked.name}.new")
            with zipfile.ZipFile(packed.path) as files:
                files.extractall(new)
            new.rename(unpacked)
    return unpacked


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """A function with all that stands around it."""

    sandbox: Sandbox
    aws: LocalAws
    postgres: Postgres
    bucket: str
    queue_url: str
    secret_arn: str

    def put(self, name: str, body: bytes | str) -> dict[str, Any]:
        """Write a file under the prefix; the record of S3's event that tells of it."""
        content = body.encode() if isinstance(body, str) else body
        answer = self.aws.client("s3").put_object(Bucket=self.bucket, Key=f"{PREFIX}{name}", Body=content)
        told = {"key": f"{PREFIX}{name}", "size": len(content), "eTag": answer["ETag"].strip('"')}
        return {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {
                "bucket": {"name": self.bucket},
                "object": told | {"versionId": answer["VersionId"], "sequencer": f"{next(_sequence):018X}"},
            },
        }

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database answers a superuser."""
        connection = psycopg2.connect(self.postgres.url("ingest", "postgres"))
        try:
            with connection, connection.cursor() as cursor:
                cursor.execute("SET search_path = public, datasets")
                cursor.execute(query)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    @property
    def log(self) -> str:
        """All that the function has written so far."""
        return self.sandbox.log.read_text(errors="replace")


@pytest.fixture(scope="session")
def lambda_postgres(server_folder: Path) -> Iterator[Postgres]:
    """A server on a port, with a password: a function has no way to a socket."""
    server = Postgres(folder=server_folder / "lambda", major=MAJORS[0], port=0, password=PASSWORD, settings=QUICK)
    server.start()
    server.create("ingest")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def deploy(
    code: Path, lambda_postgres: Postgres, aws_server: LocalAws, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Deployed]]:
    """Make functions, all on one database; they end with the session."""
    made: list[Sandbox] = []
    vault = aws_server.client("secretsmanager")
    login = json.dumps({"username": USER, "password": PASSWORD, "dbname": "never-this-one"})
    secret = vault.create_secret(Name=f"db-{uuid.uuid4().hex}", SecretString=login)["ARN"]
    site = vault.create_secret(Name=f"site-{uuid.uuid4().hex}", SecretString=json.dumps({"secret_key": SITE_KEY}))
    bucket = f"lambda-{uuid.uuid4().hex[:8]}"
    queue_url = set_up(aws_server, bucket=bucket, prefix=PREFIX, queue=bucket)

    def make(**changed: Any) -> Deployed:
        environment = aws_server.environment | {
            "DATABASE_URL": f"postgresql://127.0.0.1:{lambda_postgres.port}/ingest?sslmode=disable",
            "DATABASE_SECRET_ARN": secret,
            "SECRET_KEY_ARN": site["ARN"],
            "BUCKET": bucket,
            "PREFIX": PREFIX,
            "QUEUE_URL": queue_url,
            "ALLOWED_HOSTS": ".execute-api.eu-west-1.amazonaws.com",
            "STATIC_URL": "/dev/static/",
            "LEASE_SECONDS": "2",
        }
        log = tmp_path_factory.mktemp("function") / "log"
        runtime = runtime_folder(package.BUILD / "runtime")
        sandbox = Sandbox(code=code, environment=environment, log=log, runtime=runtime, **changed)
        made.append(sandbox)
        return Deployed(
            sandbox=sandbox,
            aws=aws_server,
            postgres=lambda_postgres,
            bucket=bucket,
            queue_url=queue_url,
            secret_arn=secret,
        )

    yield make
    for sandbox in made:
        sandbox.close()


@pytest.fixture(scope="session")
def deployed(deploy: Callable[..., Deployed]) -> Deployed:
    """The function that most tests call, its database migrated by itself."""
    function = deploy()
    answer = function.sandbox.invoke({"manage": "migrate --noinput"})
    assert (answer.error, answer.body) == ("", {}), function.log[-3000:]
    return function
