"""What zappa is told about a stage: ``zappa_settings.json``, checked and made complete; and zappa itself, run."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline_site.deploy import DeployError

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ROOT / "zappa_settings.json"
RUNTIMES = ("python3.12", "python3.13", "python3.14")
"""Lambda's, of those that the product runs on. Not 3.11: Amazon Linux 2 is under it, and its C library (glibc 2.26) is
older than numpy's and DuckDB's wheels take."""
HERE = f"python{sys.version_info.major}.{sys.version_info.minor}"

# What would undo the way this is built; zappa's own defaults differ from each of these.
_FIXED: Mapping[str, Any] = {
    "debug": False,  # or tracebacks stand in answers
    "log_level": "INFO",  # at DEBUG botocore writes the database's password into the log
    "manage_roles": False,  # zappa's own role may do nearly everything, but not read a secret
    "events": [],  # zappa loses events between removing and adding a notification
    "function_url_enabled": False,
    "slim_handler": False,
    "lambda_handler": "pipeline_site.lambda_handler.lambda_handler",
}

_GUARDS = ("callbacks", "exclude", "exclude_glob")
"""Settings that protect the project folder. We run zappa in folders that contain nothing but the product."""


def stages(file: Path = SETTINGS) -> list[str]:
    """Return the names of the stages in ``file``; ``base`` is none, they extend it."""
    return [name for name in _told(file) if name != "base"]


def _told(file: Path) -> dict[str, Any]:
    try:
        told = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise DeployError(f"{file} can't be read: {error}.") from None
    if not isinstance(told, dict) or not all(isinstance(part, dict) for part in told.values()):
        raise DeployError(f"{file} can't be read: it must hold an object of settings for each stage.")
    return told


def stage_settings(stage: str, *, file: Path = SETTINGS, runtime: str = "") -> dict[str, Any]:
    """The settings of ``stage`` with what it extends; ``runtime`` takes the place of theirs, for a Lambda of one's own.

    Raises DeployError for what can't be packed or deployed from here.
    """
    names, told = stages(file), _told(file)
    if stage not in names:
        raise DeployError(f"{file.name} has no stage {stage!r}: there is {', '.join(names)}; say which with STAGE=…")
    settings: dict[str, Any] = {}
    name: str | None = stage
    while name:
        if name not in told:
            raise DeployError(f"The stage {stage!r} in {file.name} extends {name!r}, which isn't there.")
        part = dict(told.pop(name))
        name = part.pop("extends", None)
        settings = part | settings
    if not runtime and settings.get("runtime") not in RUNTIMES:
        raise DeployError(f"runtime of {stage!r} is {settings.get('runtime')!r}: write one of {', '.join(RUNTIMES)}.")
    settings["runtime"] = runtime or settings["runtime"]
    _check(settings, stage)
    return settings


def _check(settings: Mapping[str, Any], stage: str) -> None:
    for name, value in _FIXED.items():
        if settings.get(name) != value:
            raise DeployError(
                f"{name} of the stage {stage!r} is {settings.get(name)!r} in zappa_settings.json: "
                f"it must be {json.dumps(value)} here."
            )
    if settings.get("architecture") not in ("x86_64", "arm64"):
        raise DeployError("architecture in zappa_settings.json must be x86_64 or arm64.")
    if not settings.get("aws_region"):
        raise DeployError(
            f"The stage {stage!r} has no aws_region in zappa_settings.json: write one there, such as eu-central-1."
        )


def check_runtime(settings: Mapping[str, Any]) -> None:
    """Raise DeployError where the runtime is none of AWS's, as RUNTIME may choose for a Lambda on this machine."""
    if settings["runtime"] not in RUNTIMES and not os.environ.get("AWS_ENDPOINT_URL"):
        raise DeployError(
            f"AWS can't run this with {settings['runtime']}: unset RUNTIME, or choose one of {', '.join(RUNTIMES)}."
        )


def check_python(settings: Mapping[str, Any]) -> None:
    """Raise DeployError unless this is the Python that the function will have: what is packed is compiled by it."""
    if settings["runtime"] != HERE:
        raise DeployError(
            f"This is for {settings['runtime']}, and what makes it is {HERE}: run `make clean env PYTHON="
            f"{settings['runtime']}`. (For a Lambda on this machine alone: RUNTIME={HERE}.)"
        )


def write(folder: Path, stage: str, settings: Mapping[str, Any], *, callbacks: Mapping[str, str] | None = None) -> Path:
    """Leave ``settings`` where zappa, run in ``folder``, finds them, without the guards of the project folder."""
    folder.mkdir(parents=True, exist_ok=True)
    ours = {name: value for name, value in settings.items() if name not in _GUARDS}
    if callbacks:
        ours["callbacks"] = dict(callbacks)
    file = folder / "zappa_settings.json"
    file.write_text(json.dumps({stage: ours}, indent=4) + "\n")
    return file


def run(folder: Path, words: Sequence[str], *, environment: Mapping[str, str] | None = None) -> str:
    """Run ``zappa words…`` in ``folder``; gives what it printed. Raises DeployError with its last words."""
    done = subprocess.run(
        [_COMMAND, *words],
        cwd=folder,
        env=_environment() | dict(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        raise DeployError(f"`zappa {' '.join(words)}` failed: {' / '.join(lines[-4:]) or 'it said nothing'}")
    return done.stdout


def show(folder: Path, words: Sequence[str]) -> int:
    """Run ``zappa words…`` in ``folder`` for the person at the terminal; its exit status."""
    return subprocess.run([_COMMAND, *words], cwd=folder, env=_environment(), check=False).returncode


_COMMAND = str(Path(sys.executable).with_name("zappa"))


def _environment() -> dict[str, str]:
    """Ours, without what would lead to other settings or modules than the package's."""
    kept = {name: value for name, value in os.environ.items() if name not in ("DJANGO_SETTINGS_MODULE", "PYTHONPATH")}
    return kept | {"VIRTUAL_ENV": str(Path(sys.executable).parents[1])}
