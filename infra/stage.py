"""What may differ from one stage to another, read from stages.toml and checked before anything is made of it."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_network
from pathlib import Path
from typing import Any

PROJECT = "ingest"
"""zappa's project name: with the stage it names the function, and everything here that has a name."""

_LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653)
"""The days for which CloudWatch keeps logs, if it doesn't keep them for ever."""
_KEY = r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})"
_FORMS = {
    "name": (r"[a-z](-?[a-z0-9]){0,14}", "up to 15 small letters, digits and hyphens, as in dev"),
    "prefix": (r"|[^/*?\"$\\]([^*?\"$\\]*[^/*?\"$\\])?/", "a folder that ends with a slash, as data/ does"),
    "admin_origin": (r"|https://[a-z0-9.-]+(:\d+)?", "scheme and host alone, as in https://files.example.com"),
    "alarm_email": (r"|[^@\s]+@[^@\s]+", "one address"),
    "database_class": (r"[a-z0-9]+\.[a-z0-9]+", "a class without its db., as in t4g.micro"),
    "database_version": (r"(1[7-9]|[2-9]\d)\.\d+", "PostgreSQL 17 or newer with its minor version, as in 18.6"),
    "network": (r"ipv6|endpoints", 'either "ipv6" or "endpoints"'),
    "kms_key": (rf"|{_KEY}", "the ARN of a key, as in arn:aws:kms:eu-west-1:123456789012:key/…"),
    "backup_region": (r"|[a-z]{2}(-[a-z]+)+-\d", "another region than the stage's, as in eu-west-1"),
    "backup_region_key": (rf"|{_KEY}", "the ARN of a key in backup_region"),
}
"""What a text must look like, and what to write instead."""
_SECRET = r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+"  # noqa: S105 - the form of an ARN
_RANGES = {
    "writers": (2, 1000),
    "requests_per_second": (1, 10000),
    "requests_burst": (1, 5000),
    "scratch_mib": (512, 10240),
    "database_storage_gib": (20, 65536),
    "database_storage_limit_gib": (22, 65536),
    "database_connections": (20, 5000),
    "backup_days": (1, 35),
    "rotation_days": (1, 1000),
    "old_version_days": (1, 36500),
    "endpoint_zones": (1, 2),
}
"""The least and the most of a number: AWS's own limits, but for the connections."""
_OF_A_WRITER = 2
"""Connections that each load holds: its own, and the one that renews its lease."""
_BESIDE = 12
"""Connections that are neither loads nor pages: the schedule and its load (2), `manage` and the doctor (2), a session
of yours (2), the rotation (1), and the five that PostgreSQL and RDS reserve for superusers."""
_KINDS: Mapping[Any, str] = {bool: "true or false", int: "a whole number", str: "a text in quotes"}


class StageError(Exception):
    """A choice that can't be right, in one sentence."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """The choices for one stage; docs/infrastructure.md tells what each does and costs."""

    name: str
    protect: bool = True
    prefix: str = "data/"
    admin_origin: str = ""
    alarm_email: str = ""
    allowed_cidrs: tuple[str, ...] = ()
    requests_per_second: int = 20
    requests_burst: int = 40
    writers: int = 4
    scratch_mib: int = 10240
    database_class: str = "t4g.micro"
    database_version: str = "18.6"
    database_storage_gib: int = 20
    database_storage_limit_gib: int = 100
    database_connections: int = 80
    major_upgrade: bool = False
    multi_az: bool = False
    backup_days: int = 7
    backup_region: str = ""
    backup_region_key: str = ""
    kms_key: str = ""
    rotation_days: int = 30
    old_version_days: int = 90
    log_days: int = 90
    network: str = "endpoints"
    endpoint_zones: int = 1
    secrets: tuple[str, ...] = ()
    internet: bool = False
    bastion: bool = False
    cdk_function: bool = False

    @property
    def title(self) -> str:
        """The name of the function, and what other names begin with."""
        return f"{PROJECT}-{self.name}"

    @property
    def is_ipv6(self) -> bool:
        """Whether AWS's services are called by IPv6, in place of endpoints inside the network."""
        return self.network == "ipv6"

    @property
    def connections(self) -> int:
        """The most database connections that are open at once: loads, pages, and what else there is.

        A page is counted with one second: with a full burst, and requests coming at the limit, so many are in progress.
        """
        return _OF_A_WRITER * self.writers + self.requests_burst + self.requests_per_second + _BESIDE

    @property
    def warnings(self) -> list[str]:
        """What can be deployed but shouldn't stay as it is, a sentence each."""
        if self.protect and not self.alarm_email:
            return [
                f"Nobody is told when the stage {self.name!r} fails: its data is protected, but its alarms go to no "
                f'one. Write alarm_email = "you@example.com" below [{self.name}] and deploy again.'
            ]
        return []

    def __post_init__(self) -> None:
        for name, (pattern, example) in _FORMS.items():
            if not re.fullmatch(pattern, getattr(self, name)):
                raise self._wrong(name, example)
        for name, (least, most) in _RANGES.items():
            if not least <= getattr(self, name) <= most:
                raise self._wrong(name, f"a whole number from {least:,} to {most:,}")
        if not all(re.fullmatch(_SECRET, arn) for arn in self.secrets):
            raise self._wrong("secrets", "whole ARNs of secrets, as in arn:aws:secretsmanager:…:secret:NAME-AbCdEf")
        if self.log_days not in _LOG_DAYS:
            raise self._wrong("log_days", f"one of {', '.join(map(str, _LOG_DAYS))}")
        if self.database_storage_limit_gib * 10 < self.database_storage_gib * 11:
            raise self._wrong("database_storage_limit_gib", "at least a tenth more than database_storage_gib")
        self._check_addresses()
        self._check_backups()
        self._check_connections()

    def _check_addresses(self) -> None:
        for cidr in self.allowed_cidrs:
            try:
                network = ip_network(cidr)
            except ValueError:
                raise self._wrong("allowed_cidrs", "address ranges such as 203.0.113.0/24 or 203.0.113.7/32") from None
            if network.version != 4:
                raise self._wrong("allowed_cidrs", "IPv4 ranges: the site's address has no IPv6")

    def _check_backups(self) -> None:
        if bool(self.backup_region) != bool(self.backup_region_key):
            raise StageError(
                f"The stage {self.name!r} has backup_region or backup_region_key, but not both: copies of an encrypted "
                "database need a key in the region they go to."
            )
        if self.backup_region and f":kms:{self.backup_region}:" not in self.backup_region_key:
            raise self._wrong("backup_region_key", f"the ARN of a key in {self.backup_region}")

    def _check_connections(self) -> None:
        if self.connections > self.database_connections:
            raise StageError(
                f"The stage {self.name!r} may open {self.connections} database connections ({_OF_A_WRITER} for each of "
                f"{self.writers} writers, {self.requests_burst} + {self.requests_per_second} for pages, {_BESIDE} for "
                f"the rest), and database_connections is {self.database_connections}: raise it, with a database_class "
                "that has the memory, or lower writers, requests_burst or requests_per_second."
            )

    def _wrong(self, name: str, instead: str) -> StageError:
        return StageError(f"{name} of the stage {self.name!r} is {getattr(self, name)!r}: write {instead}.")


def read(file: Path) -> dict[str, Stage]:
    """The stages of a TOML file by name. Raises StageError, with what to do."""
    try:
        tables = tomllib.loads(file.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StageError(f"{file} can't be read: {error}.") from None
    return {name: _stage(name, table) for name, table in tables.items()}


def _stage(name: str, table: object) -> Stage:
    if not isinstance(table, Mapping):
        raise StageError(f"{name} stands outside of a stage: write it below a line such as [dev].")
    return Stage(name=name, **{choice: _checked(name, choice, value) for choice, value in table.items()})


def _checked(stage: str, choice: str, value: object) -> Any:
    """``value``, if there is such a choice and it is of its type."""
    types = {field.name: field.type for field in fields(Stage) if field.name != "name"}
    if choice not in types:
        raise StageError(f"The stage {stage!r} has no choice {choice!r}: there are {', '.join(types)}.")
    wanted = types[choice]
    if wanted not in _KINDS and isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    if type(value) is not wanted:
        kind = _KINDS.get(wanted, "a list of texts in quotes")
        raise StageError(f"{choice} of the stage {stage!r} is {value!r}: write {kind}.")
    return value
