"""The locked requirements, as data: what ``make lock`` wrote, read by the SBOM, the licenses and the audit."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from pipeline_site.deploy.zappa import ROOT, RUNTIMES

FOLDER = ROOT / "requirements"
DEPLOYED = FOLDER / "lambda.txt"
"""The packages that run on Lambda."""
TOOLS = tuple(FOLDER / name for name in ("uv.txt", "dev.txt", "aws-local.txt", "infra.txt", "docs.txt"))
"""The packages that build, deploy and test; none of them is deployed."""

_ENTRY = re.compile(r"^(?P<requirement>[A-Za-z0-9][^\\\n]*?) *(?:\\\n(?P<hashes>(?:[ \t]+--hash=\S+ *\\?\n)*)|$)", re.M)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One locked version of a package."""

    name: str
    version: str
    requirement: Requirement
    hashes: tuple[str, ...]
    """SHA-256 of each file that may be installed for it: one per platform and Python."""

    @property
    def runs_on_lambda(self) -> bool:
        """Whether it's installed on Linux under one of Lambda's Pythons."""
        return any(applies(self.requirement, runtime.removeprefix("python")) for runtime in RUNTIMES)


def read(lock: Path) -> Iterator[Pin]:
    """Yield the pins of a lock file in its order; a package may have one for each range of Python versions.

    Raises ValueError if a requirement isn't pinned to one version, or has no hash.
    """
    for entry in _ENTRY.finditer(lock.read_text()):
        requirement = Requirement(entry["requirement"])
        (version,) = [each.version for each in requirement.specifier if each.operator == "=="] or [""]
        hashes = tuple(_HASH.findall(entry["hashes"] or ""))
        if not version or not hashes:
            raise ValueError(f"{lock.name}: {requirement} has no exact version with hashes. Run `make lock`.")
        yield Pin(name=canonicalize_name(requirement.name), version=version, requirement=requirement, hashes=hashes)


def applies(requirement: Requirement, python: str) -> bool:
    """Whether a requirement applies on Linux under ``python``, as in ``3.13``, without any extra."""
    platform = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "extra": ""}
    versions = {"python_version": python, "python_full_version": f"{python}.0"}
    return requirement.marker is None or requirement.marker.evaluate({**platform, **versions})
