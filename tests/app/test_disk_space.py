"""A disk that others fill is waited for; one that is too small for the file is told of at once."""

import errno
from collections import namedtuple
from pathlib import Path

import pytest

from ingest.loader.outcome.errors import Disposition, RunFailed, RunInterrupted, disposition_of
from ingest.runs import disk_space

_Usage = namedtuple("_Usage", ["total", "used", "free"])


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of a run, 900 bytes, on a disk of 1,000."""
    monkeypatch.setattr(disk_space.shutil, "disk_usage", lambda folder: _Usage(1000, 1000, 0))
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "source").write_bytes(b"x" * 500)
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "decoded").write_bytes(b"x" * 400)
    return tmp_path


def fill(folder: Path, *, wanted: int = 0) -> None:
    """Write to a device that is always full."""
    with disk_space.explained_if_too_small(folder, needed=wanted), Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"x")


def test_a_run_that_fills_the_disk_itself_fails_with_what_to_do(run: Path) -> None:
    with pytest.raises(
        RunFailed, match=r"900 bytes or more on a disk of 1,000 bytes\. Split the file, or give"
    ) as failed:
        fill(run)
    assert disposition_of(failed.value) is Disposition.FAIL


def test_a_disk_that_others_fill_is_waited_for(run: Path) -> None:
    (run / "0" / "source").unlink()
    with pytest.raises(OSError, match="No space left") as full:
        fill(run)
    assert disposition_of(full.value) is Disposition.RETRY


def test_a_file_that_was_removed_again_as_it_did_not_fit_counts(run: Path) -> None:
    (run / "0" / "source").unlink()
    with pytest.raises(RunFailed, match="2,000 bytes or more on a disk"):
        fill(run, wanted=2000)


def test_what_was_told_of_a_full_disk_already_is_seen_through_and_other_errors_pass(run: Path) -> None:
    with pytest.raises(RunFailed), disk_space.explained_if_too_small(run):
        raise RunInterrupted("The disk filled up.") from OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(RunInterrupted, match="S3 is gone"), disk_space.explained_if_too_small(run):
        raise RunInterrupted("S3 is gone.") from ConnectionResetError(errno.ECONNRESET, "reset")
