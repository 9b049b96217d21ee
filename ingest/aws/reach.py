"""Check whether a host can be reached from here, by IPv4 or IPv6."""

import os
import socket
from typing import Final
from urllib.parse import urlsplit

import boto3

_SECONDS: Final = 3.0
"""To wait for a connection: a network that leads nowhere drops it without an answer."""
_PORTS: Final = {"https": 443, "http": 80, "grpc": 4317}


def connect(host: str, port: int) -> str:
    """Open a connection and close it: return "IPv4" or "IPv6". Raises OSError where there is none."""
    with socket.create_connection((host, port), timeout=_SECONDS) as connection:
        return "IPv6" if connection.family == socket.AF_INET6 else "IPv4"


def place(address: str) -> tuple[str, int]:
    """Return host and port of an address, never what else it holds. Raises ValueError where it has no host."""
    parts = urlsplit(address)
    if not parts.hostname:
        raise ValueError("the address names no host")
    return parts.hostname, parts.port or _PORTS.get(parts.scheme, 443)


def service(name: str) -> tuple[str, int]:
    """Return host and port at which boto3 calls the service of that name."""
    region = os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION")
    return place(boto3.session.Session().client(name, region_name=region).meta.endpoint_url)
