"""Workers in processes of their own, which are killed and stopped (file-rules#claim)."""

import os
import signal
import subprocess
import sys

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from ingest.models import Progress
from ingest.runs.execute import claim_and_execute
from ingest.runs.receive import receive
from ingest.runs.retry import due
from tests.app.conftest import Door, rows
from tests.local.processes import comes_true

RECORDS = 5_000
TAKE = """
import sys, django
django.setup()
import signal
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
from ingest.runs.execute import claim_and_execute
from ingest.runs.heartbeat import Heartbeat
reach = Heartbeat.load_reached
def reach_and_wait(self, stage, done, total):
    reach(self, stage, done, total)
    if stage == "copy":
        print("copying", flush=True)
        sys.stdin.readline()  # nobody writes: here it stays until a signal comes
Heartbeat.load_reached = reach_and_wait
claim_and_execute(int(sys.argv[1]))
"""


@pytest.fixture
def run(door: Door):
    """A run of a file with some thousand rows."""
    lines = (f"{n},person {n},person{n}@x.example\n" for n in range(RECORDS))
    return receive(door.put("people.csv", "id,name,email\n" + "".join(lines)))


@pytest.fixture
def worker(run, environment, scratch):
    """Another process that carries the run, and stands still in the middle of its COPY."""
    told = environment | {"DJANGO_SETTINGS_MODULE": "pipeline_site.settings", "SCRATCH_DIR": str(scratch)}
    command = [sys.executable, "-c", TAKE, str(run.pk)]
    with subprocess.Popen(command, env=told, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout.readline() == b"copying\n", "the worker ended before it came to its COPY"
            yield process
        finally:
            process.kill()


def is_alone() -> bool:
    """Whether the server has seen that the worker is gone."""
    held = "SELECT count(*) FROM pg_locks WHERE relation = 'ingest_run'::regclass AND pid <> pg_backend_pid()"
    return rows(held) == [(0,)]


def test_a_run_whose_worker_is_killed_is_taken_up_again_and_nothing_of_the_first_attempt_is_left(run, worker, scratch):
    Progress.objects.filter(pk=run.pk).update(lease_until=Now() - timezone.timedelta(seconds=1))
    assert claim_and_execute(run.pk) is None, "its row is locked, so it is alive whatever its lease says"
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    assert comes_true(is_alone)
    assert rows("SELECT to_regclass('datasets.people')") == [(None,)]
    Progress.objects.filter(pk=run.pk).update(lease_until=Now() - timezone.timedelta(seconds=1))  # it may have beaten
    assert due() == [run.pk]
    assert claim_and_execute(run.pk) == "succeeded"
    run.refresh_from_db()
    assert (run.attempts, run.inserted) == (2, RECORDS)
    assert rows("SELECT count(*), count(DISTINCT id), min(run_id), max(run_id) FROM people") == [
        (RECORDS, RECORDS, run.pk, run.pk)
    ]
    assert rows("SELECT count(*) FROM people WHERE email <> 'person' || id || '@x.example'") == [(0,)]


def test_a_worker_that_is_stopped_puts_its_run_back_at_once(run, worker, scratch):
    worker.terminate()
    assert worker.wait(120) == 0
    run.refresh_from_db()
    assert (run.status, run.interruptions) == ("waiting", 1)
    assert list(scratch.iterdir()) == []
    assert claim_and_execute(run.pk) == "succeeded"
