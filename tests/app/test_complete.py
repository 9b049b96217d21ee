"""How runs are put back to wait, and what is stored of their rejects."""

import threading

import pytest
from django.db import connection
from django.utils import timezone

from ingest.loader.outcome.errors import RunInterrupted
from ingest.loader.outcome.reject_codes import Code
from ingest.loader.outcome.rejects import Reject as LoaderReject
from ingest.loader.outcome.rejects import RejectCollector
from ingest.models import Progress, Reject, Run
from ingest.rejects import store
from ingest.runs import complete, heartbeat
from ingest.runs.claim import Claim, ClaimLost, claim
from ingest.runs.receive import receive
from tests.local.processes import comes_true

BUSY = RunInterrupted("S3 is busy. The run is retried.")


def claimed_run(source) -> Claim:
    """A run that is ours."""
    return claim(receive(source()).pk)


@pytest.mark.django_db
def test_each_interruption_waits_longer_up_to_ten_minutes(source):
    claimed, pauses = claimed_run(source), []
    for _ in range(9):
        before = timezone.now()
        assert complete.interrupt(claimed, BUSY) == "waiting"
        pauses.append(round((Run.objects.get().not_before - before).total_seconds()))
        claimed = claim(claimed.run.pk)
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 600, 600]


@pytest.mark.django_db
def test_what_is_interrupted_without_end_fails_in_the_end(source):
    claimed = claimed_run(source)
    Run.objects.update(interruptions=complete.MOST_INTERRUPTIONS)
    claimed.run.refresh_from_db()
    assert complete.interrupt(claimed, BUSY, table_busy=True) == "waiting", "a busy table is no fault"
    again = claim(claimed.run.pk)
    assert complete.interrupt(again, BUSY) == "failed"
    assert Run.objects.get().reason == str(BUSY)


@pytest.mark.django_db
def test_only_the_holder_ends_a_run(source):
    claimed = claimed_run(source)
    Run.objects.update(token=2)
    assert complete.fail(claimed, BUSY, None) is None
    assert complete.interrupt(claimed, BUSY) is None
    assert complete.supersede(claimed, "Newer.") is None
    assert (Run.objects.get().status, Run.objects.get().reason) == ("running", "")


def rejected(line: int = 2, **fields: object) -> LoaderReject:
    """One record that did not go in."""
    return LoaderReject(**{"line": line, "code": Code.BAD_VALUE, "reason": "Because.", "raw": b"x", **fields})


@pytest.mark.django_db
def test_at_most_ten_thousand_rejects_are_stored_and_the_count_stays_exact(source):
    run, book = receive(source()), RejectCollector()
    for line in range(10_050):
        book.add(rejected(line, raw=b"x" * 2_000))
    store.keep(run, book)
    assert (len(book), Reject.objects.count()) == (10_050, 10_000)
    assert set(Reject.objects.values_list("line", flat=True)) == set(range(10_000))


@pytest.mark.django_db
@pytest.mark.parametrize("raw", [b"", b"\\.", b'"', bytes(range(256)) * 3, b"\\x00", b"x" * 20_000_000], ids=range(6))
def test_a_rejected_record_is_stored_byte_by_byte(source, raw):
    run, book = receive(source()), RejectCollector()
    book.add(rejected(raw=raw))
    book.add(rejected(raw=b"behind"))
    store.keep(run, book)
    assert [bytes(reject.raw) for reject in run.rejects.all()] == [raw, b"behind"]


@pytest.mark.django_db
def test_texts_that_no_database_holds_are_stored_as_near_as_they_can(source):
    run, book = receive(source()), RejectCollector()
    book.add(rejected(column='a\0,"', value="", reason="Half a \ud800.\n\\.\n"))
    store.keep(run, book)
    reject = run.rejects.get()
    assert (reject.column, reject.value) == ('a\N{REPLACEMENT CHARACTER},"', "")
    assert reject.reason == "Half a ?.\n\\.\n"


# -- the heartbeat ----------------------------------------------------------------------------------------------------


def until(holds) -> None:
    """Wait for something that another thread does."""
    assert comes_true(holds), "the other thread hasn't done it after two minutes"


@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_renews_the_lease_and_tells_how_far_the_work_is(source, monkeypatch):
    monkeypatch.setattr(heartbeat, "INTERVAL", 0.02)
    claimed = claimed_run(source)
    Progress.objects.update(lease_until=timezone.now())
    with heartbeat.Heartbeat(claimed) as beat:
        beat.enter("fetch", 100)
        beat.reach(40)
        until(lambda: Progress.objects.get().bytes_done == 40)
        progress = Progress.objects.get()
        assert (progress.stage, progress.bytes_total) == ("fetch", 100)
        assert progress.lease_until > timezone.now() + timezone.timedelta(seconds=20)
        beat.load_reached("copy", 7, 9)
        until(lambda: Progress.objects.get().stage == "copy")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("heartbeat-")]


@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_tells_its_worker_that_the_run_was_taken_over(source, monkeypatch):
    monkeypatch.setattr(heartbeat, "INTERVAL", 0.02)
    claimed = claimed_run(source)
    Progress.objects.update(token=2, bytes_done=5)
    with heartbeat.Heartbeat(claimed) as beat:
        until(beat._lost.is_set)
        with pytest.raises(ClaimLost):
            beat.enter("wait", 0)
    assert Progress.objects.get().bytes_done == 5


@pytest.mark.django_db(transaction=True)
def test_a_heartbeat_outlives_a_database_that_goes_away_for_a_moment(source, monkeypatch):
    monkeypatch.setattr(heartbeat, "INTERVAL", 0.02)
    claimed = claimed_run(source)
    with heartbeat.Heartbeat(claimed) as beat:
        beat.reach(1)
        until(lambda: Progress.objects.get().bytes_done == 1)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            assert cursor.fetchone()[0] == 1
        beat.reach(2)
        until(lambda: Progress.objects.get().bytes_done == 2)
