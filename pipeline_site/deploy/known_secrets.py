"""The secrets that this machine knows: no package may contain one of them, whatever the file is called."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

_NAME = re.compile(r"PASSW(OR)?D|SECRET|TOKEN|ACCESS_KEY|API_?KEY|PRIVATE_KEY|CREDENTIAL", re.IGNORECASE)
_NO_SECRET = re.compile(r"_(ARN|FILE|PATH|DIR|URI|NAME|TYPE)$", re.IGNORECASE)
_SHORTEST = 10
"""Characters: shorter values are in any package by chance."""
_WORD = re.compile(r"[A-Za-z_]{1,15}")
"""What may be a name in somebody's code."""
_MOST = 200
"""The number of values that are looked for, and so the number of times that each file is searched."""
_LARGEST_FILE = 1 << 20


def known_secrets(root: Path, environment: Mapping[str, str] | None = None) -> dict[bytes, str]:
    """Return each secret with the place that it is known from: the environment, the demo, ``.env`` files, AWS's login.

    ``root`` is the project folder. A value that is too short, or may be a plain word, is left out.
    """
    known: dict[bytes, str] = {}
    for place, value in _found(root, os.environ if environment is None else environment):
        if len(value) >= _SHORTEST and not _WORD.fullmatch(value) and len(known) < _MOST:
            known.setdefault(value.encode(), place)
    return known


def _found(root: Path, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in environment.items():
        yield from _setting(f"{name} of the environment", name, value)
    demo = root / ".local"
    for file in (demo / "env", root / "env", *sorted(root.glob(".env*")), *sorted(root.glob("*.env"))):
        for line in _text(file).splitlines():
            name, _, value = line.removeprefix("export ").partition("=")
            yield from _setting(f"{name.strip()} in {file.name}", name, value)
    yield "admin-password", _text(demo / "admin-password").strip()
    for line in _text(demo / "pgpass").splitlines():
        yield "pgpass", line.rpartition(":")[2]
    yield from _of_json(demo / "secrets.json")
    login = environment.get("AWS_SHARED_CREDENTIALS_FILE") or str(Path.home() / ".aws" / "credentials")
    for line in _text(Path(login)).splitlines():
        name, _, value = line.partition("=")
        yield from _setting(f"{name.strip()} of the AWS login", name, value)


def _setting(place: str, name: str, value: str) -> Iterator[tuple[str, str]]:
    name, value = name.strip(), value.strip().strip("'\"")
    if "://" in value:
        try:
            yield place, urlsplit(value).password or ""
        except ValueError:  # an address that can't be read has no password that could be found by it
            return
    elif _NAME.search(name) and not _NO_SECRET.search(name):
        yield place, value


def _of_json(file: Path) -> Iterator[tuple[str, str]]:
    try:
        told = json.loads(_text(file) or "{}")
    except ValueError:
        return
    for name, value in told.items() if isinstance(told, dict) else ():
        if isinstance(value, str):
            yield f"{name} in {file.name}", value


def _text(file: Path) -> str:
    """Return what ``file`` holds; empty where it is none of ours to read, or too large to be a file of settings."""
    try:
        return file.read_text(errors="replace") if file.stat().st_size <= _LARGEST_FILE else ""
    except OSError:
        return ""
