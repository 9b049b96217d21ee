"""System checks of settings that depend on each other. Settings that are wrong by themselves fail in settings.py."""

from collections.abc import Sequence

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from ingest.loader.outcome.target import SCHEMA
from ingest.notifications.channels import CHANNELS

_MIN_VERSION = 170000
"""``MERGE … RETURNING merge_action()`` needs PostgreSQL 17."""


@register(deploy=True)
def check_bucket(app_configs: object, **_: object) -> list[CheckMessage]:
    """Check that a bucket is set: without it, every event is ignored and no file is loaded."""
    if settings.BUCKET:
        return []
    return [
        Error(
            "BUCKET is not set, so no file is loaded.",
            hint="Set BUCKET to the name of the bucket that receives the files.",
            id="ingest.E001",
        )
    ]


@register(deploy=True)
def check_messages(app_configs: object, **_: object) -> list[CheckMessage]:
    """Check the settings of each notification channel."""
    return [problem for channel in CHANNELS.values() for problem in channel.check()]


@register(Tags.database)
def check_database(app_configs: object, databases: Sequence[str] | None = None, **_: object) -> list[CheckMessage]:
    """Check that the database is PostgreSQL, in a version that the loader supports."""
    problems: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor != "postgresql":
            problems.append(Error(f"The database {alias!r} is {connection.vendor}, not PostgreSQL.", id="ingest.E002"))
        elif connection.pg_version < _MIN_VERSION:
            version = connection.pg_version // 10_000
            message = f"The database {alias!r} is PostgreSQL {version}; 17 or later is required."
            problems.append(Error(message, id="ingest.E003"))
        else:
            problems += _check_search_path(alias)
    return problems


def _check_search_path(alias: str) -> list[CheckMessage]:
    """Check that our own tables come before loaded tables on the search path (file-rules#names)."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT current_schemas(false)")
        (schemas,) = cursor.fetchone()
    if SCHEMA not in schemas or schemas.index(SCHEMA) > 0:
        return []
    return [
        Warning(
            f"The schema {SCHEMA} comes first on the search path, so a loaded table could hide one of Django's.",
            hint=f'ALTER DATABASE … SET search_path = "$user", public, {SCHEMA};',
            id="ingest.W001",
        )
    ]
