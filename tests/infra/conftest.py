"""The templates of tests/infra/stages.toml, written once by the environment of infra/.

INFRA=0 in the environment leaves these tests out.
"""

import os
import subprocess
from pathlib import Path

import pytest

from pipeline_site.deploy import zappa
from tests.infra.completed import completed
from tests.infra.template import Stacks, Template
from tests.shared import once

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-infra" / "bin" / "python"
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what stands here, if that is wanted."""
    if os.environ.get("INFRA") == "0":
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="INFRA=0"))


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a folder for each stage, and for what must be refused."""
    if not (PYTHON.parents[1] / ".ready").exists():
        pytest.fail("The CDK isn't installed: run `make .venv-infra/.ready`, or leave these tests out by INFRA=0.")
    return once(tmp_path_factory, "written", _write)


def _write(folder: Path) -> None:
    certificate = "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012"
    domain = {"domain": "files.example.com", "certificate_arn": certificate}
    zappa.write(folder / "function", "full", completed("full"))
    zappa.write(folder / "domain", "full", completed("full", **domain))
    # -O: the CDK checks the type of every argument twice otherwise, here and in its Node.js.
    command = [str(PYTHON), "-O", "-m", "tests.infra.synthesize", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def by_default(written: Path) -> Stacks:
    """The stage in which nothing was chosen."""
    return Stacks(written, "plain")


@pytest.fixture(scope="session")
def unprotected(written: Path) -> Stacks:
    """The stage that may be taken away whole."""
    return Stacks(written, "dev")


@pytest.fixture(scope="session")
def full(written: Path) -> Stacks:
    """The stage with all that can be had."""
    return Stacks(written, "full")


@pytest.fixture(scope="session")
def function(written: Path) -> Template:
    """The stack of a function without zappa, of the stage with all that can be had."""
    return Template(written / "function" / "ingest-full.template.json")


@pytest.fixture(scope="session")
def with_domain(written: Path) -> Template:
    """The same with a domain of its own."""
    return Template(written / "domain" / "ingest-full.template.json")


@pytest.fixture(scope="session", params=["plain", "dev", "full"])
def stage(written: Path, request: pytest.FixtureRequest) -> Stacks:
    """Each of them."""
    return Stacks(written, request.param)
