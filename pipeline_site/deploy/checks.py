"""Whether a zip may go to Lambda: zappa checks neither its size nor its Python, and packs whatever lies about."""

import importlib.util
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline_site.deploy import DeployError
from pipeline_site.deploy.known_secrets import known_secrets
from pipeline_site.deploy.zappa import ROOT

LARGEST = 250 << 20
"""Bytes that a function may have unpacked: Lambda's own limit."""

_OURS = {"ingest", "pipeline_site", "static-root", "manage.py", "rds-ca.pem", "sbom.cdx.json"}
_ZAPPAS = {"handler.py", "django_zappa_app.py", "zappa_settings.py", "zappa_settings.json", "package_info.json"}
_STRAY = re.compile(
    r"(^|/)(\.[^/]*|tests?|conftest\.py|node_modules|id_(rsa|dsa|ecdsa|ed25519)|credentials|pgpass|secrets\.json)(/|$)"
    r"|^pipeline_site/(local|deploy)/"
    r"|\.(key|p12|pfx|sqlite3?|csv|log|orig|rej)$",
    re.IGNORECASE,
)
_KINDS = {".py", ".pyc", ".html", ".txt", ".js", ".css", ".svg", ".png", ".ico", ".woff2", ".json"}
"""The kinds of file that the product's own folders may hold."""
_SECRET_FILE = re.compile(
    r"(^|/)(\.local|\.aws|\.ssh)/"
    r"|(^|/)(env|\.env[^/]*|[^/]+\.env|\.?pgpass|secrets\.json|admin-password|id_(rsa|dsa|ecdsa|ed25519))$"
    r"|\.(key|p12|pfx)$",
    re.IGNORECASE,
)
"""Names of files that hold secrets."""
_DATABASE = re.compile(rb"\bpostgres(ql)?://(?!user:password@)[^\s:/@'\"{}]+:[^\s/@'\"{}*%]+@")
_SECRETS = (
    ("an AWS key", re.compile(rb"\b(AKIA|ASIA)(?![0-9A-Z]{9}EXAMPLE)[0-9A-Z]{16}\b")),  # botocore shows such examples
    (
        "a private key",  # header and first line: libraries have the header alone in their code
        re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----(\s|\\n|[A-Za-z-]+: [^\n]*\n)*[A-Za-z0-9+/]{40}"),
    ),
    ("a database's address with its password", _DATABASE),
)
_OURS_SECRETS = (*_SECRETS, ("a private key", re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----")))
_MACHINES = {"x86_64": 62, "arm64": 183}
"""In the head of an ELF file."""
_UNCHECKED_HASH = 0b01


def refuse_secrets(path: Path) -> None:
    """Raise DeployError if the zip is unreadable, too large or contains a secret, no matter who built it."""
    with _opened(path) as package:
        known = known_secrets(ROOT)
        _size(package.infolist())
        for entry in package.infolist():
            _refuse_secret(package, entry, known)


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as package:
            yield package
    except (OSError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error, lzma.LZMAError) as error:
        raise DeployError(
            f"{path} is not a readable zip file: {error}. Build the package with `zappa package STAGE`."
        ) from None


def _size(files: list[zipfile.ZipInfo]) -> int:
    """The unpacked size, which bounds what is read of the files afterwards."""
    size = sum(entry.file_size for entry in files)
    if size > LARGEST:
        raise DeployError(_too_large(files, size))
    return size


def _refuse_secret(package: zipfile.ZipFile, entry: zipfile.ZipInfo, known: Mapping[bytes, str]) -> None:
    """Read the file once, and search it once for each pattern and for each secret that is known here."""
    if _SECRET_FILE.search(entry.filename):
        raise DeployError(
            f"The package contains {entry.filename}, which holds secrets: delete the package and build a new one with "
            "`zappa package STAGE`."
        )
    if entry.is_dir() or ".so" in PurePosixPath(entry.filename).suffixes:
        return
    content = package.read(entry)
    for value, place in known.items():
        if value in content:
            raise DeployError(
                f"{entry.filename} contains the value of {place}: remove it, and change that secret, which others may "
                "have seen."
            )
    for what, pattern in _OURS_SECRETS if _is_ours(entry.filename) else _SECRETS:
        if pattern.search(content):
            raise DeployError(
                f"{entry.filename} holds {what}: take it out, and change the secret, which others may have seen."
            )


def check(path: Path, settings: Mapping[str, Any], *, expected: Collection[str]) -> int:
    """The unpacked size of the zip in bytes; ``expected`` are the files, or whole folders, of the installed packages.

    Raises DeployError for the first thing that must not go to Lambda.
    """
    with _opened(path) as package:
        files = [entry for entry in package.infolist() if not entry.is_dir()]
        size = _size(files)
        known, places = known_secrets(ROOT), _places(expected)
        for entry in files:
            _check_place(entry.filename, places)
            _refuse_secret(package, entry, known)
            if ".so" in PurePosixPath(entry.filename).suffixes:
                with package.open(entry) as binary:
                    _check_binary(entry.filename, binary.read(20), settings)
        _check_byte_code(package, files)
    return size


def _too_large(files: list[zipfile.ZipInfo], size: int) -> str:
    parts: dict[str, int] = {}
    for entry in files:
        name = entry.filename.split("/")[0]
        parts[name] = parts.get(name, 0) + entry.file_size
    largest = sorted(parts, key=lambda name: -parts[name])[:3]
    told = ", ".join(f"{name} {parts[name] >> 20} MiB" for name in largest)
    return f"The package has {size >> 20} MiB unpacked, and Lambda takes {LARGEST >> 20}: the largest are {told}."


def _is_ours(name: str) -> bool:
    return name.split("/")[0] in _OURS | _ZAPPAS


def _places(expected: Collection[str]) -> frozenset[str]:
    """What was installed, with the empty modules that zappa adds to each of its folders; and our one module beside."""
    folders = {str(parent) for name in expected for parent in PurePosixPath(name).parents}
    added = {str(PurePosixPath(folder, "__init__.py")) for folder in folders}
    return frozenset(expected) | added | {importlib.util.cache_from_source("manage.py")}


def _check_place(name: str, places: Collection[str]) -> None:
    if not _is_ours(name) and name not in places and not any(str(up) in places for up in PurePosixPath(name).parents):
        raise DeployError(f"The package holds {name}, which neither we nor a requirement put there: remove it.")
    if not _is_ours(name):
        return
    source = name.split("/")[0] in ("ingest", "pipeline_site")
    if _STRAY.search(name) or (source and PurePosixPath(name).suffix not in _KINDS):
        raise DeployError(f"The package holds {name}, which has no place there: move it out of the source folders.")


def _check_binary(name: str, head: bytes, settings: Mapping[str, Any]) -> None:
    """A library for another processor, or another Python, would be found out by the first request."""
    wanted = _MACHINES[settings["architecture"]]
    if head[:4] != b"\x7fELF" or struct.unpack_from("<H", head, 18)[0] != wanted:
        raise DeployError(f"{name} isn't made for Linux on {settings['architecture']}: run `make clean` and try again.")
    tagged = re.search(r"\.cpython-(\d)(\d+)-", name)
    if tagged and f"python{tagged[1]}.{tagged[2]}" != settings["runtime"]:
        raise DeployError(f"{name} is made for Python {tagged[1]}.{tagged[2]}, not {settings['runtime']}.")


def _check_byte_code(package: zipfile.ZipFile, files: list[zipfile.ZipInfo]) -> None:
    """Every module of ours has byte code of this Python that is taken unchecked; else each cold start compiles it."""
    names = {entry.filename for entry in files}
    for path in _modules(names):
        cached = importlib.util.cache_from_source(path)
        if cached not in names:
            raise DeployError(f"{path} has no byte code in the package: run `make clean` and try again.")
        magic, flags = struct.unpack("<4sI", package.open(cached).read(8))
        if magic != importlib.util.MAGIC_NUMBER or flags != _UNCHECKED_HASH:
            raise DeployError(
                f"The byte code of {path} is of another Python, or dated: run `make clean` and try again."
            )


def _modules(names: Collection[str]) -> Iterator[str]:
    """Ours. zappa leaves out the byte code of migrations, which only `migrate` imports, and adds empty modules."""
    for name in names:
        parts = PurePosixPath(name).parts
        ours = name.endswith(".py") and parts[0] in ("ingest", "pipeline_site")
        if ours and not {"migrations", "__pycache__"} & set(parts):
            yield name
