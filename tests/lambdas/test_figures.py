"""`make lambda-figures`: the size, cold starts and memory that docs/explanation/benchmarks.md shows, measured again.

Not among the usual tests: FIGURES=1 in the environment lets it in.
"""

import os
import platform
import re
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from pipeline_site.deploy import package
from tests.lambdas import events
from tests.lambdas.conftest import Deployed

pytestmark = pytest.mark.skipif(not os.environ.get("FIGURES"), reason="only for `make lambda-figures`")
ROUNDS = 5
PEOPLE = "id,name\n1,Ann\n2,Bob\n"
MIB = 1 << 20
ROWS = 1_200_000
"""So many that the file has more than 300 MB."""

Tell = Callable[[str], None]


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Say it to the person at the terminal."""

    def tell(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}", end="", flush=True)

    return tell


def test_machine(tell: Tell) -> None:
    told = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.+)$", told, re.MULTILINE)
    processor = model[1] if model else platform.machine()
    tell(f"machine: {os.cpu_count()} cores of {processor}, Python {platform.python_version()}")


def test_size(code: Path, tell: Tell) -> None:
    unpacked = sum(path.stat().st_size for path in code.rglob("*") if path.is_file())
    (packed,) = package.BUILD.glob(f"packages/{code.name}.zip")
    tell(f"package: {packed.stat().st_size / MIB:.0f} MiB, unpacked {unpacked / MIB:.0f} MiB of 250")


def test_cold_starts(deployed: Deployed, tell: Tell) -> None:
    """The seconds from nothing to the first answer: the process starts, sets Django up, and answers."""
    page, row, warm = [], [], []
    for ordinal in range(ROUNDS):
        deployed.sandbox.kill()
        answer = deployed.sandbox.invoke(events.rest("GET", "/admin/login/"))
        assert answer.body["statusCode"] == 200
        page.append(answer.init_seconds + answer.seconds)
        deployed.sandbox.kill()
        answer = deployed.sandbox.invoke({"Records": [deployed.put(f"cold_{ordinal}.csv", PEOPLE)]})
        assert deployed.rows(f"SELECT count(*) FROM cold_{ordinal}") == [(2,)]
        row.append(answer.init_seconds + answer.seconds)
        warm.append(deployed.sandbox.invoke({"Records": [deployed.put(f"warm_{ordinal}.csv", PEOPLE)]}).seconds)
    for what, seconds in (
        ("cold start to the login page", page),
        ("cold start to the first committed row", row),
        ("warm, to the first committed row", warm),
    ):
        tell(f"{what}: median {median(seconds):.2f} s, {min(seconds):.2f} to {max(seconds):.2f}")


def test_a_large_file_in_little_memory(deployed: Deployed, deploy: Callable[..., Deployed], tell: Tell) -> None:
    """300 MB by a function of 512 MB, which is killed when it takes more; ``deployed`` has migrated their database."""
    function = deploy(memory=512, scratch=2048, timeout=900)
    line = ",".join(["{0}", *(f"some words {{0}} of column {column}" for column in range(8)), "{0}.25\n"])
    body = "id," + ",".join(f"words_{column}" for column in range(8)) + ",amount\n"
    body += "".join(map(line.format, range(ROWS)))
    assert len(body) > 300_000_000
    answer = function.sandbox.invoke({"Records": [function.put("large.csv", body)]})
    assert (answer.error, answer.body) == ("", {"batchItemFailures": []}), function.log[-2000:]
    assert function.rows("SELECT count(*) FROM large") == [(ROWS,)]
    tell(
        f"a file of {len(body) / MIB:.0f} MiB with 512 MB: {answer.seconds:.0f} s, {answer.peak} MiB of memory at most"
    )
