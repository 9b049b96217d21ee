"""Each promise of docs/security.md names tests, and they are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    line for line in (ROOT / "docs" / "security.md").read_text().splitlines() if re.match(r"\| (?!promise|-)", line)
]


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_a_promise_is_kept_by_tests_that_are_there(row: str) -> None:
    promise, kept_by = row.strip("| ").rsplit(" | ", 1)
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", kept_by)
    assert promise
    assert named
    assert len(named) == kept_by.count("`") // 2, (
        "each is written as `tests/…/test_….py` or `tests/…/test_….py::test_…`"
    )
    for path, test in named:
        source = (ROOT / path).read_text()
        assert not test or f"\ndef {test}(" in source, f"{path} has no {test}"
