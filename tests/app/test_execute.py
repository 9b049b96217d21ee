"""A run is carried from the bucket to its end, in one transaction (file-rules#sources, #rejects and #transaction)."""

import logging

import pytest
from django.db import connection

from ingest.models import Dataset, Progress, Reject, Run
from ingest.rejects.csv_file import reject_file
from ingest.runs.claim import claim
from ingest.runs.execute import claim_and_execute, execute
from ingest.runs.receive import receive
from ingest.runs.retry import due, load_again, retry
from tests.app.conftest import Door, counts, rows

PEOPLE = "id,name,email\n1,Ann,ann@x.example\n2,Bob,bob@x.example\n"


def test_a_file_becomes_a_table(door: Door, scratch):
    run = door.load("people.csv", PEOPLE)
    assert (run.status, run.reason, run.traceback, run.attempts) == ("succeeded", "", "", 1)
    assert counts(run) == {"records": 2, "inserted": 2}
    assert rows("SELECT id, name, email, run_id FROM people ORDER BY id") == [
        (1, "Ann", "ann@x.example", run.pk),
        (2, "Bob", "bob@x.example", run.pk),
    ]
    assert [(column["name"], column["type"]) for column in run.columns] == [
        ("id", "bigint"),
        ("name", "text"),
        ("email", "text"),
    ]
    assert run.ddl
    assert run.dialect["delimiter"] == ","
    assert len(run.sha256) == 64
    assert run.received <= run.started <= run.finished
    dataset = Dataset.objects.get()
    assert (dataset.identities, dataset.newest) == ([["id"], ["email"]], run)
    assert dataset.headers == {"id": "id", "name": "name", "email": "email"}
    assert dataset.evidence
    assert list(scratch.iterdir()) == []


def test_only_what_changed_is_written(door: Door):
    first = door.load("people.csv", PEOPLE)
    evidence = Dataset.objects.get().evidence
    second = door.load("people.csv", PEOPLE.replace("Bob", "Robert") + "3,Cy,cy@x.example\n")
    assert Dataset.objects.get().evidence == evidence
    assert counts(second) == {"records": 3, "inserted": 1, "updated": 1, "unchanged": 1}
    assert rows("SELECT id, name, run_id FROM people ORDER BY id") == [
        (1, "Ann", first.pk),
        (2, "Robert", second.pk),
        (3, "Cy", second.pk),
    ]


def test_a_new_id_with_an_email_that_is_there_updates_that_row(door: Door):
    door.load("people.csv", PEOPLE)
    run = door.load("people.csv", "id,name,email\n9,Robert,bob@x.example\n")
    assert counts(run) == {"records": 1, "updated": 1}
    assert rows("SELECT id, name FROM people ORDER BY id") == [(1, "Ann"), (9, "Robert")]


def test_rejected_records_are_kept_with_their_line_and_raw_bytes(door: Door):
    run = door.load("people.csv", b'\xef\xbb\xbfid,name\n1,Ann\n2\n3,"C\ny"\n4,D\xff\n5,E,x\n')
    assert run.status == "succeeded", run.reason
    assert counts(run) == {"records": 5, "inserted": 2, "rejected": 3}
    kept = [(reject.line, reject.code, bytes(reject.raw)) for reject in Reject.objects.filter(run=run)]
    assert kept == [(3, "missing_columns", b"2"), (6, "bad_encoding", b"4,D\xff"), (7, "extra_columns", b"5,E,x")]


def test_a_second_delivery_of_the_event_loads_nothing(door: Door):
    source = door.put("people.csv", PEOPLE)
    first, second = door.deliver(source), door.deliver(source)
    assert first.pk == second.pk
    assert (second.attempts, second.finished) == (1, first.finished)


# -- identical content ------------------------------------------------------------------------------------------------


def test_identical_content_is_unchanged_without_being_fetched(door: Door, monkeypatch):
    door.load("people.csv", PEOPLE)
    monkeypatch.setattr("ingest.runs.fetched_file.objects.fetch", None)  # a call would fail the run
    run = door.load("people.csv", PEOPLE)
    assert (run.status, counts(run)) == ("succeeded", {"records": 2, "unchanged": 2})
    assert "same content" in run.notes[0]
    assert [column["name"] for column in run.columns] == ["id", "name", "email"]


def test_identical_content_under_another_etag_is_told_by_its_digest(door: Door, monkeypatch):
    first = door.load("people.csv", PEOPLE)
    Run.objects.filter(pk=first.pk).update(etag="another-2")
    monkeypatch.setattr("ingest.runs.fetched_file.dialect.examine", None)
    run = door.load("people.csv", PEOPLE)
    assert (run.status, counts(run)) == ("succeeded", {"records": 2, "unchanged": 2})


@pytest.mark.parametrize(
    "change",
    [
        {"policy": "strict"},
        {"null_tokens": ["NA"]},
        {"reject_share": 0.5},
        {"delimiter": ","},
        {"encoding": "utf-8"},
        {"has_header": True},
        {"newest": None},  # as an operator's change of the table leaves it
    ],
)
def test_identical_content_is_loaded_under_other_conditions(door: Door, change):
    door.load("people.csv", PEOPLE)
    Dataset.objects.update(**change)
    run = door.load("people.csv", PEOPLE)
    assert (run.status, counts(run), run.notes) == ("succeeded", {"records": 2, "unchanged": 2}, [])


def test_content_that_another_run_has_overwritten_since_is_loaded(door: Door):
    door.load("people.csv", PEOPLE)
    door.load("people.csv", PEOPLE.replace("Bob", "Robert"))
    run = door.load("people.csv", PEOPLE)
    assert counts(run) == {"records": 2, "updated": 1, "unchanged": 1}


@pytest.mark.parametrize("trouble", ["2\n", "1,Ann,ann@x.example\n"], ids=["rejected", "duplicate"])
def test_content_that_was_not_loaded_whole_is_loaded_again(door: Door, trouble):
    first = door.load("people.csv", PEOPLE + trouble)
    second = door.load("people.csv", PEOPLE + trouble)
    assert (first.rejected, first.duplicate) == (second.rejected, second.duplicate)
    assert second.unchanged == 2


def test_a_snapshot_that_deleted_nothing_since_a_key_could_not_be_read_is_loaded_again(door: Door):
    Dataset.objects.create(name="people", mode="snapshot", declared_key=["id"])
    door.load("people.csv", PEOPLE)
    held_back = door.load("people.csv", "id,name,email\n1,Ann,ann@x.example\n2\n")
    assert (held_back.deletion_withheld, held_back.deleted) == (True, 0)
    Run.objects.filter(pk=held_back.pk).update(records=1, rejected=0)  # all else would be whole
    again = door.load("people.csv", "id,name,email\n1,Ann,ann@x.example\n2\n")
    assert counts(again) == {"records": 2, "unchanged": 1, "rejected": 1}


@pytest.mark.parametrize("by", ["etag", "digest"])
def test_content_whose_table_was_dropped_outside_is_loaded_again(door: Door, by):
    first = door.load("people.csv", PEOPLE)
    if by == "digest":
        Run.objects.filter(pk=first.pk).update(etag="another-2")
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE people")
    run = door.load("people.csv", PEOPLE)
    assert (run.status, counts(run)) == ("succeeded", {"records": 2, "inserted": 2})
    assert rows("SELECT count(*) FROM people") == [(2,)]


def test_append_loads_identical_content_too(door: Door):
    Dataset.objects.create(name="log", mode="append")
    door.load("log.csv", "a\n1\n")
    run = door.load("log.csv", "a\n1\n")
    assert counts(run) == {"records": 1, "inserted": 1}
    assert rows("SELECT count(*) FROM log") == [(2,)]


def test_load_anyway_loads_what_stands_there(door: Door):
    first = door.load("people.csv", PEOPLE)
    rows("UPDATE people SET name = 'changed outside' WHERE id = 1 RETURNING 1")
    again = load_again(first.pk)
    assert (again.load_number, again.status) == (2, "waiting")
    assert claim_and_execute(again.pk) == "succeeded"
    again.refresh_from_db()
    assert counts(again) == {"records": 2, "updated": 1, "unchanged": 1}


# -- versions in the wrong order --------------------------------------------------------------------------------------


def test_upsert_loads_an_older_version_and_the_newest_again_behind_it(door: Door):
    older = door.put("people.csv", "id,name\n1,old\n2,only in the older\n", sequencer="0A")
    newer = door.put("people.csv", "id,name\n1,new\n", sequencer="0A1")
    door.deliver(newer)
    late = door.deliver(older)
    assert (late.status, counts(late)) == ("succeeded", {"records": 2, "inserted": 2})
    again = Run.objects.get(load_number=2)
    assert (again.status, again.source.version_id, counts(again)) == (
        "succeeded",
        newer.version_id,
        {"records": 1, "updated": 1},
    )
    assert rows("SELECT id, name, run_id FROM people ORDER BY id") == [
        (1, "new", again.pk),
        (2, "only in the older", late.pk),
    ]
    assert Dataset.objects.get().newest == again
    assert str(again.pk) in late.notes[-1]
    assert str(late.pk) in again.notes[-1]


def test_if_the_newest_cannot_be_read_again_an_older_version_changes_nothing(door: Door):
    older = door.put("people.csv", "id,name\n1,old\n", sequencer="0A")
    newer = door.put("people.csv", "id,name\n1,new\n", sequencer="0B")
    door.deliver(newer)
    door.aws.client("s3").delete_object(Bucket=newer.bucket, Key=newer.key, VersionId=newer.version_id)
    late = door.deliver(older)
    assert late.status == "superseded"
    assert "can't be read any more" in late.reason
    assert rows("SELECT id, name FROM people") == [(1, "new")]
    assert Run.objects.count() == 2


def test_a_snapshot_is_never_replaced_by_an_older_version(door: Door):
    Dataset.objects.create(name="people", mode="snapshot", declared_key=["id"])
    older = door.put("people.csv", "id,name\n1,old\n", sequencer="0A")
    door.deliver(door.put("people.csv", "id,name\n1,new\n", sequencer="0B"))
    late = door.deliver(older)
    assert (late.status, late.records) == ("superseded", None)
    assert "newer version" in late.reason
    assert rows("SELECT id, name FROM people") == [(1, "new")]


def test_append_loads_versions_in_any_order(door: Door):
    Dataset.objects.create(name="log", mode="append")
    older = door.put("log.csv", "a\n1\n", sequencer="0A")
    door.deliver(door.put("log.csv", "a\n2\n", sequencer="0B"))
    assert counts(door.deliver(older)) == {"records": 1, "inserted": 1}
    assert rows("SELECT a FROM log ORDER BY record_id") == [(2,), (1,)]


def test_versions_of_another_key_have_no_order_with_ours(door: Door):
    door.load("a/people.csv", "id,name\n1,new\n", sequencer="0B")
    run = door.load("b/people.csv", "id,name\n1,old\n", sequencer="0A")
    assert Run.objects.count() == 2
    assert rows("SELECT name, run_id FROM people") == [("old", run.pk)]


# -- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "empty"),
        (bytes(range(256)) * 20, "binary"),
    ],
    ids=["empty", "binary"],
)
def test_what_is_no_csv_fails_with_one_sentence(door: Door, scratch, content, sentence, caplog):
    with caplog.at_level(logging.ERROR, "ingest.runs"):
        run = door.load("people.csv", content)
    assert run.status == "failed"
    assert sentence in run.reason
    assert run.reason.strip().endswith(".")
    assert "Traceback" not in run.reason
    assert "Traceback" in run.traceback
    assert len(caplog.records) == 1
    assert list(scratch.iterdir()) == []
    assert door.load("people.csv", PEOPLE).status == "succeeded"


def test_too_many_rejects_fail_the_run_and_are_kept_all_the_same(door: Door):
    door.load("people.csv", PEOPLE)
    run = door.load("people.csv", PEOPLE.replace("Bob", "Robert") + "x,y\n" * 11)
    assert run.status == "failed"
    assert counts(run) == {"records": 13, "updated": 1, "unchanged": 1, "rejected": 11}
    assert Reject.objects.filter(run=run, code="missing_columns").count() == 11
    assert rows("SELECT name FROM people WHERE id = 2") == [("Bob",)]
    assert len(list(reject_file(run))) == 12


def test_a_version_that_is_gone_is_superseded_by_a_newer_one(door: Door):
    older = door.put("people.csv", "id,name\n1,old\n", sequencer="0A")
    newer = door.put("people.csv", "id,name\n1,new\n", sequencer="0B")
    door.aws.client("s3").delete_object(Bucket=older.bucket, Key=older.key, VersionId=older.version_id)
    receive(newer)
    run = door.deliver(older)
    assert run.status == "superseded"


def test_a_version_that_is_gone_fails_if_no_newer_one_is_known(door: Door):
    source = door.put("people.csv", PEOPLE)
    door.aws.client("s3").delete_object(Bucket=source.bucket, Key=source.key, VersionId=source.version_id)
    run = door.deliver(source)
    assert run.status == "failed"
    assert "no longer in the bucket" in run.reason


def test_a_failed_run_that_is_retried_begins_anew(door: Door):
    run = door.load("people.csv", PEOPLE + "x,y\n" * 11)
    assert run.status == "failed"
    Dataset.objects.update(reject_count=11)
    retry(run.pk)
    assert due() == [run.pk]
    assert claim_and_execute(run.pk) == "succeeded"
    run.refresh_from_db()
    assert (run.reason, run.traceback, counts(run)) == ("", "", {"records": 13, "inserted": 2, "rejected": 11})
    assert Reject.objects.filter(run=run).count() == 11


def test_an_older_holder_stops_at_the_token_and_leaves_no_trace(door: Door):
    run = receive(door.put("people.csv", PEOPLE))
    claimed = claim(run.pk)
    Run.objects.filter(pk=run.pk).update(token=2)
    Progress.objects.filter(pk=run.pk).update(token=2)
    assert execute(claimed) is None
    run.refresh_from_db()
    assert (run.status, run.token, run.reason) == ("running", 2, "")
    assert rows("SELECT to_regclass('datasets.people')") == [(None,)]


def test_a_run_that_waits_too_long_for_its_table_gives_up_its_turn(door: Door, settings):
    door.load("people.csv", PEOPLE)
    settings.MAX_ATTEMPTS = 1
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE people")
            run = receive(door.put("people.csv", PEOPLE + "3,Cy,cy@x.example\n"))
            assert claim_and_execute(run.pk) == "waiting"
            run.refresh_from_db()
            assert (run.status, run.attempts, run.interruptions) == ("waiting", 0, 0)
            assert "The run is retried." in run.reason
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    assert claim_and_execute(run.pk) == "succeeded"


def test_a_connection_killed_in_the_middle_is_an_interruption_and_leaves_nothing(door: Door, monkeypatch):
    run = receive(door.put("people.csv", PEOPLE))
    from ingest.runs import complete

    finish = complete.finish

    def killed(*args, **options):
        done = finish(*args, **options)
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [connection.connection.get_backend_pid()])
        other.close()
        return done

    monkeypatch.setattr(complete, "finish", killed)
    assert claim_and_execute(run.pk) == "waiting"
    run.refresh_from_db()
    assert (run.interruptions, run.records) == (1, None)
    assert run.not_before > run.started
    assert rows("SELECT to_regclass('datasets.people')") == [(None,)]
    monkeypatch.undo()
    assert claim_and_execute(run.pk) == "succeeded"


def test_a_worker_that_is_told_to_stop_puts_its_run_back(door: Door, monkeypatch):
    run = receive(door.put("people.csv", PEOPLE))

    def stopped(*args, **options):
        raise SystemExit

    monkeypatch.setattr("ingest.runs.attempt.loading.load", stopped)
    with pytest.raises(SystemExit):
        claim_and_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.reason) == ("waiting", "The worker was stopped (SystemExit).")


def test_an_error_of_our_own_fails_the_run_with_a_sentence_and_its_story(door: Door, monkeypatch):
    def broken(*args, **options):
        raise ZeroDivisionError

    monkeypatch.setattr("ingest.runs.attempt.loading.load", broken)
    run = door.load("people.csv", PEOPLE)
    assert run.status == "failed"
    assert "ZeroDivisionError" in run.reason
    assert "broken" in run.traceback
    assert connection.is_usable()
