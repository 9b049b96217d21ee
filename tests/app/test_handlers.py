"""What Lambda calls: all forms of events, partial batches, and what is due (BEHAVIOUR 1)."""

import threading

import pytest
from django.db import OperationalError, connection

from ingest import handlers
from ingest.loader.outcome.errors import RunInterrupted
from ingest.models import Progress, Run
from ingest.runs import fetched_file
from ingest.runs.claim import claim
from ingest.runs.receive import receive
from tests.app.conftest import Door, rows, s3_event, sqs_event

PEOPLE = "id,name\n1,Ann\n2,Bob\n"


class Context:
    """An invocation that says how long it may still take."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        """As on Lambda."""
        return int(self.seconds * 1000)


def test_all_files_of_a_batch_are_loaded_and_a_bad_one_stops_no_other(door: Door):
    sources = [door.put("a.csv", PEOPLE), door.put("b.csv", b""), door.put("c.csv", PEOPLE)]
    assert handlers.on_event(sqs_event(*sources), Context(900)) == {"batchItemFailures": []}
    assert list(Run.objects.order_by("pk").values_list("status", flat=True)) == ["succeeded", "failed", "succeeded"]


def test_the_same_event_three_times_at_once_is_one_run_and_one_load(door: Door):
    event = s3_event(door.put("people.csv", PEOPLE))
    together, answers = threading.Barrier(3), []

    def invoke():
        try:
            together.wait()
            answers.append(handlers.on_event(event))
        finally:
            connection.close()

    threads = [threading.Thread(target=invoke) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [{"batchItemFailures": []}] * 3
    run = Run.objects.get()
    assert (run.status, run.attempts, run.inserted) == ("succeeded", 1, 2)
    assert rows("SELECT count(*) FROM people") == [(2,)]


def test_a_message_whose_run_was_interrupted_comes_again(door: Door, monkeypatch):
    interrupted, fine = door.put("a.csv", PEOPLE), door.put("b.csv", PEOPLE)
    fetch = fetched_file.objects.fetch

    def break_one(source, path, **options):
        if source.key == "data/a.csv":
            raise RunInterrupted("S3 is busy. The run is retried.")
        return fetch(source, path, **options)

    monkeypatch.setattr("ingest.runs.fetched_file.objects.fetch", break_one)
    event = sqs_event(interrupted, fine)
    assert handlers.on_event(event) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert dict(Run.objects.values_list("key", "status")) == {"data/a.csv": "waiting", "data/b.csv": "succeeded"}
    monkeypatch.undo()
    assert handlers.on_event(event) == {"batchItemFailures": []}
    assert Run.objects.get(key="data/a.csv").attempts == 2


def test_an_event_that_came_directly_raises_so_that_its_sender_tries_again(door: Door, monkeypatch):
    def busy(*args, **options):
        raise RunInterrupted("S3 is busy. The run is retried.")

    monkeypatch.setattr("ingest.runs.fetched_file.objects.fetch", busy)
    with pytest.raises(RunInterrupted, match="delivered again"):
        handlers.on_event(s3_event(door.put("a.csv", PEOPLE)))


def test_a_database_that_is_away_loses_no_message(door: Door, monkeypatch):
    def away(source):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr("ingest.handlers.receive_and_execute", away)
    event = sqs_event(door.put("a.csv", PEOPLE), door.put("b.csv", PEOPLE))
    failures = handlers.on_event(event)["batchItemFailures"]
    assert [failure["itemIdentifier"] for failure in failures] == ["m0", "m1"]
    with pytest.raises(OperationalError):
        handlers.on_event(s3_event(door.put("a.csv", PEOPLE)))


def test_with_no_time_left_the_rest_of_a_batch_comes_again_and_is_known_already(door: Door):
    event = sqs_event(door.put("a.csv", PEOPLE), door.put("b.csv", PEOPLE))
    assert handlers.on_event(event, Context(30)) == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert dict(Run.objects.values_list("key", "status")) == {"data/a.csv": "succeeded", "data/b.csv": "queued"}


def test_what_is_not_ours_makes_no_run(door: Door):
    assert handlers.on_event({"Service": "Amazon S3", "Event": "s3:TestEvent"}) == {"batchItemFailures": []}
    outside = door.put("a.csv", PEOPLE)
    event = s3_event(outside)
    event["Records"][0]["s3"]["object"]["key"] = "elsewhere/a.csv"
    handlers.on_event(event)
    assert Run.objects.count() == 0


def test_the_schedule_takes_up_what_waits_and_what_died(door: Door, settings):
    waiting, left, held = (receive(door.put(f"{name}.csv", PEOPLE)) for name in ("a", "b", "c"))
    Run.objects.filter(pk=waiting.pk).update(status="waiting")
    for run in (left, held):
        claim(run.pk)
    Progress.objects.filter(pk=left.pk).update(lease_until="2020-01-01T00:00Z")
    assert handlers.on_schedule({}, Context(900)) == {"carried": 2}
    assert dict(Run.objects.values_list("key", "status")) == {
        "data/a.csv": "succeeded",
        "data/b.csv": "succeeded",
        "data/c.csv": "running",
    }
    assert Run.objects.get(pk=left.pk).attempts == 2
    assert handlers.on_schedule() == {"carried": 0}


def test_the_schedule_begins_no_second_run_without_time(door: Door):
    for name in ("a", "b"):
        run = receive(door.put(f"{name}.csv", PEOPLE))
        Run.objects.filter(pk=run.pk).update(status="waiting")
    assert handlers.on_schedule({}, Context(5)) == {"carried": 1}
    assert handlers.on_schedule({}, Context(5)) == {"carried": 1}


def test_a_connection_that_broke_between_two_invocations_heals(door: Door):
    door.load("a.csv", PEOPLE)
    connection.close_if_unusable_or_obsolete()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [connection.connection.get_backend_pid()])
    other.close()
    assert door.load("b.csv", PEOPLE).status == "succeeded"
