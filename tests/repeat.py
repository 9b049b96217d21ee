"""``python -m tests.repeat --runs 5 -- ARGUMENTS``: run the tests again, to find those that change their mind.

Each run has a seed of its own, which decides the order of the tests and what Hypothesis draws; the same seed gives
the same run. Arguments after ``--`` go to pytest as they are.
"""

import argparse
import secrets
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from xml.etree import ElementTree

PASSED, FAILED, SKIPPED, NOT_RUN = "passed", "failed", "skipped", "not run"
_SEEDS = 2**32
_STATUSES = {
    2: "was interrupted",
    3: "had an internal error",
    4: "did not understand its arguments",
    5: "found no test",
}


@dataclass(frozen=True, kw_only=True)
class Ended:
    """One run of the tests."""

    seed: int
    seconds: float
    status: int
    """Pytest's exit status."""
    outcomes: dict[str, str]
    """Test id -> passed, failed or skipped."""

    @property
    def good(self) -> bool:
        """Whether nothing failed, and pytest says so too."""
        return self.status == 0 and FAILED not in self.outcomes.values()

    def __str__(self) -> str:
        """One line with its seed, its counts and its time."""
        counts = Counter(self.outcomes.values())
        told = ", ".join(f"{counts[each]:,} {each}" for each in (PASSED, FAILED, SKIPPED))
        note = "" if self.status in (0, 1) else f"; pytest {_STATUSES.get(self.status, f'ended with {self.status}')}"
        return f"seed {self.seed}: {'passed' if self.good else 'FAILED'} in {self.seconds:.0f} s ({told}{note})"


def main(arguments: Sequence[str]) -> int:
    """Run the tests as often as asked; return 1 if any of it failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.repeat", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="how often (default: 5)")
    parser.add_argument("--seed", type=int, help="the seed of the first run; the others' follow it (default: random)")
    parser.add_argument("pytest", nargs="*", help="what pytest is told")
    chosen = parser.parse_args(arguments)
    if chosen.runs < 1:
        parser.error(f"--runs is {chosen.runs}: write a number from 1 on.")
    first = secrets.randbelow(_SEEDS) if chosen.seed is None else chosen.seed
    runs: list[Ended] = []
    for number in range(chosen.runs):
        seed = (first + number) % _SEEDS
        print(f"\nRun {number + 1} of {chosen.runs}, seed {seed}", flush=True)
        runs.append(run(seed, chosen.pytest))
        print(f"Run {number + 1} of {chosen.runs}, {runs[-1]}", flush=True)
    print(f"\n{summary(runs)}", flush=True)
    return 0 if all(each.good for each in runs) else 1


def run(seed: int, arguments: Sequence[str]) -> Ended:
    """Run the tests once in the order, and with the examples, of ``seed``."""
    with tempfile.TemporaryDirectory(prefix="ingest-repeat-") as folder:
        results = Path(folder) / "results.xml"
        command = [sys.executable, "-m", "pytest", "-p", "randomly", f"--randomly-seed={seed}"]
        command += [f"--hypothesis-seed={seed}", f"--junitxml={results}", *arguments]
        began = monotonic()
        status = subprocess.run(command, check=False).returncode
        seconds = monotonic() - began
        return Ended(seed=seed, seconds=seconds, status=status, outcomes=read_outcomes(results))


def read_outcomes(results: Path) -> dict[str, str]:
    """Read what became of each test from pytest's JUnit XML; empty where pytest did not come to write it."""
    if not results.exists():
        return {}
    outcomes: dict[str, str] = {}
    for case in ElementTree.parse(results).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        kinds = {child.tag for child in case}
        outcome = FAILED if kinds & {"failure", "error"} else SKIPPED if "skipped" in kinds else PASSED
        if outcomes.get(name) != FAILED:  # a test whose teardown fails is written twice
            outcomes[name] = outcome
    return outcomes


def changed_their_mind(runs: Sequence[Ended]) -> dict[str, list[str]]:
    """Find the tests that did not end alike in all runs, with what became of each in every run."""
    names = sorted({name for each in runs for name in each.outcomes})
    told = {name: [each.outcomes.get(name, NOT_RUN) for each in runs] for name in names}
    return {name: outcomes for name, outcomes in told.items() if len(set(outcomes)) > 1}


def summary(runs: Sequence[Ended]) -> str:
    """Tell of every run, of the tests that changed their mind, and of those that always failed."""
    lines = [f"Run {number}, {each}" for number, each in enumerate(runs, 1)]
    changed = changed_their_mind(runs)
    if changed:
        lines += ["", f"Changed their mind ({len(changed):,}):"]
        lines += [f"  {name}: {', '.join(outcomes)}" for name, outcomes in changed.items()]
    elif len(runs) > 1:
        lines += ["", "No test changed its mind."]
    always = [name for name, outcome in runs[0].outcomes.items() if outcome == FAILED and name not in changed]
    if always:
        lines += ["", f"Failed in every run ({len(always):,}):", *(f"  {name}" for name in sorted(always))]
    bad = [each for each in runs if not each.good]
    if bad:
        again = f"make test-repeat N=1 SEED={bad[0].seed}"
        lines += ["", f"{len(bad)} of {len(runs)} runs failed. To run the first of them again: {again}"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
