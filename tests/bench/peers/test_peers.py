"""Peers are measured on small files, honestly: by what is in the table then, whatever they say."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.peers import process
from tests.bench.peers.__main__ import main
from tests.bench.peers.environments import Debian, Environment, Missing
from tests.bench.peers.known import PEERS
from tests.bench.peers.process import ended


def test_ours_and_row_by_row_are_told_in_two_lines_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rows=2000", "--peers=ours;row by row", "--unsafe", f"--folder={tmp_path}"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    for name in ("ours this one", "row by row this one"):
        assert f"{name} first 2,000 " in told
        assert f"{name} again 2,000 " in told
    assert "(199 rows in the table after 100, then 100 others with one bad.)" in told, "ours leaves out the bad row"
    assert "(100 rows in the table after 100, then 100 others with one bad.)" in told, "row by row loads none"
    assert told.count("(100 rows in the table after 100, then 50 of them again.)") == 2, "both update"
    assert " - " not in told.partition("rows what it was")[0], "each table was what its file makes it"
    assert [path.name for path in tmp_path.iterdir()] == ["files"]


def test_a_peer_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--peers=ours;excel", f"--folder={tmp_path}"]) == 2
    assert "there is ours; pgloader" in capsys.readouterr().err


def test_a_program_that_is_not_to_be_had_is_skipped_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Missing, match="it comes as a Debian package"):
        Debian(program="pgloader", packages=("pgloader",)).found(tmp_path)


def test_every_peer_of_an_index_has_exact_and_hashed_requirements() -> None:
    named = {peer.environment.name for peer in PEERS if hasattr(peer.environment, "name")}
    assert named == {"dlt", "csvkit", "pandas", "import-export"}
    for name in named:
        lines = Path(__file__).parents[3].joinpath("requirements", f"peers-{name}.txt").read_text().splitlines()
        required = [line for line in lines if line[0] not in " #"]
        assert required
        assert all("==" in line and line.endswith("\\") for line in required)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells of another process's memory")
def test_a_process_is_told_with_its_memory_its_code_and_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, look = tmp_path / "seen", process._high

    def look_and_tell(pid: int) -> int:
        high = look(pid)
        if high >= 64 << 20:
            seen.touch()
        return high

    monkeypatch.setattr(process, "_high", look_and_tell)
    script = "import os, sys, time; held = bytearray(64 << 20)\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.01)"
    script += "\nprint('enough'); sys.exit(3)"
    done = ended([sys.executable, "-c", script, str(seen)], variables={}, limit=120)
    assert (done.code, done.said) == (3, "enough")
    assert done.peak >= 64 << 20


def test_the_family_of_a_process_that_ends_meanwhile_is_itself() -> None:
    """Its children end and others come, while they are looked at."""
    script = "import subprocess, sys\nfor _ in range(40): subprocess.run([sys.executable, '-I', '-S', '-c', ''])"
    with subprocess.Popen([sys.executable, "-c", script]) as busy:
        looks = 0
        while busy.poll() is None:
            assert busy.pid in process._family(busy.pid)
            looks += 1
    assert looks
    assert process._family(busy.pid) == [busy.pid]


def test_a_process_that_takes_too_long_is_stopped() -> None:
    done = ended([sys.executable, "-c", "import time; time.sleep(60)"], variables={}, limit=0.5)
    assert done.code is None
    assert done.seconds < 30


def test_our_own_environment_is_the_one_that_runs(tmp_path: Path) -> None:
    assert Environment().found(tmp_path).programs == Path(sys.executable).parent
