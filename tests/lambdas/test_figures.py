"""`make lambda-figures`: what the README says of the package's size, cold starts and memory, measured anew.

Not among the usual tests: FIGURES=1 in the environment lets it in.
"""

import os
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


def test_size(code: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unpacked = sum(path.stat().st_size for path in code.rglob("*") if path.is_file())
    (packed,) = package.BUILD.glob(f"packages/{code.name}.zip")
    with capsys.disabled():
        print(f"\npackage: {packed.stat().st_size / MIB:.0f} MiB, unpacked {unpacked / MIB:.0f} MiB of 250")


def test_cold_starts(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
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
    with capsys.disabled():
        for what, seconds in (("page of the login", page), ("first committed row", row), ("the same, warm", warm)):
            print(f"cold start to {what}: median {median(seconds):.2f} s, {min(seconds):.2f} to {max(seconds):.2f}")


def test_a_large_file_in_little_memory(deploy: Callable[..., Deployed], capsys: pytest.CaptureFixture[str]) -> None:
    """300 MB by a function of 512 MB, which is killed when it takes more."""
    function = deploy(memory=512, scratch=2048, timeout=900)
    line = ",".join(["{0}", *(f"some words {{0}} of column {column}" for column in range(8)), "{0}.25\n"])
    lines = "".join(map(line.format, range(1_000_000)))
    body = "id," + ",".join(f"words_{column}" for column in range(8)) + ",amount\n" + lines
    assert len(body) > 300_000_000
    answer = function.sandbox.invoke({"Records": [function.put("large.csv", body)]})
    assert (answer.error, answer.body) == ("", {"batchItemFailures": []}), function.log[-2000:]
    assert function.rows("SELECT count(*) FROM large") == [(1_000_000,)]
    with capsys.disabled():
        print(f"a file of {len(body) / MIB:.0f} MiB: {answer.seconds:.0f} s, {answer.peak} MiB of memory at most")
