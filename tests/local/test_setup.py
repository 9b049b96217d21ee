"""What `make` sets up from: pinned, hashed, and the same everywhere."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKED = sorted((ROOT / "requirements").glob("*.txt"))


def pins(file: Path) -> dict[str, str]:
    """Name (with its marker) -> version."""
    lines = re.findall(r"^([a-z0-9._\[\]-]+)==([^ ;\\]+)(?: ; ([^\\\n]+))?", file.read_text(), re.MULTILINE)
    return {f"{name} {marker}".strip(): version for name, version, marker in lines}


@pytest.mark.parametrize("file", LOCKED, ids=lambda file: file.name)
def test_every_requirement_is_pinned_and_hashed_and_names_no_index(file: Path) -> None:
    text = file.read_text()
    assert "://" not in text
    assert "index" not in text.replace("importlib", "")
    entries = re.split(r"\n(?=\S)(?!#)", text.strip())
    assert len(entries) == len(pins(file)) > 0
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_tests_run_on_what_is_deployed() -> None:
    deployed, tested = (pins(ROOT / "requirements" / name) for name in ("app.txt", "dev.txt"))
    assert deployed.items() <= tested.items()


def test_there_is_a_locked_file_for_each_that_people_write() -> None:
    written = {file.stem for file in (ROOT / "requirements").glob("*.in")}
    assert written == {file.stem for file in LOCKED}


def test_help_names_every_target() -> None:
    targets = set(re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split())  # type: ignore[index]
    done = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert {line.split()[1] for line in done.stdout.splitlines()} == targets
