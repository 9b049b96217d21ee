"""What may differ from one stage to another, read from stages.toml and checked before anything is made of it."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

PROJECT = "ingest"
"""zappa's project name: with the stage it names the function, and everything here that has a name."""

_LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653)
"""The days for which CloudWatch keeps logs, if it doesn't keep them for ever."""
_FORMS = {
    "name": (r"[a-z](-?[a-z0-9]){0,14}", "up to 15 small letters, digits and hyphens, as in dev"),
    "prefix": (r"|[^/*?\"$\\]([^*?\"$\\]*[^/*?\"$\\])?/", "a folder that ends with a slash, as data/ does"),
    "admin_origin": (r"|https://[a-z0-9.-]+(:\d+)?", "scheme and host alone, as in https://files.example.com"),
    "alarm_email": (r"|[^@\s]+@[^@\s]+", "one address"),
    "database_class": (r"[a-z0-9]+\.[a-z0-9]+", "a class without its db., as in t4g.micro"),
    "database_version": (r"(1[7-9]|[2-9]\d)\.\d+", "PostgreSQL 17 or newer with its minor version, as in 18.6"),
}
"""What a text must look like, and what to write instead."""
_SECRET = r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[\w/+=.@-]+"  # noqa: S105 - the form of an ARN
_RANGES = {
    "writers": (2, 1000),
    "database_storage_gib": (20, 65536),
    "database_storage_limit_gib": (22, 65536),
    "database_connections": (20, 5000),
    "backup_days": (1, 35),
    "rotation_days": (1, 1000),
    "old_version_days": (1, 36500),
    "endpoint_zones": (1, 2),
}
"""The least and the most of a number: AWS's own limits, but for the connections."""
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
    writers: int = 4
    database_class: str = "t4g.micro"
    database_version: str = "18.6"
    database_storage_gib: int = 20
    database_storage_limit_gib: int = 100
    database_connections: int = 80
    major_upgrade: bool = False
    multi_az: bool = False
    backup_days: int = 7
    rotation_days: int = 30
    old_version_days: int = 90
    log_days: int = 90
    endpoint_zones: int = 1
    secrets: tuple[str, ...] = ()
    internet: bool = False
    bastion: bool = False
    cdk_function: bool = False

    @property
    def title(self) -> str:
        """The name of the function, and what other names begin with."""
        return f"{PROJECT}-{self.name}"

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
