"""The zip for Lambda: wheels of the target's kind and our own code, with byte code, packed by zappa, then checked.

It is made in a folder that holds nothing but what shall go in, since zappa packs all it finds. What was made from the
same requirements and sources is taken again.
"""

import compileall
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any

from pipeline_site.deploy import DeployError, licenses, locks, sbom, zappa
from pipeline_site.deploy.checks import check, refuse_secrets
from pipeline_site.deploy.zappa import ROOT

BUILD = ROOT / ".build"
REQUIREMENTS = locks.DEPLOYED
CA_FILE = "rds-ca.pem"
"""The certificates of RDS, at the package's root: what DATABASE_CA says there."""

_PLATFORMS = {"x86_64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
"""Amazon Linux 2023, under all of RUNTIMES, has glibc 2.34."""
_PROJECT = ("ingest", "pipeline_site", "manage.py")
_LEFT_OUT = ("__pycache__", "*.pyc", "local", "deploy")
_TRIMMED = (
    ".lock",  # uv's
    *("bin", "**/*.pyi", "numpy/**/tests", "numpy/_core/lib", "numpy/**/include", "numpy/f2py", "numpy/distutils"),
    "django/**/LC_MESSAGES",  # the site speaks one language
)
"""Of no use in a function."""
_SERVICES = frozenset(
    [
        "cloudwatch",
        "events",
        "kms",
        "lambda",
        "logs",
        "s3",
        "secretsmanager",
        "ses",
        "sesv2",
        "sns",
        "sqs",
        "ssm",
        "stepfunctions",
        "sts",
    ]
)
"""What boto3 may be asked for there: the descriptions of AWS's other services are a third of all files."""
_KEPT = 4
"""So many zips, and installed packages, are kept."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """A zip that was checked."""

    path: Path
    sbom: Path | None
    """Its software bill of materials, which is in the zip too; None for a zip that was not built here."""
    unpacked: int
    """Bytes."""
    digest: str
    """Of all that it was made of."""


def build(stage: str, settings: Mapping[str, Any], *, ca: Path | None = None) -> Package:
    """Make the zip of ``stage``, unless it stands; ``ca`` is the file of RDS's certificates.

    Raises DeployError with one sentence for whatever can't be packed, or must not be.
    """
    zappa.check_python(settings)
    digest = _digest(stage, settings, ca)
    target = BUILD / "packages" / f"{settings['project_name']}-{stage}-{digest[:16]}.zip"
    wheels = _wheels(settings)
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="package-", dir=BUILD) as folder:
            made = _pack(Path(folder) / "project", stage, settings, wheels, ca, digest)
            made.rename(target)  # a build that is killed leaves no half of a zip
        for pattern in ("*.zip", "*.cdx.json"):
            _keep_newest(target.parent, pattern)
    try:
        size = check(target, settings, expected=_files(wheels, settings))
    except DeployError:
        target.unlink()
        raise
    beside = target.with_suffix(".cdx.json")
    with zipfile.ZipFile(target) as made_zip:
        beside.write_bytes(made_zip.read(sbom.FILE))
    return Package(path=target, sbom=beside, unpacked=size, digest=digest)


def take(path: Path, settings: Mapping[str, Any]) -> Package:
    """Check a zip that somebody else may have made, and return it as a package.

    Raises DeployError where it isn't what `build` would make of these requirements.
    """
    refuse_secrets(path)
    size = check(path, settings, expected=_files(_wheels(settings), settings))
    with zipfile.ZipFile(path) as made:
        lacking = [name for name in (CA_FILE, "manage.py", "zappa_settings.py") if name not in made.namelist()]
    if lacking:
        raise DeployError(f"{path} has no {lacking[0]}: leave out --zip, and the package is built here.")
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Package(path=path, sbom=None, unpacked=size, digest=digest)


def _files(wheels: Path, settings: Mapping[str, Any]) -> set[str]:
    """The installed files, by their names in the zip."""
    installed = wheels / _site_packages(settings)
    return {path.relative_to(installed).as_posix() for path in installed.rglob("*") if path.is_file()}


def _pack(folder: Path, stage: str, settings: Mapping[str, Any], wheels: Path, ca: Path | None, digest: str) -> Path:
    folder.mkdir()
    for name in _PROJECT:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns(*_LEFT_OUT))
        else:
            shutil.copy(source, folder / name)
    if ca:
        shutil.copy(ca, folder / CA_FILE)
    _collect_static(folder)
    _compile(folder)
    installed = wheels / _site_packages(settings)
    (folder / sbom.FILE).write_text(sbom.text(installed, digest=digest, runtime=settings["runtime"]))
    zappa.write(folder, stage, settings)
    zappa.run(folder, ["package", stage, "--output", "made.zip"], environment={"VIRTUAL_ENV": str(wheels)})
    return folder / "made.zip"


def _wheels(settings: Mapping[str, Any]) -> Path:
    """A folder laid out as an environment, with what runs on Lambda: zappa knows no other way to be told."""
    name = f"{settings['runtime']}-{settings['architecture']}"
    digest = hashlib.sha256(
        REQUIREMENTS.read_bytes() + name.encode() + repr((_TRIMMED, sorted(_SERVICES))).encode()
    ).hexdigest()[:16]
    wheels = BUILD / "wheels" / f"{name}-{digest}"
    if wheels.exists():
        return wheels
    wheels.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="wheels-", dir=wheels.parent) as new:
        target = Path(new) / "made" / _site_packages(settings)
        command = [
            *(str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--target", str(target)),
            *("--python", sys.executable, "--python-platform", _PLATFORMS[settings["architecture"]]),
            *("--python-version", settings["runtime"].removeprefix("python"), "--no-build", "--no-deps"),
            *("--require-hashes", "--requirement", str(REQUIREMENTS)),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise DeployError(f"The packages for Lambda can't be installed: {done.stderr.strip()[-500:]}")
        _trim(target)
        _compile(target)
        (Path(new) / "made").rename(wheels)
    _keep_newest(wheels.parent, f"{name}-*")
    return wheels


def _trim(target: Path) -> None:
    services = (path for path in (target / "botocore" / "data").iterdir() if path.is_dir())
    others = {path for path in services if path.name not in _SERVICES}
    for path in others | {path for pattern in _TRIMMED for path in target.glob(pattern)}:
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _keep_newest(folder: Path, pattern: str) -> None:
    """Older ones go, but for a few: two stages, and the sandbox of the tests."""
    newest = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest[_KEPT:]:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _site_packages(settings: Mapping[str, Any]) -> Path:
    return Path("lib", settings["runtime"], "site-packages")


def _compile(folder: Path) -> None:
    """Write byte code that is taken as it is: the zip's dates of 1980 would make any other stale at every start."""
    mode = PycInvalidationMode.UNCHECKED_HASH
    # What fails are templates of source code that some packages carry; Lambda never imports them.
    compileall.compile_dir(folder, quiet=2, invalidation_mode=mode, workers=0, stripdir=folder)


def _collect_static(folder: Path) -> None:
    """Gather the pages' static files, under names that hold a hash: the code's folder can't be written to later."""
    gathered = folder / "static-root"
    gathered.mkdir()
    # The settings take the storage that writes a manifest where there is one.
    (gathered / "staticfiles.json").write_text('{"version": "1.1", "paths": {}, "hash": ""}')
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR", "HOME")}
    environment = kept | {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "SECRET_KEY": "needed by nothing that this command does",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise DeployError(f"The static files can't be gathered: {done.stderr.strip().splitlines()[-1]}")


def _digest(stage: str, settings: Mapping[str, Any], ca: Path | None) -> str:
    """Of everything that goes in, or says how."""
    digest = hashlib.sha256(repr((stage, sorted(settings.items()), sys.version_info[:3])).encode())
    for path in sorted(_sources(ca)):
        digest.update(f"\0{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _sources(ca: Path | None) -> Iterator[Path]:
    yield REQUIREMENTS
    yield from (ROOT / "pyproject.toml", licenses.FILE, *(Path(str(each.__file__)) for each in (sbom, licenses, locks)))
    yield Path(__file__)
    for name in _PROJECT:
        path = ROOT / name
        for each in [path] if path.is_file() else path.rglob("*"):
            parts = each.relative_to(ROOT).parts
            if each.is_file() and not {"__pycache__", "local", "deploy"} & set(parts):
                yield each
    if ca:
        yield ca
