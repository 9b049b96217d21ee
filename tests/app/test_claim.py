"""Exactly one worker at a time carries a run (file-rules#claim)."""

import logging
import threading

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from ingest.models import Progress, Run
from ingest.runs.claim import claim
from ingest.runs.receive import receive, receive_and_claim
from ingest.runs.retry import due

pytestmark = pytest.mark.django_db(transaction=True)


def let_lease_end(run: Run) -> None:
    """As if the worker had died a while ago."""
    Progress.objects.filter(pk=run.pk).update(lease_until=Now() - timezone.timedelta(seconds=1))


def claim_in_another_session(run: Run) -> object:
    """What another worker gets."""
    got: list[object] = []

    def work() -> None:
        try:
            got.append(claim(run.pk))
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(120)
    return got[0]


def test_a_claim_raises_the_token_counts_the_attempt_and_takes_a_lease(source, settings):
    run = receive(source())
    before = timezone.now()
    claimed = claim(run.pk)
    run.refresh_from_db()
    assert claimed.token == run.token == run.progress.token == 1
    assert (run.status, run.attempts) == ("running", 1)
    begun = run.progress.lease_until - timezone.timedelta(seconds=settings.LEASE_SECONDS)
    assert before <= begun <= timezone.now()


def test_a_run_is_its_receivers_from_the_start_until_its_lease_ends(source, settings):
    told, before = source(), timezone.now()
    run, claimed = receive_and_claim(told)
    run.refresh_from_db()
    assert claimed.token == run.token == run.progress.token == 1
    assert (run.status, run.attempts, run.progress.stage) == ("running", 1, "fetch")
    assert run.started <= timezone.now()
    begun = run.progress.lease_until - timezone.timedelta(seconds=settings.LEASE_SECONDS)
    assert before <= begun <= timezone.now()
    assert receive_and_claim(told) == (run, None)
    assert claim(run.pk) is None
    let_lease_end(run)
    assert claim(run.pk).token == 2


def test_a_run_that_has_failed_already_is_nobodys(source):
    run, claimed = receive_and_claim(source("data/___.csv"))
    assert (run.status, run.token, claimed) == ("failed", 0, None)


def test_a_run_that_is_held_is_not_claimed(source):
    run = receive(source())
    assert claim(run.pk)
    assert claim(run.pk) is None


def test_of_many_workers_at_once_one_gets_the_run(source):
    run, got, together = receive(source()), [], threading.Barrier(6)

    def work():
        try:
            together.wait()
            got.append(claim(run.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [claimed.token for claimed in got if claimed] == [1]


def test_a_run_whose_lease_is_over_is_claimed_again_with_a_higher_token(source):
    run = receive(source())
    claim(run.pk)
    let_lease_end(run)
    claimed = claim(run.pk)
    assert (claimed.token, Run.objects.get(pk=run.pk).attempts) == (2, 2)


def test_a_run_whose_row_is_locked_is_alive_whatever_its_lease_says(source):
    run = receive(source())
    claim(run.pk)
    let_lease_end(run)
    with transaction.atomic():
        Run.objects.select_for_update(no_key=True).get(pk=run.pk)
        assert claim_in_another_session(run) is None
    assert claim_in_another_session(run).token == 2


def test_a_run_that_nobody_can_finish_fails_after_its_last_attempt(source, settings, caplog):
    settings.MAX_ATTEMPTS = 2
    run = receive(source())
    for _ in range(2):
        assert claim(run.pk)
        let_lease_end(run)
    with caplog.at_level(logging.ERROR, "ingest.runs"):
        assert claim(run.pk) is None
    run.refresh_from_db()
    assert run.status == "failed"
    assert "stopped during this run 2 times" in run.reason
    assert f'"run": {run.pk}' in caplog.text


def test_interruptions_from_outside_do_not_count_among_the_attempts_that_died(source, settings):
    settings.MAX_ATTEMPTS = 1
    run = receive(source())
    assert claim(run.pk)
    Run.objects.filter(pk=run.pk).update(status="waiting", interruptions=F("interruptions") + 1)
    assert claim(run.pk)


@pytest.mark.parametrize("status", ["held", "failed", "superseded"])
def test_what_is_finished_is_not_claimed(source, status):
    run = receive(source())
    Run.objects.filter(pk=run.pk).update(status=status)
    assert claim(run.pk) is None


def test_a_run_that_does_not_exist_is_not_claimed():
    assert claim(987_654_321) is None


def test_what_is_due_waits_or_was_left_by_its_worker(source, settings):
    settings.LEASE_SECONDS = 1_800
    _fresh, forgotten, waiting, later, running, left, finished = (receive(source()) for _ in range(7))
    long_ago = timezone.now() - timezone.timedelta(hours=2)
    Run.objects.filter(pk=forgotten.pk).update(received=long_ago)
    Run.objects.filter(pk=waiting.pk).update(status="waiting", not_before=long_ago)
    soon = timezone.now() + timezone.timedelta(hours=2)
    Run.objects.filter(pk=later.pk).update(status="waiting", not_before=soon)
    claim(running.pk)
    claim(left.pk)
    let_lease_end(left)
    Run.objects.filter(pk=finished.pk).update(status="failed")
    assert due() == [forgotten.pk, waiting.pk, left.pk]
    assert due(limit=1) == [forgotten.pk]
