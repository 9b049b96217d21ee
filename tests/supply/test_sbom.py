"""The bill of materials says what is installed, what needs what, and what a wheel has inside."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.validation.json import JsonStrictValidator

from pipeline_site.deploy import DeployError, sbom


def install(folder: Path, name: str, version: str, *metadata: str, files: dict[str, str] | None = None) -> None:
    """Lay out a package as an installer does."""
    info = f"{name.replace('-', '_')}-{version}.dist-info"
    told = "".join(f"{line}\n" for line in ("Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *metadata))
    content = {f"{info}/METADATA": told} | (files or {})
    content[f"{info}/RECORD"] = "".join(f"{each},,\n" for each in content)
    for path, text in content.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def bill(folder: Path, runtime: str = "python3.13") -> dict[str, Any]:
    """The SBOM of what is installed in ``folder``, valid."""
    text = sbom.text(folder, digest="of the package", runtime=runtime)
    assert JsonStrictValidator(sbom.SCHEMA).validate_str(text) is None
    return json.loads(text)


def needed(told: dict[str, Any], name: str) -> list[str]:
    """What a component depends on."""
    (found,) = [each for each in told["dependencies"] if each["ref"].startswith((f"pkg:pypi/{name}@", f"{name}@"))]
    return found.get("dependsOn", [])


def test_each_package_has_its_version_license_and_what_it_needs_there(tmp_path: Path) -> None:
    needs = ["six", "left-out; extra == 'more'", "old; python_version < '3.13'", "win; sys_platform == 'win32'"]
    requires = [f"Requires-Dist: {each}" for each in needs]
    install(tmp_path, "Django", "5.2", "License-Expression: BSD-3-Clause", *requires)
    for name in ("six", "left-out", "old", "win"):
        install(tmp_path, name, "1", "License: MIT")
    told = bill(tmp_path)
    first = next(each for each in told["components"] if each["name"] == "django")
    assert (first["version"], first["purl"]) == ("5.2", "pkg:pypi/django@5.2")
    assert first["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
    assert needed(told, "django") == ["pkg:pypi/six@1"]
    assert needed(bill(tmp_path, "python3.12"), "django") == ["pkg:pypi/old@1", "pkg:pypi/six@1"]
    assert needed(told, "ingest") == ["pkg:pypi/django@5.2"], "six is there because another package needs it"


def test_what_a_wheel_has_inside_is_listed(tmp_path: Path) -> None:
    inside = [
        {"name": "psycopg2_binary", "version": "1", "purl": "pkg:pypi/psycopg2_binary@1"},
        {"name": "openssl", "version": "3.5", "purl": "pkg:rpm/centos/openssl@3.5"},
        {"name": "openssl", "version": "3.5", "purl": "pkg:rpm/centos/openssl@3.5"},
        {"name": "nameless"},
    ]
    files = {
        "psycopg2_binary-1.dist-info/sboms/auditwheel.cdx.json": json.dumps({"components": inside}),
        "psycopg2_binary.libs/libssl-1.so.3": "code",
        "psycopg2_binary/lib.so": "its own code",
    }
    install(tmp_path, "psycopg2-binary", "1", "License: MIT", files=files)
    (component,) = bill(tmp_path)["components"]
    library, file = sorted(component["components"], key=lambda each: each["type"], reverse=True)
    assert library["purl"] == "pkg:rpm/centos/openssl@3.5"
    assert file["name"] == "psycopg2_binary.libs/libssl-1.so.3"
    assert file["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(b"code").hexdigest()}]


def test_the_same_package_gets_the_same_serial_number(tmp_path: Path) -> None:
    install(tmp_path, "duckdb", "1", "License: MIT")
    assert bill(tmp_path)["serialNumber"] == bill(tmp_path)["serialNumber"]


@pytest.mark.parametrize("license", ["GPL-3.0-only", "whatever"])
def test_a_package_that_may_not_be_deployed_is_refused(tmp_path: Path, license: str) -> None:
    install(tmp_path, "bad", "1", f"License: {license}")
    with pytest.raises(DeployError, match=r"requirements/licenses\.toml"):
        bill(tmp_path)
