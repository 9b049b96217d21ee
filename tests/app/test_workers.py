"""Workers in processes of their own, which are killed and stopped (BEHAVIOUR 8)."""

import os
import signal
import subprocess
import sys
import time

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from ingest import runs
from ingest.models import Progress, Run
from tests.app.conftest import Door, rows

RECORDS = 300_000
TAKE = """
import sys, django
django.setup()
import signal
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
from ingest import runs
print("ready", flush=True)
runs.take(int(sys.argv[1]))
"""


@pytest.fixture
def run(door: Door):
    """A run of a file that takes a second or two."""
    lines = (f"{n},person {n},person{n}@x.example\n" for n in range(RECORDS))
    return runs.receive(door.put("people.csv", "id,name,email\n" + "".join(lines)))


@pytest.fixture
def worker(run, environment, scratch):
    """Another process that carries the run, caught in the middle of its load."""
    told = environment | {"DJANGO_SETTINGS_MODULE": "pipeline_site.settings", "SCRATCH_DIR": str(scratch)}
    with subprocess.Popen([sys.executable, "-c", TAKE, str(run.pk)], env=told, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        wait_for_load(process)
        yield process
        process.kill()


def wait_for_load(process) -> None:
    """Until the database is busy with the rows."""
    until = time.monotonic() + 30
    while time.monotonic() < until and process.poll() is None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query ILIKE 'copy %'"
                " AND pid <> pg_backend_pid() AND state = 'active'"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.005)
    raise AssertionError("the worker never came to its load")


def wait_until_alone() -> None:
    """Until the server has seen that the worker is gone."""
    until = time.monotonic() + 10
    while rows("SELECT count(*) FROM pg_locks WHERE relation = 'ingest_run'::regclass AND pid <> pg_backend_pid()") != [
        (0,)
    ]:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_run_whose_worker_is_killed_is_taken_up_again_and_nothing_of_the_first_attempt_is_left(run, worker, scratch):
    Progress.objects.filter(pk=run.pk).update(lease_until=Now() - timezone.timedelta(seconds=1))
    assert runs.take(run.pk) is None, "its row is locked, so it is alive whatever its lease says"
    os.kill(worker.pid, signal.SIGKILL)
    worker.wait()
    wait_until_alone()
    assert rows("SELECT to_regclass('datasets.people')") == [(None,)]
    Progress.objects.filter(pk=run.pk).update(lease_until=Now() - timezone.timedelta(seconds=1))  # it may have beaten
    assert runs.due() == [run.pk]
    assert runs.take(run.pk) == "succeeded"
    run.refresh_from_db()
    assert (run.attempts, run.inserted) == (2, RECORDS)
    assert rows("SELECT count(*), count(DISTINCT id), min(run_id), max(run_id) FROM people") == [
        (RECORDS, RECORDS, run.pk, run.pk)
    ]
    assert rows("SELECT count(*) FROM people WHERE email <> 'person' || id || '@x.example'") == [(0,)]


def test_a_worker_that_is_stopped_puts_its_run_back_at_once(run, worker, scratch):
    worker.terminate()
    assert worker.wait(30) == 0
    run.refresh_from_db()
    if run.status == Run.Status.SUCCEEDED:
        pytest.fail("the load was over before the worker was stopped: make the file longer")
    assert (run.status, run.interruptions) == ("waiting", 1)
    assert list(scratch.iterdir()) == []
    assert runs.take(run.pk) == "succeeded"
