"""Every locked package has a license that was allowed, and the page lists those that are deployed."""

import os
import re
from email.message import Message
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from pipeline_site.deploy import licenses, locks
from pipeline_site.deploy.zappa import ROOT

INFRAS = {"mpmath", "sympy"}
ENVIRONMENTS = {
    "uv.txt": ".venv",
    "dev.txt": ".venv",
    "aws-local.txt": ".venv-aws",
    "infra.txt": ".venv-infra",
    "docs.txt": ".venv-docs",
}


def installed(environment: str) -> dict[str, Message]:
    """The metadata of the packages in one of our environments, by name."""
    if environment == ".venv":
        found = distributions()
    else:
        (folder,) = (ROOT / environment).glob("lib/python3.*/site-packages")
        found = distributions(path=[str(folder)])
    return {canonicalize_name(each.metadata["Name"]): each.metadata for each in found}


def metadata(*classifiers: str, **fields: str) -> Message:
    """A package's metadata, with ``License_Expression`` for License-Expression."""
    message = Message()
    for name, value in [*fields.items(), *(("Classifier", f"License :: {each}") for each in classifiers)]:
        message[name.replace("_", "-")] = value
    return message


def test_what_is_deployed_has_an_allowed_license_and_is_listed() -> None:
    rows = dict(re.findall(r"^\| ([a-z0-9-]+) \| (.+) \|$", licenses.PAGE.read_text(), re.M))
    here = installed(".venv")
    locked = {pin.name for pin in locks.read(locks.DEPLOYED) if pin.runs_on_lambda}
    assert rows.keys() == locked, "run `make licenses`"
    for name, expression in rows.items():
        licenses.check(name, expression, licenses.rules()["deployed"])
        if name in here:  # another Python may need fewer
            assert licenses.license_of(name, here[name]) == expression, "run `make licenses`"
    assert licenses.page(rows) == licenses.PAGE.read_text(), "run `make licenses`"


@pytest.mark.parametrize("lock", locks.TOOLS, ids=lambda lock: lock.name)
def test_every_tool_has_an_allowed_license(lock: Path) -> None:
    if lock.name == "infra.txt" and os.environ.get("INFRA") == "0":
        pytest.skip("INFRA=0")
    here = installed(ENVIRONMENTS[lock.name])
    allowed = [*licenses.rules()["deployed"], *licenses.rules()["tools"]]
    checked = set()
    for pin in locks.read(lock):
        if pin.name in here:
            licenses.check(pin.name, licenses.license_of(pin.name, here[pin.name]), allowed)
            checked.add(pin.name)
    missing = {pin.name for pin in locks.read(lock) if pin.requirement.marker is None} - checked
    assert not missing, "the environment is older than its lock"


def test_each_entry_of_the_list_is_needed() -> None:
    """Once a package states its license itself, its entry would never be read again."""
    unclear = set()
    for environment in set(ENVIRONMENTS.values()) - ({".venv-infra"} if os.environ.get("INFRA") == "0" else set()):
        unclear |= {name for name, told in installed(environment).items() if licenses.stated(told) is None}
    entries = licenses.rules()["packages"].keys()
    assert entries <= unclear | (INFRAS if os.environ.get("INFRA") == "0" else set())


@pytest.mark.parametrize(
    ("told", "license"),
    [
        (metadata(License_Expression="MIT"), "MIT"),
        (metadata(License="Apache-2.0"), "Apache-2.0"),
        (metadata(License="MIT License\n\nCopyright (c) somebody"), "MIT"),
        (metadata("OSI Approved :: Apache Software License", License="MIT"), "MIT"),
        (metadata("OSI Approved", "OSI Approved :: MIT License"), "MIT"),
    ],
)
def test_a_license_is_read_from_what_the_package_states(told: Message, license: str) -> None:
    assert licenses.license_of("some", told) == license


@pytest.mark.parametrize(
    "told",
    [
        metadata(),
        metadata("OSI Approved :: BSD License", License="BSD"),
        metadata("OSI Approved :: BSD License", "OSI Approved :: Apache Software License", License="Dual License"),
        metadata(License="see LICENSE.txt"),
        metadata(License="UNKNOWN"),
    ],
)
def test_an_unclear_license_is_unknown(told: Message) -> None:
    with pytest.raises(licenses.LicenseError, match=r"^The license of some is unknown: .* requirements/licenses\.toml"):
        licenses.license_of("some", told)


@pytest.mark.parametrize("expression", ["GPL-3.0-only", "MIT AND AGPL-3.0-only", "SSPL-1.0 OR GPL-2.0-only"])
def test_a_license_that_is_not_allowed_is_refused(expression: str) -> None:
    with pytest.raises(licenses.LicenseError, match=r"^some is licensed under .*: remove the package, or allow"):
        licenses.check("some", expression, licenses.rules()["deployed"])


def test_one_allowed_license_of_several_to_choose_from_is_enough() -> None:
    licenses.check("some", "GPL-3.0-only OR MIT", licenses.rules()["deployed"])
