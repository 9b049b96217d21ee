"""Undo puts back what a run inserted, changed and deleted, as a run of its own (file-rules#undo)."""

import pytest
from django.db import connection

from ingest.loader.outcome.errors import RunFailed
from ingest.models import Dataset, Run
from ingest.runs.execute import claim_and_execute
from ingest.runs.receive import receive
from ingest.runs.retry import due, load_again, retry
from ingest.runs.undo import undo as undo_run
from tests.app.conftest import Door, counts, rows

PEOPLE = "id,name\n1,Ann\n2,Bob\n"
CHANGED = "id,name\n1,Anna\n2,Bob\n3,Cy\n"
ALL = "SELECT * FROM people ORDER BY id"


def undone(run: Run) -> Run:
    """The finished undo of ``run``."""
    undo = undo_run(run.pk)
    claim_and_execute(undo.pk)
    undo.refresh_from_db()
    return undo


def test_an_undo_is_a_run_that_waits_for_a_worker(door: Door):
    run = door.load("people.csv", PEOPLE)
    undo = undo_run(run.pk)
    assert (undo.kind, undo.status, undo.undoes, undo.dataset) == ("undo", "waiting", run, run.dataset)
    assert rows("SELECT count(*) FROM people") == [(2,)]
    assert due() == [undo.pk]
    assert claim_and_execute(undo.pk) == "succeeded"
    assert rows("SELECT count(*) FROM people") == [(0,)]


def test_rows_that_were_inserted_go_and_changed_ones_come_back_exactly(door: Door):
    door.load("people.csv", PEOPLE)
    before = rows(ALL)
    run = door.load("people.csv", CHANGED)
    undo = undone(run)
    assert rows(ALL) == before
    assert counts(undo) == {"records": 1, "updated": 1, "deleted": 1}
    assert (undo.status, undo.reason, undo.stayed, undo.attempts) == ("succeeded", "", [], 1)
    run.refresh_from_db()
    assert run.undone
    assert Dataset.objects.get().newest is None


def test_rows_that_a_snapshot_deleted_come_back(door: Door):
    Dataset.objects.create(name="people", mode="snapshot", declared_key=["id"])
    door.load("people.csv", PEOPLE)
    before = rows(ALL)
    undo = undone(door.load("people.csv", "id,name\n1,Ann\n"))
    assert rows(ALL) == before
    assert counts(undo) == {"records": 1, "inserted": 1}


def test_appended_rows_go(door: Door):
    Dataset.objects.create(name="people", mode="append")
    door.load("people.csv", PEOPLE)
    undo = undone(door.load("people.csv", PEOPLE))
    assert counts(undo) == {"deleted": 2}
    assert rows("SELECT count(*) FROM people") == [(2,)]


def test_rows_that_a_later_run_changed_stay_and_are_listed_until_it_is_undone_too(door: Door):
    first = door.load("people.csv", PEOPLE)
    second = door.load("people.csv", "id,name\n2,Robert\n")
    undo = undone(first)
    assert counts(undo) == {"deleted": 1}
    assert undo.stayed == [["2", "changed"]]
    assert "1 row stays" in undo.notes[0]
    assert rows("SELECT id, name FROM people") == [(2, "Robert")]
    assert counts(undone(second)) == {"records": 1, "updated": 1}
    again = undone(first)
    assert (counts(again), again.stayed) == ({"deleted": 1}, [])
    assert rows("SELECT count(*) FROM people") == [(0,)]


def test_at_most_a_thousand_rows_that_stay_are_listed(door: Door):
    many = [f"{n},x\n" for n in range(1_200)]
    first = door.load("people.csv", "id,name\n" + "".join(many))
    door.load("people.csv", ("id,name\n" + "".join(many)).replace("x", "y"))
    undo = undone(first)
    assert len(undo.stayed) == 1_000
    assert "1,000 rows or more stay" in undo.notes[0]


def test_content_that_was_undone_is_loaded_again(door: Door):
    source = door.put("people.csv", PEOPLE)
    run = door.deliver(source)
    undone(run)
    assert counts(door.load("people.csv", PEOPLE)) == {"records": 2, "inserted": 2}
    undone(Run.objects.filter(kind="load").first())
    again = load_again(run.pk)
    assert claim_and_execute(again.pk) == "succeeded"
    assert rows("SELECT count(*) FROM people") == [(2,)]
    assert door.deliver(source).pk == run.pk, "a second delivery of the event is still the first run"


def test_an_undone_version_is_not_loaded_again_behind_an_older_one(door: Door):
    older = door.put("people.csv", "id,name\n1,old\n", sequencer="0A")
    undone(door.deliver(door.put("people.csv", "id,name\n1,new\n", sequencer="0B")))
    assert counts(door.deliver(older)) == {"records": 1, "inserted": 1}
    assert rows("SELECT name FROM people") == [("old",)]


def test_an_undone_snapshot_is_none_to_measure_the_next_by(door: Door):
    Dataset.objects.create(name="people", mode="snapshot", declared_key=["id"])
    door.load("people.csv", "id,name\n" + "".join(f"{n},x\n" for n in range(20)))
    undone(door.load("people.csv", "id,name\n" + "".join(f"{n},x\n" for n in range(100))))
    assert door.load("people.csv", "id,name\n" + "".join(f"{n},x\n" for n in range(30))).status == "succeeded"


@pytest.mark.parametrize("status", ["failed", "held", "superseded", "waiting", "running"])
def test_only_what_was_loaded_is_undone(door: Door, status):
    run = receive(door.put("people.csv", PEOPLE))
    Run.objects.update(status=status)
    with pytest.raises(RunFailed, match=f"Run {run.pk} is {status}; only a load that has succeeded"):
        undo_run(run.pk)


def test_an_undo_is_not_undone(door: Door):
    undo = undone(door.load("people.csv", PEOPLE))
    with pytest.raises(RunFailed, match=f"Run {undo.pk} is an undo; load the file again"):
        undo_run(undo.pk)
    with pytest.raises(RunFailed, match=f"Run {undo.pk} is an undo"):
        load_again(undo.pk)


def test_what_changed_nothing_is_not_undone(door: Door):
    door.load("people.csv", PEOPLE)
    with pytest.raises(RunFailed, match="changed nothing"):
        undo_run(door.load("people.csv", PEOPLE).pk)


def test_what_can_no_longer_be_undone_is_said(door: Door):
    run = door.load("people.csv", PEOPLE)
    waiting = undo_run(run.pk)
    Run.objects.filter(pk=run.pk).update(undoable=False)
    with pytest.raises(RunFailed, match=f"Run {run.pk} can no longer be undone"):
        undo_run(run.pk)
    assert claim_and_execute(waiting.pk) == "failed", "it is asked again under the lock"
    waiting.refresh_from_db()
    assert "can no longer be undone" in waiting.reason
    assert rows("SELECT count(*) FROM people") == [(2,)]


def test_an_undo_whose_table_is_gone_says_so(door: Door):
    run = door.load("people.csv", PEOPLE)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE people")
    undo = undone(run)
    assert undo.status == "failed"
    assert "nothing to undo" in undo.reason
    run.refresh_from_db()
    assert not run.undone


def test_an_undo_waits_for_its_table_like_any_run(door: Door):
    run = door.load("people.csv", PEOPLE)
    undo = undo_run(run.pk)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE people")
            assert claim_and_execute(undo.pk) == "waiting"
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    assert claim_and_execute(undo.pk) == "succeeded"
    assert rows("SELECT count(*) FROM people") == [(0,)]


def test_an_undo_that_failed_can_be_retried(door: Door):
    run = door.load("people.csv", PEOPLE)
    undo = undo_run(run.pk)
    Run.objects.filter(pk=undo.pk).update(status="failed")
    retry(undo.pk)
    assert claim_and_execute(undo.pk) == "succeeded"
