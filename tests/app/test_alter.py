"""What an operator changes by hand is held against every row first (file-rules#types, #keys and #transaction)."""

import pytest
from django.db import connection

from ingest.datasets.alter import change_key, change_type, columns_of
from ingest.loader.outcome.errors import IngestError, RunFailed
from ingest.models import Dataset, Run
from ingest.runs.execute import claim_and_execute
from ingest.runs.undo import undo
from tests.app.conftest import Door, counts, rows

PEOPLE = "id,code,name\n1,a,Ann\n2,b,Ann\n"


@pytest.fixture
def people(door: Door) -> Dataset:
    """Two people in a table."""
    door.load("people.csv", PEOPLE)
    return Dataset.objects.get()


def test_a_key_that_the_rows_allow_is_taken(door: Door, people):
    change_key(people.pk, declared_key=["code"])
    people.refresh_from_db()
    assert (people.declared_key, people.identities, people.newest) == (["code"], [["code"]], None)
    run = door.load("people.csv", "id,code,name\n9,a,Anna\n")
    assert counts(run) == {"records": 1, "updated": 1}
    assert rows("SELECT id, code, name FROM people ORDER BY code") == [(9, "a", "Anna"), (2, "b", "Ann")]


def test_a_key_that_the_rows_repeat_is_refused_and_nothing_changes(door: Door, people):
    with pytest.raises(RunFailed, match="rows repeat it, such as 'Ann'"):
        change_key(people.pk, declared_key=["name"])
    people.refresh_from_db()
    assert (people.declared_key, people.identities, people.newest) == ([], [["id"]], Run.objects.get())
    assert undo(people.newest.pk)


def test_a_change_of_the_key_ends_the_undo_of_earlier_runs_only(door: Door, people):
    change_key(people.pk, declared_key=["code"])
    with pytest.raises(RunFailed, match="can no longer be undone"):
        undo(Run.objects.get().pk)
    later = door.load("people.csv", "id,code,name\n3,c,Cy\n")
    assert claim_and_execute(undo(later.pk).pk) == "succeeded"
    assert rows("SELECT count(*) FROM people") == [(2,)]


def test_without_a_declared_key_the_rows_choose(door: Door, people):
    change_key(people.pk, declared_key=["code"])
    change_key(people.pk, declared_key=[])
    people.refresh_from_db()
    assert people.identities == [["id"]]
    assert "id" in people.evidence
    assert counts(door.load("people.csv", "id,code,name\n1,z,Ann\n")) == {"records": 1, "updated": 1}


def test_email_is_a_key_besides_id_where_the_rows_allow_it(door: Door):
    door.load("people.csv", "id,email\n1,a@x.example\n2,b@x.example\n4,\n5,\n")
    dataset = Dataset.objects.get()
    change_key(dataset.pk, mode="append")
    door.load("people.csv", "id,email\n3,b@x.example\n")
    change_key(dataset.pk, mode="upsert")
    dataset.refresh_from_db()
    assert (dataset.mode, dataset.identities) == ("upsert", [["id"]])
    rows("DELETE FROM people WHERE id = 3 RETURNING 1")
    change_key(dataset.pk, mode="append")
    change_key(dataset.pk, mode="upsert")
    dataset.refresh_from_db()
    assert dataset.identities == [["id"], ["email"]]


def test_append_numbers_rows_and_upsert_is_refused_once_they_repeat(door: Door, people):
    change_key(people.pk, mode="append")
    people.refresh_from_db()
    assert (people.mode, people.identities) == ("append", [])
    assert counts(door.load("people.csv", PEOPLE)) == {"records": 2, "inserted": 2}
    with pytest.raises(RunFailed, match="id can't be the key of people: rows repeat it"):
        change_key(people.pk, mode="upsert")
    people.refresh_from_db()
    assert (people.mode, people.identities) == ("append", [])


def test_a_snapshot_needs_a_key(door: Door):
    door.load("notes.csv", "a\n1\n")
    dataset = Dataset.objects.get()
    with pytest.raises(RunFailed, match="notes has no key, and snapshot mode needs one"):
        change_key(dataset.pk, mode="snapshot")
    dataset.refresh_from_db()
    assert dataset.mode == "upsert"


def test_a_change_from_upsert_to_snapshot_leaves_key_and_undo(door: Door, people):
    change_key(people.pk, mode="snapshot")
    people.refresh_from_db()
    assert (people.mode, people.identities) == ("snapshot", [["id"]])
    assert undo(Run.objects.get().pk)


def test_before_the_first_file_or_without_a_table_any_key_is_taken(door: Door, people):
    empty = Dataset.objects.create(name="empty")
    change_key(empty.pk, mode="snapshot", declared_key=["whatever"])
    empty.refresh_from_db()
    assert (empty.mode, empty.declared_key, empty.identities) == ("snapshot", ["whatever"], None)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE people")
    change_key(people.pk, declared_key=["code"])
    people.refresh_from_db()
    assert (people.declared_key, people.identities) == (["code"], None)
    assert counts(door.load("people.csv", PEOPLE)) == {"records": 2, "inserted": 2}


def test_a_type_that_holds_every_value_is_taken(door: Door, people):
    change_type(people.pk, "id", "text")
    assert columns_of(people.pk) == {"id": "text", "code": "text", "name": "text"}
    people.refresh_from_db()
    assert people.newest is None
    assert undo(Run.objects.get().pk), "a wider type leaves the undo"


def test_a_type_that_values_stand_in_the_way_of_is_refused(door: Door, people):
    with pytest.raises(RunFailed, match="code of people can't become bigint: 2 values are none, such as 'a', 'b'"):
        change_type(people.pk, "code", "bigint")
    with pytest.raises(RunFailed, match="Unknown type 'hstore'"):
        change_type(people.pk, "code", "hstore")
    people.refresh_from_db()
    assert people.newest == Run.objects.get()


def test_a_narrower_type_ends_the_undo_of_earlier_runs(door: Door):
    door.load("people.csv", "id,code\n1,007\n")
    dataset = Dataset.objects.get()
    rows("UPDATE people SET code = '7' RETURNING 1")
    change_type(dataset.pk, "code", "bigint")
    assert columns_of(dataset.pk) == {"id": "bigint", "code": "bigint"}
    with pytest.raises(RunFailed, match="can no longer be undone"):
        undo(Run.objects.get().pk)


def test_the_same_type_changes_nothing(door: Door, people):
    change_type(people.pk, "id", "bigint")
    people.refresh_from_db()
    assert people.newest == Run.objects.get()


def test_while_a_run_is_loading_nothing_is_changed_by_hand(door: Door, people):
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE people")
            with pytest.raises(IngestError, match=r"people is being loaded\. Try again"):
                change_key(people.pk, declared_key=["code"])
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    change_key(people.pk, declared_key=["code"])
