"""Check the network paths to the AWS services in use and to the hosts that the settings name."""

import os
from collections.abc import Iterator

from django.conf import settings

from ingest.aws import reach
from ingest.aws.wiring import Finding
from ingest.notifications.channels import configured_channels

_PREFIXES = ("NOTIFY_", "OIDC_", "OTEL_")
"""Prefixes of settings that may contain an external URL."""
_MAIL = "internet = true"
_WEB = 'internet = true, or network = "ipv6" if that host has an IPv6 address'


def check_network_paths() -> list[Finding]:
    """Open a connection to each host. A finding for one that can't be reached names the network setting it needs."""
    return [_service(name) for name in _services()] + [_setting(*host) for host in _external_hosts()]


def _services() -> list[str]:
    used = {
        "secretsmanager": settings.DATABASES["default"].get("SECRET_ARN"),
        "sqs": settings.QUEUE_URL,
    }
    of_channels = {channel.aws_service for channel in configured_channels() if channel.aws_service}
    return sorted({name for name, is_used in used.items() if is_used} | of_channels)


def _service(name: str) -> Finding:
    host, port = reach.service(name)
    try:
        message = f"{host} answers by {reach.connect(host, port)}"
    except OSError as error:
        message = (
            f"{host}:{port} can't be reached ({type(error).__name__}): check the stage's network and its security "
            "groups, then deploy the stage again."
        )
        return Finding(subject=f"way to {name}", good=False, told=message)
    return Finding(subject=f"way to {name}", good=True, told=message)


def _external_hosts() -> Iterator[tuple[str, str, int, str]]:
    """Yield the settings with external hosts: name, host, port, and the network setting that makes it reachable."""
    if settings.EMAIL_HOST:
        yield "EMAIL_HOST", settings.EMAIL_HOST, settings.EMAIL_PORT, _MAIL
    for name, value in sorted(os.environ.items()):
        if name.startswith(_PREFIXES) and "://" in value:
            yield name, *reach.place(value), _WEB


def _setting(name: str, host: str, port: int, choice: str) -> Finding:
    try:
        message = f"{host} answers by {reach.connect(host, port)}"
    except OSError as error:
        message = (
            f"{host}:{port} can't be reached from here ({type(error).__name__}). If it is up, the stage lacks a way to "
            f"it: write {choice} in infra/stages.toml, then deploy the stage again."
        )
        return Finding(subject=name, good=False, told=message)
    return Finding(subject=name, good=True, told=message)
