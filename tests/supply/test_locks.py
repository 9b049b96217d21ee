"""The locks are read completely, and made of releases that are at least a week old."""

import os
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline_site.deploy import locks
from pipeline_site.deploy.zappa import ROOT


@pytest.mark.parametrize("lock", [locks.DEPLOYED, *locks.TOOLS], ids=lambda lock: lock.name)
def test_every_pin_is_read_with_all_its_hashes(lock: Path) -> None:
    text = lock.read_text()
    pins = list(locks.read(lock))
    assert len(pins) == len(re.findall(r"^[a-z0-9._\[\]-]+==", text, re.M)) > 0
    assert sum(len(pin.hashes) for pin in pins) == text.count("--hash=sha256:")


def test_what_is_for_another_platform_or_python_does_not_run_on_lambda() -> None:
    assert not {pin.name for pin in locks.read(locks.DEPLOYED) if pin.runs_on_lambda} & {"colorama", "tzdata"}
    runs = [pin.runs_on_lambda for pin in locks.read(locks.DEPLOYED) if pin.name == "django"]
    assert runs == [True]


def would_run(*words: str) -> str:
    """The commands of `make lock`."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "BEFORE")
    }
    command = ["make", "--dry-run", "lock", *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def test_lock_takes_nothing_younger_than_a_week() -> None:
    (before,) = re.findall(r"UV_EXCLUDE_NEWER='(\S+Z)'", would_run())
    age = datetime.now(UTC) - datetime.fromisoformat(before)
    assert timedelta(days=6, hours=23) < age < timedelta(days=7, hours=1)


def test_lock_can_be_repeated_as_of_a_moment_for_every_file() -> None:
    recipe = would_run("BEFORE=2026-11-20T00:00:00Z")
    shell = recipe[recipe.index("set -e; export UV_EXCLUDE_NEWER='2026-11-20T00:00:00Z'; \\\n") :]
    assert recipe.count("uv pip compile") == shell.count("uv pip compile") == 3
    lines = [line for line in shell.splitlines()[:-1] if line.strip()]
    assert all(line.endswith("\\") for line in lines), "one shell, so that the date holds for all of them"
