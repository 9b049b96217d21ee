"""Scratch space is always removed, a killed worker's by the next one."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingest import handlers
from ingest.runs.scratch import scratch_folder, sweep

HOLDER = """
import sys, time, django
from django.conf import settings
django.setup()
settings.SCRATCH_DIR = sys.argv[1]
from ingest.runs.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "source").write_bytes(b"x" * 1000)
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(scratch):
    """Another worker in the middle of its work."""
    command = [sys.executable, "-c", HOLDER, str(scratch)]
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
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


def test_what_a_killed_worker_left_is_swept_at_once_by_the_next(scratch, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with scratch_folder() as mine:
        assert [str(folder) for folder in scratch.iterdir()] == [str(mine)]


@pytest.mark.usefixtures("door")
def test_it_is_swept_by_the_schedule_too(scratch, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    handlers.on_schedule()
    assert list(scratch.iterdir()) == []


def test_what_a_living_worker_holds_stays(scratch, holder):
    with scratch_folder() as mine:
        assert {str(folder) for folder in scratch.iterdir()} == {str(mine), holder.folder}


def test_a_folder_that_is_just_being_made_stays_for_a_minute(scratch):
    made = scratch / "ingest-new-x"
    made.mkdir()
    sweep()
    assert made.exists()
    os.utime(made, (time.time() - 61,) * 2)
    sweep()
    assert not made.exists()


def test_many_workers_that_come_and_go_never_sweep_each_other(scratch):
    def come_and_go(_):
        for _ in range(50):
            with scratch_folder() as folder:
                (folder / "file").write_text("x")
                sweep()
                assert (folder / "file").read_text() == "x"

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(come_and_go, range(8)))
    assert list(scratch.iterdir()) == []


def test_files_of_others_are_no_business_of_ours(scratch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (scratch / "ingest-run-link").symlink_to(tmp_path / "elsewhere")
    (scratch / "ingest-run-file").write_text("no folder")
    (scratch / "else").mkdir()
    os.utime(scratch / "else", (time.time() - 9_999,) * 2)
    with scratch_folder():
        pass
    assert {left.name for left in scratch.iterdir()} == {"ingest-run-file", "ingest-run-link", "else"}
