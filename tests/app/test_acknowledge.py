"""Failed and held runs trouble somebody until they are answered."""

import pytest
from django.db import connection

from ingest.models import Dataset, Run
from ingest.runs.acknowledge import acknowledge
from ingest.runs.approve import approve, discard
from ingest.runs.execute import claim_and_execute
from ingest.runs.receive import receive
from ingest.runs.retry import retry

GOOD, BAD = "id,n\n1,1\n", ""


def unacknowledged():
    """The keys of the runs that trouble somebody, newest first."""
    return [run.file_name for run in Run.objects.unacknowledged()]


def test_a_failed_run_troubles_until_it_is_tried_again(door):
    run = door.load("a.csv", BAD)
    assert unacknowledged() == ["a.csv"]
    retry(run.pk)
    assert unacknowledged() == []
    assert Run.objects.filter(status="failed").count() == 0, "it leaves the failed filter"
    claim_and_execute(run.pk)
    assert unacknowledged() == ["a.csv"], "it has failed anew"


def test_a_newer_success_of_its_dataset_answers_it_and_an_older_one_does_not(door):
    Dataset.objects.create(name="a", patterns=["a-*.csv"])
    first = receive(door.put("a-1.csv", GOOD))
    door.load("a-2.csv", BAD)
    door.load("b.csv", BAD)
    claim_and_execute(first.pk)
    assert unacknowledged() == ["b.csv", "a-2.csv"]
    newer = door.load("a-3.csv", GOOD)
    assert unacknowledged() == ["b.csv"]
    assert Run.objects.get(key="data/a-2.csv").answered_by == f"run {newer.pk}"


def test_a_file_without_a_table_name_is_answered_by_its_own_key(door):
    door.load("___.csv", GOOD)
    Dataset.objects.create(name="a", patterns=["___.csv"])
    door.load("b.csv", GOOD)
    assert unacknowledged() == ["___.csv"]
    door.load("___.csv", GOOD)
    assert unacknowledged() == []


def test_identical_content_answers_too_and_a_preview_does_not(door):
    door.load("a.csv", GOOD)
    door.load("a.csv", BAD)
    door.load("_preview/a.csv", GOOD)
    assert unacknowledged() == ["a.csv"]
    assert door.load("a.csv", GOOD).unchanged == 1
    assert unacknowledged() == []


def test_a_failed_preview_troubles_nobody(door):
    assert door.load("_preview/a.csv", BAD).status == "failed"
    assert unacknowledged() == []


def test_a_held_run_troubles_until_somebody_decides(door):
    Dataset.objects.create(name="a", asks_approval=True)
    held, other = door.load("a.csv", GOOD), door.load("a.csv", "id,n\n2,2\n")
    assert unacknowledged() == ["a.csv", "a.csv"]
    discard(other.pk, "Ann")
    other.refresh_from_db()
    assert (other.status, other.answered_by) == ("discarded", "Ann")
    approve(held.pk)
    assert unacknowledged() == []


def test_somebody_acknowledges_what_failed_once_and_what_is_answered_stays(door):
    failed, fine = door.load("a.csv", BAD), door.load("b.csv", GOOD)
    ids = [failed.pk, fine.pk, 10**9]
    assert [acknowledge(ids, "Ann"), acknowledge(ids, "Bob")] == [1, 0]
    failed.refresh_from_db()
    assert (failed.answered_by, failed.answered is not None, unacknowledged()) == ("Ann", True, [])


@pytest.mark.django_db
def test_they_are_found_by_indexes_that_hold_no_others(source):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for found in (Run.objects.unacknowledged()[:20], Run.objects.unacknowledged().filter(dataset=1)):
            assert "ingest_run_unanswered" in found.explain()
