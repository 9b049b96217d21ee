"""Examine: is everything there that a file needs on its way, and does one really come through?"""

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

_OLDEST = 170000  # PostgreSQL 17
_PROBE = b"id,name\n1,probe\n"
_PROBES = "doctor_"
"""What the names of probes begin with; the rest is random."""
_LOOK = 0.5  # seconds


def examine() -> list[Finding]:
    """What only the function, or whoever runs in its place, can see: secret, database, schema, versions, ways out."""
    found = [_seen("secret", _secret)] if settings.DATABASES["default"].get("SECRET_ARN") else []
    found.append(_seen("database", _database))
    if found[-1].good:
        found += [_seen("schema", _schema), _reader(), _seen("database's clock", _clock)]
    found.append(_seen("versions", _versions))
    return found + network_paths.check_network_paths()


def examine_wiring() -> list[Finding]:
    """What stands between the bucket and whoever reads the queue."""
    return wiring.check_wiring(
        wiring.Wiring(
            bucket=settings.BUCKET,
            prefix=settings.PREFIX,
            queue_url=settings.QUEUE_URL,
            function=settings.FUNCTION_NAME,
        )
    )


def probe(seconds: float) -> Finding:
    """Put a small file where it is shown only, wait so long for its run, and remove what that made."""
    key = f"{settings.PREFIX}{FOLDER}{_PROBES}{uuid.uuid4().hex}.csv"
    try:
        source = objects.put(BytesIO(_PROBE), settings.BUCKET, key)
    except IngestError as error:
        return Finding(subject="probe", good=False, told=str(error))
    try:
        return _await(source, seconds)
    finally:
        _forget(source)
        objects.remove(source)  # where the role may not, the bucket removes previews by their age


def _await(source: SourceObject, seconds: float) -> Finding:
    """What became of the run of ``source``, asked for until it has ended, or so long."""
    began = time.monotonic()
    while True:
        run, waited = Run.objects.filter(**_which(source)).first(), time.monotonic() - began
        if run and run.status == Run.Status.SUCCEEDED:
            return Finding(subject="probe", good=True, told=f"a file came through in {waited:.1f} seconds")
        if run and run.status not in Run.UNFINISHED:
            return Finding(subject="probe", good=False, told=f"the run of a small file is {run.status}: {run.reason}")
        if waited > seconds:
            how = f"its run is still {run.status}" if run else "no run began"
            told = f"a file was put, and {how} after {seconds:.0f} seconds: look at the lines above, then at the log."
            return Finding(subject="probe", good=False, told=told)
        time.sleep(_LOOK)


def _forget(source: SourceObject) -> None:
    """Remove the run of a probe that has ended, and the dataset that was made for it."""
    with transaction.atomic():
        for run in Run.objects.filter(**_which(source)).exclude(status__in=Run.UNFINISHED):
            run.delete()
            Dataset.objects.filter(pk=run.dataset_id, runs__isnull=True, name__startswith=_PROBES).delete()


def _which(source: SourceObject) -> dict[str, str]:
    return {"bucket": source.bucket, "key": source.key, "version_id": source.version_id}


def _seen(subject: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(subject=subject, good=True, told=look())
    except wiring.CheckFailed as wrong:
        told = str(wrong)
    except IngestError as error:
        told = str(error)
    except DatabaseError as error:
        cause = error.__cause__ or error
        said = str(cause).strip().splitlines() or [type(error).__name__]
        told = f"{operator_message(cause)} ({said[0]}) Check its address, the security groups, and the secret."
    return Finding(subject=subject, good=False, told=told)


def _secret() -> str:
    user, _ = secrets.login(secrets.text(settings.DATABASES["default"]["SECRET_ARN"]))
    return f"holds the login of {user}"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version')")
        (version,) = cursor.fetchone()
    if connection.pg_version < _OLDEST:
        raise wiring.CheckFailed(f"it is PostgreSQL {version}, and 17 is needed: upgrade it (docs/runbook.md).")
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
    """Whether pages read tables by a role that can do nothing else."""
    with connection.cursor() as cursor:
        cursor.execute(reader.STATE)
        role, user, usable = cursor.fetchone()
    if usable:
        return Finding(subject="reader", good=True, told=f"pages read tables as {role}")
    told = (
        f"pages read tables as {user}, who can also write: let it make a role of its own for them (as a superuser: "
        f'ALTER ROLE "{user}" CREATEROLE), then run `manage.py migrate`.'
    )
    return Finding(subject="reader", good=True, caution=True, told=told)


def _clock() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (there,) = cursor.fetchone()
    return wiring.drift(datetime.now(UTC), there, whose="the database's")


def _versions() -> str:
    python = ".".join(map(str, sys.version_info[:3]))
    return f"Python {python}, Django {django.get_version()}, DuckDB {installed('duckdb')}"
