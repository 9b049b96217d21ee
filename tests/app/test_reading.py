"""Files come as they are: packed, in any encoding, as their dataset has settled, or mended.

See file-rules#reading and #rejects.
"""

import gzip

import pytest

from ingest.models import Dataset
from ingest.rejects.csv_file import reject_file
from ingest.runs import attempt
from tests.app.conftest import Door, counts, rows


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_files_come_packed_and_in_any_encoding(door: Door, scratch, packed, encoding):
    content = "id,name\n1,Zoë\n2,Ann Größe\n3,Åse Lindström\n4\n".encode(encoding)
    run = door.load("people.csv", gzip.compress(content) if packed else content)
    assert (run.status, run.reason) == ("succeeded", "")
    assert (run.dialect["encoding"], run.dialect.get("compression")) == (encoding, "gzip" if packed else None)
    assert rows("SELECT name FROM people ORDER BY id") == [("Zoë",), ("Ann Größe",), ("Åse Lindström",)]
    assert list(reject_file(run))[1].startswith("4,,5,missing_columns")
    assert list(scratch.iterdir()) == []


def test_an_archive_that_unpacks_to_more_than_allowed_fails_with_one_sentence(door: Door, settings):
    settings.MAX_UNPACKED_BYTES = 1_000
    run = door.load("people.csv.gz", gzip.compress(b"id\n" + b"1\n" * 1_000))
    assert run.status == "failed"
    assert "more than 1,000 bytes" in run.reason


def test_an_encoding_that_is_pinned_while_a_file_is_being_read_counts(door: Door, monkeypatch):
    lock = attempt.loading.lock

    def pinned_meanwhile(*args):
        Dataset.objects.filter(encoding=None).update(encoding="cp1251")
        return lock(*args)

    monkeypatch.setattr("ingest.runs.attempt.loading.lock", pinned_meanwhile)
    run = door.load("people.csv", "id,name\n1,Анна\n".encode("cp1251"))
    assert (run.status, run.dialect["encoding"]) == ("succeeded", "cp1251")
    assert rows("SELECT name FROM people") == [("Анна",)]


def test_what_is_pinned_is_not_found_out(door: Door):
    Dataset.objects.create(name="people", delimiter="|", has_header=False)
    run = door.load("people.csv", "1;x|Ann;Bob\n2;y|Cy;Dee\n")
    assert (run.dialect["delimiter"], run.dialect["has_header"]) == ("|", False)
    assert rows("SELECT column_1, column_2 FROM people") == [("1;x", "Ann;Bob"), ("2;y", "Cy;Dee")]


def test_what_is_pinned_while_a_file_is_being_fetched_counts(door: Door, monkeypatch):
    lock = attempt.loading.lock

    def pinned_meanwhile(*args):
        Dataset.objects.filter(delimiter=None).update(delimiter=";")
        return lock(*args)

    monkeypatch.setattr("ingest.runs.attempt.loading.lock", pinned_meanwhile)
    assert door.load("people.csv", "a,b;c\n1,2;3\n").dialect["delimiter"] == ";"


# -- corrected rejects ------------------------------------------------------------------------------------------------


def test_rejects_that_were_mended_and_dropped_again_are_loaded(door: Door):
    door.load("people.csv", "id,name,age\n1,Ann,40\n")
    troubled = 'id,name,age\n2,Bob\n3,"C\ny",x\n' + "4,D,7\n" * 9
    first = door.load("people.csv", troubled)
    assert [(r.line, r.code) for r in first.rejects.all()] == [(2, "missing_columns"), (3, "bad_value")]
    mended = "".join(reject_file(first)).replace("2,Bob,,", "2,Bob,41,").replace('"C\ny",x', '"C\ny",42')
    run = door.load("people.csv", mended)
    assert (run.status, counts(run)) == ("succeeded", {"records": 2, "inserted": 2})
    assert rows("SELECT id, name, age FROM people ORDER BY id") == [
        (1, "Ann", 40),
        (2, "Bob", 41),
        (3, "C\ny", 42),
        (4, "D", 7),
    ]


def test_mended_rejects_of_a_snapshot_delete_nothing(door: Door):
    Dataset.objects.create(name="people", mode="snapshot", declared_key=["id"])
    first = door.load("people.csv", "id,name\n1,Ann\n2\n")
    run = door.load("people.csv", "".join(reject_file(first)).replace("2,,", "2,Bob,"))
    assert (run.status, run.snapshot, counts(run)) == ("succeeded", False, {"records": 1, "inserted": 1})
    assert rows("SELECT count(*) FROM people") == [(2,)]
