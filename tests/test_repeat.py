"""The tests run again and again, and those that change their mind are named."""

import re
from pathlib import Path

import pytest

from tests.repeat import Ended, changed_their_mind, main, summary

MIXED = """
from pathlib import Path

COUNTER = Path(__file__).with_name("counter")

def test_that_fails_the_second_time():
    COUNTER.write_text(COUNTER.read_text() + "x" if COUNTER.exists() else "x")
    assert len(COUNTER.read_text()) == 1

def test_that_passes(): pass

def test_that_fails(): raise ValueError
"""
DRAWING = """
import random
from hypothesis import given, settings, strategies

def test_a(): print("drew in a", random.random())

def test_b(): print("drew in b", random.random())

@settings(max_examples=3, database=None)
@given(strategies.integers())
def test_c(number): print("drew", number)
"""


@pytest.fixture
def suite(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    """Run a suite of one file some times; the exit status and what was printed."""

    def repeat(code: str, *options: str, told: tuple[str, ...] = ()) -> tuple[int, str]:
        (tmp_path / "test_it.py").write_text(code)
        (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:randomly\n")
        own = [
            "-p",
            "no:django",
            "-p",
            "no:cacheprovider",
            "--rootdir",
            str(tmp_path),
            "-c",
            str(tmp_path / "pytest.ini"),
        ]
        status = main([*options, "--", *own, *told, str(tmp_path / "test_it.py")])
        return status, capfd.readouterr().out

    return repeat


def test_one_that_changes_its_mind_is_named_apart_from_one_that_always_fails(suite) -> None:
    status, said = suite(MIXED, "--runs=2", "--seed=7", told=("--numprocesses=2",))
    assert status == 1
    for number, (seed, counts) in enumerate([(7, "2 passed, 1 failed"), (8, "1 passed, 2 failed")], 1):
        assert f"Run {number} of 2, seed {seed}: FAILED in " in said
        assert f" s ({counts}, 0 skipped)" in said
    told = said.partition("Changed their mind (1):")[2]
    assert told.startswith("\n  test_it::test_that_fails_the_second_time: passed, failed\n")
    assert "\n\nFailed in every run (1):\n  test_it::test_that_fails\n" in told
    assert told.strip().endswith("2 of 2 runs failed. To run the first of them again: make test-repeat N=1 SEED=7")


def test_runs_of_one_seed_are_alike_and_of_another_not(suite) -> None:
    def drawn(seed: int) -> tuple[str, ...]:
        status, said = suite(DRAWING, "--runs=1", f"--seed={seed}", told=("-s",))
        assert status == 0
        return tuple(re.findall(r"drew.*", said))

    assert drawn(1) == drawn(1) != drawn(2)


def test_a_run_that_pytest_refuses_is_no_good_one(suite) -> None:
    status, said = suite("", "--runs=1", told=("--no-such-option",))
    assert status == 1
    assert "FAILED" in said
    assert "pytest did not understand its arguments" in said


def test_a_test_that_is_skipped_or_missing_in_one_run_has_changed_its_mind() -> None:
    runs = [
        Ended(seed=1, seconds=61.4, status=0, outcomes={"a": "passed", "b": "passed", "c": "skipped"}),
        Ended(seed=2, seconds=60.0, status=0, outcomes={"a": "skipped", "c": "skipped"}),
    ]
    assert changed_their_mind(runs) == {"a": ["passed", "skipped"], "b": ["passed", "not run"]}
    assert "Run 1, seed 1: passed in 61 s (2 passed, 0 failed, 1 skipped)" in summary(runs)


def test_no_run_at_all_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--runs=0"])
    assert "--runs is 0: write a number from 1 on." in capsys.readouterr().err
