"""A run that would do too much is held before its commit, for an operator to approve or discard (file-rules#held)."""

import json
import logging

import pytest
from django.core.management import call_command
from django.db import connection

from ingest.datasets.alter import columns_of
from ingest.loader.outcome.errors import RunFailed
from ingest.models import Dataset, Reject, Run
from ingest.runs.approve import approve, discard, held_by
from ingest.runs.execute import claim_and_execute
from ingest.runs.retry import due, retry
from tests.app.conftest import Door, counts, rows

PEOPLE = "id,name\n1,Ann\n2,Bob\n"


def many(first: int, behind: int) -> str:
    """A file of people with these ids."""
    return "id,name\n" + "".join(f"{n},person {n}\n" for n in range(first, behind))


@pytest.fixture
def asking(door: Door) -> Dataset:
    """A dataset that asks for approval."""
    return Dataset.objects.create(name="people", asks_approval=True)


@pytest.fixture
def snapshot(door: Door) -> Dataset:
    """A snapshot with 100 rows."""
    dataset = Dataset.objects.create(name="people", mode="snapshot", declared_key=["id"])
    door.load("people.csv", many(0, 100))
    return dataset


def test_a_run_is_held_with_its_counts_and_nothing_is_loaded(door: Door, asking):
    run = door.load("people.csv", PEOPLE + "3\n")
    assert (run.status, run.brakes, run.traceback) == ("held", {"approval": 0}, "")
    assert "asks for approval" in run.reason
    assert counts(run) == {"records": 3, "inserted": 2, "rejected": 1}
    assert (run.dialect["delimiter"], len(run.columns), len(run.sha256)) == (",", 2, 64)
    assert run.ddl
    assert Reject.objects.get(run=run).code == "missing_columns"
    assert rows("SELECT to_regclass('datasets.people')") == [(None,)]
    asking.refresh_from_db()
    assert (asking.newest, asking.identities, asking.headers) == (None, None, {})


def test_a_held_run_is_told_of_in_the_log_as_what_it_is(door: Door, asking, caplog):
    with caplog.at_level(logging.INFO, "ingest.runs"):
        run = door.load("people.csv", PEOPLE)
    *_, record = caplog.records
    told = json.loads(record.getMessage())
    assert (record.levelno, told["event"], told["run"]) == (logging.WARNING, "run held", run.pk)


def test_an_approved_run_is_loaded(door: Door, asking):
    run = door.load("people.csv", PEOPLE + "3\n")
    approved = approve(run.pk)
    assert (approved.status, approved.records, approved.brakes, approved.approved) == (
        "waiting",
        None,
        {},
        {"approval": 0},
    )
    assert due() == [run.pk]
    assert claim_and_execute(run.pk) == "succeeded"
    run.refresh_from_db()
    assert (run.reason, counts(run)) == ("", {"records": 3, "inserted": 2, "rejected": 1})
    assert Reject.objects.filter(run=run).count() == 1
    assert rows("SELECT count(*) FROM people") == [(2,)]


def test_content_that_changes_nothing_needs_no_approval(door: Door, asking):
    approve(door.load("people.csv", PEOPLE).pk)
    assert claim_and_execute(Run.objects.get().pk) == "succeeded"
    assert door.load("people.csv", PEOPLE).status == "succeeded"


def test_a_snapshot_that_would_delete_too_much_is_held_again_if_the_count_has_grown(door: Door, snapshot):
    run = door.load("people.csv", many(0, 60))
    assert (run.status, run.brakes, run.deleted) == ("held", {"deleted": 40}, 40)
    assert rows("SELECT count(*) FROM people") == [(100,)]
    rows("INSERT INTO people (id, name) VALUES (1000, 'outside') RETURNING 1")
    approve(run.pk)
    assert claim_and_execute(run.pk) == "held"
    run.refresh_from_db()
    assert (run.brakes, run.approved) == ({"deleted": 41}, {"deleted": 40})
    approve(run.pk)
    assert claim_and_execute(run.pk) == "succeeded"
    assert rows("SELECT count(*) FROM people") == [(60,)]


def test_a_snapshot_of_under_half_of_the_previous_ones_records_is_held(door: Door, snapshot):
    rows("DELETE FROM people WHERE id >= 45 RETURNING 1")  # so that no row would be missing
    run = door.load("people.csv", many(0, 45))
    assert (run.status, run.brakes) == ("held", {"shrunk": 55})


TOTALS = "id,name\n3,Cy\nTotal,3\n"


def test_a_file_that_would_turn_the_key_into_text_is_held_until_it_is_approved(door: Door):
    door.load("people.csv", PEOPLE)
    run = door.load("people.csv", TOTALS)
    assert (run.status, run.brakes) == ("held", {"key_type": 1})
    assert (
        "the key column id would change from bigint to text permanently, because 1 value in the file is not "
        "valid as bigint (line 3: 'Total')"
    ) in run.reason
    assert held_by(run.brakes) == "a key column would become text because of 1 of its values"
    assert columns_of(run.dataset_id)["id"] == "bigint"
    call_command("approve", run.pk)
    assert claim_and_execute(run.pk) == "succeeded"
    assert rows("SELECT id FROM people ORDER BY id") == [("1",), ("2",), ("3",), ("Total",)]


def test_a_key_is_held_again_where_more_values_would_make_it_text(door: Door):
    door.load("days.csv", "id,n\n2024-01-01,1\n2024-01-02,1\n")
    run = door.load("days.csv", "id,n\n2024-01-03,1\nTotal,3\n")
    assert run.brakes == {"key_type": 1}
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE days ALTER id TYPE bigint USING extract(day FROM id)")
    approve(run.pk)
    assert claim_and_execute(run.pk) == "held"
    run.refresh_from_db()
    assert (run.brakes, run.approved) == ({"key_type": 2}, {"key_type": 1})
    approve(run.pk)
    assert claim_and_execute(run.pk) == "succeeded"


def test_a_discarded_totals_row_leaves_the_key_as_it_is(door: Door):
    door.load("people.csv", PEOPLE)
    discard(door.load("people.csv", TOTALS).pk, "ann")
    assert door.load("people.csv", "id,name\n3,Cy\n").status == "succeeded"
    assert columns_of(Dataset.objects.get().pk)["id"] == "bigint"


def test_a_preview_says_that_the_key_would_become_text(door: Door):
    door.load("people.csv", PEOPLE)
    preview = door.load("_preview/people.csv", TOTALS)
    assert preview.brakes == {"key_type": 1}
    assert (
        "A load of this file would be held: a key column would become text because of 1 of its values." in preview.notes
    )


def test_a_corrected_reject_file_is_no_snapshot_to_measure_the_next_by(door: Door, snapshot):
    assert door.load("people.csv", "id,name,_line,_code,_reason\n1,Anna,2,bad_value,x\n").status == "succeeded"
    rows("DELETE FROM people WHERE id >= 45 RETURNING 1")
    assert door.load("people.csv", many(0, 45)).brakes == {"shrunk": 55}


def test_a_discarded_run_is_over_and_says_by_whom(door: Door, asking):
    run = door.load("people.csv", PEOPLE)
    discarded = discard(run.pk, "ann")
    assert (discarded.status, discarded.reason, discarded.brakes) == ("discarded", "Discarded by ann.", {"approval": 0})
    assert due() == []
    assert retry(run.pk).approved is None
    assert claim_and_execute(run.pk) == "held", "what was discarded is not approved"


@pytest.mark.parametrize("name", ["approve", "discard"])
def test_only_a_held_run_is_approved_or_discarded(door: Door, name):
    run = door.load("people.csv", PEOPLE)
    ask = {"approve": approve, "discard": lambda run_id: discard(run_id, "ann")}[name]
    with pytest.raises(RunFailed, match=f"Run {run.pk} is succeeded; only held runs"):
        ask(run.pk)


def test_the_newest_version_loaded_again_behind_an_older_one_asks_nobody_twice(door: Door, asking):
    older = door.put("people.csv", "id,name\n1,old\n", sequencer="0A")
    newer = door.deliver(door.put("people.csv", "id,name\n1,new\n", sequencer="0B"))
    approve(newer.pk)
    claim_and_execute(newer.pk)
    late = door.deliver(older)
    assert (late.status, late.brakes, late.inserted) == ("held", {"approval": 0}, 1)
    assert Run.objects.count() == 2
    approve(late.pk)
    assert claim_and_execute(late.pk) == "succeeded"
    assert rows("SELECT name FROM people") == [("new",)]
