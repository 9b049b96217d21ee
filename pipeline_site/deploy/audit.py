"""Look up known vulnerabilities of every locked package: ``make audit``.

pip-audit asks OSV, and does the rest. What it leaves out is added here: packages locked for another Python or platform
are audited too, and a package that couldn't be looked up is never counted as safe.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline_site.deploy import locks

SAFE, VULNERABLE, UNKNOWN = 0, 1, 3
"""Exit statuses: no known vulnerability, at least one, and not all packages could be looked up."""

Pinned = tuple[str, str]
"""Name and version."""


class AuditError(Exception):
    """The audit could not be completed; the reason in one sentence."""


@dataclass(frozen=True, kw_only=True)
class Vulnerability:
    """A known vulnerability of one locked package."""

    package: Pinned
    ids: tuple[str, ...]
    fixed_in: tuple[str, ...]


def main(arguments: Sequence[str]) -> int:
    """Audit the lock files given, or all that matter; return the exit status."""
    files = [Path(each) for each in arguments] or [locks.DEPLOYED, *locks.TOOLS]
    found: dict[Pinned, list[str]] = {}
    for file in files:
        for pin in locks.read(file):
            names = found.setdefault((pin.name, pin.version), [])
            names += [] if file.name in names else [file.name]
    try:
        vulnerabilities = [each for part in _rounds(found) for each in audit(part)]
    except AuditError as error:
        print(f"audit: {error}", file=sys.stderr)
        return UNKNOWN
    for each in vulnerabilities:
        print(f"{' '.join(each.package)}: {', '.join(each.ids)} {_advice(each)} ({', '.join(found[each.package])})")
    count = f"{len(found)} packages in {', '.join(file.name for file in files)}"
    if vulnerabilities:
        print(f"audit: {len(vulnerabilities)} known vulnerabilities in {count}.", file=sys.stderr)
        return VULNERABLE
    print(f"audit: no known vulnerabilities in {count}.")
    return SAFE


def audit(pins: Sequence[Pinned]) -> Iterator[Vulnerability]:
    """Yield the known vulnerabilities of ``pins``, no two of them of one package.

    Raises AuditError unless every one of them was looked up.
    """
    with tempfile.TemporaryDirectory(prefix="audit-") as folder:
        file = Path(folder) / "requirements.txt"
        file.write_text("".join(f"{name}=={version}\n" for name, version in pins))
        answers = {(each["name"], each.get("version", "")): each for each in _pip_audit(file)}
    missing = [f"{name} {version}" for name, version in pins if "vulns" not in answers.get((name, version), {})]
    if missing:
        listed = ", ".join(missing)
        raise AuditError(f"{len(missing)} packages could not be looked up: {listed}. Nothing is known of them.")
    for package, answer in answers.items():
        for told in answer["vulns"]:
            ids = (told["id"], *told.get("aliases", ()))
            yield Vulnerability(package=package, ids=ids, fixed_in=tuple(told.get("fix_versions", ())))


def _pip_audit(requirements: Path) -> list[dict[str, Any]]:
    """Return pip-audit's answer for each package. Raises AuditError if it gives none, as it does without a network."""
    command = [
        *(str(Path(sys.executable).with_name("pip-audit")), "--requirement", str(requirements)),
        *("--disable-pip", "--no-deps", "--format", "json", "--progress-spinner", "off"),
    ]
    environment = {"PIP_AUDIT_VULNERABILITY_SERVICE": "osv"} | dict(os.environ)
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    try:
        return list(json.loads(done.stdout)["dependencies"])
    except ValueError:
        raise AuditError(_reason(done.stderr)) from None


def _reason(errors: str) -> str:
    last = (errors.strip().splitlines() or ["it printed nothing"])[-1]
    if any(word in errors for word in ("ConnectionError", "ProxyError", "Timeout", "Could not connect")):
        return "The vulnerability database can't be reached, so nothing was audited. Go online, then run this again."
    return f"pip-audit failed, so nothing was audited: {last[:300]}"


def _advice(found: Vulnerability) -> str:
    return f"fixed in {', '.join(found.fixed_in)}" if found.fixed_in else "has no fixed version"


def _rounds(pins: Mapping[Pinned, Any]) -> Iterable[list[Pinned]]:
    """Split ``pins`` so that no part has two versions of one package, which pip-audit refuses."""
    parts: list[dict[str, str]] = []
    for name, version in sorted(pins):
        part = next((each for each in parts if name not in each), None)
        if part is None:
            parts.append(part := {})
        part[name] = version
    return [list(part.items()) for part in parts]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
