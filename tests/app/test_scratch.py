"""Scratch space is always removed, a killed worker's by the next one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest.runs import scratch as module
from ingest.runs.scratch import scratch_folder

HOLDER = """
import sys, time, django
from django.conf import settings
apps = ["django.contrib.contenttypes", "django.contrib.auth", "ingest"]
settings.configure(SCRATCH_DIR=sys.argv[1], INSTALLED_APPS=apps)
django.setup()
from ingest.runs.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "source").write_bytes(b"x" * 1000)
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(scratch):
    """Another worker in the middle of its work."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(scratch)], stdout=subprocess.PIPE, text=True) as process:
        process.folder = process.stdout.readline().strip()
        assert (Path(process.folder) / "source").stat().st_size == 1000
        yield process
        process.kill()


def test_the_folder_is_gone_after_an_attempt_however_it_ends(scratch):
    with pytest.raises(KeyError), scratch_folder() as folder:  # noqa: PT012
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_text("x")
        raise KeyError
    assert list(scratch.iterdir()) == []


def test_what_a_killed_worker_left_is_swept_by_the_next(scratch, holder, monkeypatch):
    monkeypatch.setattr(module, "_SETTLED", -1)
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with scratch_folder() as mine:
        assert [str(folder) for folder in scratch.iterdir()] == [str(mine)]


def test_what_a_living_worker_holds_stays(scratch, holder, monkeypatch):
    monkeypatch.setattr(module, "_SETTLED", -1)
    with scratch_folder() as mine:
        assert {str(folder) for folder in scratch.iterdir()} == {str(mine), holder.folder}


def test_a_folder_that_is_just_being_made_stays(scratch):
    (scratch / "ingest-run-new").mkdir()
    with scratch_folder():
        pass
    assert [folder.name for folder in scratch.iterdir()] == ["ingest-run-new"]


def test_files_of_others_are_no_business_of_ours(scratch, monkeypatch):
    monkeypatch.setattr(module, "_SETTLED", -1)
    (scratch / "ingest-run-file").write_text("no folder")
    (scratch / "else").mkdir()
    os.utime(scratch / "else", (time.time() - 9_999,) * 2)
    with scratch_folder():
        pass
    assert {left.name for left in scratch.iterdir()} == {"ingest-run-file", "else"}
