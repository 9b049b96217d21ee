"""Check that everything needed to load a file is available, and that a test file is loaded."""

import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version as installed
from io import BytesIO

import django
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from ingest.aws import objects, secrets, wiring
from ingest.aws.wiring import Finding
from ingest.datasets.keys import FOLDER
from ingest.loader.outcome.errors import IngestError
from ingest.loader.outcome.source_object import SourceObject
from ingest.loader.sql import reader
from ingest.models import Dataset, Run
from ingest.operations import network_paths
from ingest.runs.failure_text import operator_message

_MIN_VERSION = 170000  # PostgreSQL 17
_PROBE = b"id,name\n1,probe\n"
_PROBE_PREFIX = "doctor_"
"""The names of test files start with it; the rest is random."""
_POLL_SECONDS = 0.5


def examine() -> list[Finding]:
    """Check what only the function itself can reach: secret, database, schema, versions, network paths."""
    findings = [_check("secret", _secret)] if settings.DATABASES["default"].get("SECRET_ARN") else []
    findings.append(_check("database", _database))
    if findings[-1].good:
        findings += [_check("schema", _schema), _reader(), _check("database's clock", _clock)]
    findings.append(_check("versions", _versions))
    return findings + network_paths.check_network_paths()


def examine_wiring() -> list[Finding]:
    """Check what is between the bucket and the function that reads the queue."""
    return wiring.check_wiring(
        wiring.Wiring(
            bucket=settings.BUCKET,
            prefix=settings.PREFIX,
            queue_url=settings.QUEUE_URL,
            function=settings.FUNCTION_NAME,
        )
    )


def probe(seconds: float) -> Finding:
    """Put a small file where it is only previewed, wait up to ``seconds`` for its run, and remove both."""
    key = f"{settings.PREFIX}{FOLDER}{_PROBE_PREFIX}{uuid.uuid4().hex}.csv"
    try:
        source = objects.put(BytesIO(_PROBE), settings.BUCKET, key)
    except IngestError as error:
        return Finding(subject="probe", good=False, told=str(error))
    try:
        return _await(source, seconds)
    finally:
        _delete_probe(source)
        objects.remove(source)  # without the permission, the bucket's lifecycle rule removes it


def _await(source: SourceObject, seconds: float) -> Finding:
    """Poll the run of ``source`` until it has ended or ``seconds`` have passed, and return the result."""
    began = time.monotonic()
    while True:
        run, waited = Run.objects.filter(**_key_of(source)).first(), time.monotonic() - began
        if run and run.status == Run.Status.SUCCEEDED:
            return Finding(subject="probe", good=True, told=f"a file came through in {waited:.1f} seconds")
        if run and run.status not in Run.UNFINISHED:
            return Finding(subject="probe", good=False, told=f"the run of a small file is {run.status}: {run.reason}")
        if waited > seconds:
            how = f"its run is still {run.status}" if run else "no run was created"
            message = (
                f"a test file was put in the bucket, but {how} after {seconds:.0f} seconds: check the lines above, "
                "then the log."
            )
            return Finding(subject="probe", good=False, told=message)
        time.sleep(_POLL_SECONDS)


def _delete_probe(source: SourceObject) -> None:
    """Delete the finished run of a probe, and the dataset that was created for it."""
    with transaction.atomic():
        for run in Run.objects.filter(**_key_of(source)).exclude(status__in=Run.UNFINISHED):
            run.delete()
            Dataset.objects.filter(pk=run.dataset_id, runs__isnull=True, name__startswith=_PROBE_PREFIX).delete()


def _key_of(source: SourceObject) -> dict[str, str]:
    return {"bucket": source.bucket, "key": source.key, "version_id": source.version_id}


def _check(subject: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(subject=subject, good=True, told=check())
    except (wiring.CheckFailed, IngestError) as error:
        message = str(error)
    except DatabaseError as error:
        cause = error.__cause__ or error
        lines = str(cause).strip().splitlines() or [type(error).__name__]
        message = f"{operator_message(cause)} ({lines[0]}) Check its address, the security groups, and the secret."
    return Finding(subject=subject, good=False, told=message)


def _secret() -> str:
    user, _ = secrets.login(secrets.text(settings.DATABASES["default"]["SECRET_ARN"]))
    return f"holds the login of {user}"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version')")
        (version,) = cursor.fetchone()
    if connection.pg_version < _MIN_VERSION:
        raise wiring.CheckFailed(
            f"it is PostgreSQL {version}, but 17 or later is required: upgrade it (docs/runbook.md)."
        )
    return f"PostgreSQL {version}"


def _schema() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        first = missing[0][0]
        raise wiring.CheckFailed(
            f"{len(missing)} migrations are missing, the first is {first.app_label}.{first.name}: "
            "run `manage.py migrate`, which `zappa update` does too."
        )
    return "up to date"


def _reader() -> Finding:
    """Check that pages read tables with a role that can only read."""
    with connection.cursor() as cursor:
        cursor.execute(reader.STATE)
        role, user, usable = cursor.fetchone()
    if usable:
        return Finding(subject="reader", good=True, told=f"pages read tables as {role}")
    message = (
        f"pages read tables as {user}, which can also write: allow it to create a role for reading (as a superuser: "
        f'ALTER ROLE "{user}" CREATEROLE), then run `manage.py migrate`.'
    )
    return Finding(subject="reader", good=True, caution=True, told=message)


def _clock() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (there,) = cursor.fetchone()
    return wiring.drift(datetime.now(UTC), there, whose="the database's")


def _versions() -> str:
    python = ".".join(map(str, sys.version_info[:3]))
    return f"Python {python}, Django {django.get_version()}, DuckDB {installed('duckdb')}"
