"""Settings of the site that need a way to the internet, held against the ways that their stage has."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from infra.stage import Stage, StageError

_INSIDE = ("SITE_URL", "QUEUE_URL", "STATIC_URL", "DATABASE_URL")
"""Addresses that the function never calls, or reaches without a way out."""
_MAIL = "EMAIL_HOST"


def variables(file: Path, stage: str) -> dict[str, str]:
    """Return the variables that ``stage`` gives the function in zappa's settings, with those of what it extends.

    Raises StageError where the file can't be read. A stage that it doesn't know has none: the deployment says so.
    """
    try:
        told = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise StageError(f"{file} can't be read: {error}.") from None
    found: dict[str, str] = {}
    seen: set[str] = set()
    name: str | None = stage
    while name and name in told and name not in seen:
        seen.add(name)
        found = told[name].get("aws_environment_variables", {}) | found
        name = told[name].get("extends")
    return found


def check(stage: Stage, told: Mapping[str, str]) -> list[str]:
    """Raise StageError for a setting that the stage has no way out for; return a warning for one that may have none."""
    if stage.internet:
        return []
    warnings = []
    for name, host in _called(told):
        if name == _MAIL:
            raise StageError(
                f"{name} of the stage {stage.name!r} is {host}, and nothing leads out of its network at the ports of "
                "e-mail: write internet = true (a NAT gateway, about 33 dollars a month), or use NOTIFY_TOPIC_ARN."
            )
        if not stage.is_ipv6:
            raise StageError(
                f"{name} of the stage {stage.name!r} leads to {host}, and nothing leads out of its network: write "
                'network = "ipv6", if that host has an IPv6 address, or internet = true.'
            )
        warnings.append(
            f"{name} of the stage {stage.name!r} leads to {host}: it is reached by IPv6 only. The doctor tries it; if "
            "that host has no IPv6 address, write internet = true."
        )
    return warnings


def _called(told: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Settings that lead out, each with its host: any address does, whatever its setting is for."""
    for name, value in told.items():
        parts = urlsplit(value) if isinstance(value, str) and "://" in value else None
        if name == _MAIL and value:
            yield name, value
        elif parts and parts.scheme in ("http", "https", "grpc") and parts.hostname and name not in _INSIDE:
            yield name, parts.hostname
