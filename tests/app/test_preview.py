"""A preview is a run up to its commit: the very counts that a load would give, and nothing written (BEHAVIOUR 8)."""

import pytest

from ingest import handlers
from ingest.loader.outcome.errors import RunFailed
from ingest.models import Dataset, Reject, Run
from ingest.runs import complete
from ingest.runs.execute import claim_and_execute
from ingest.runs.preview import load_previewed
from ingest.runs.receive import receive
from ingest.runs.retry import load_again, retry
from ingest.runs.undo import undo
from tests.app.conftest import Door, counts, rows, s3_event

PEOPLE = "id,name\n1,Ann\n2,Bob\n"
CHANGED = "id,name,age\n1,Anna,40\n3,Cy,\nx\n3,Cyd,41\n"


def test_a_preview_gives_the_very_account_of_the_load_and_writes_nothing(door: Door):
    door.load("people.csv", PEOPLE)
    before = rows("SELECT * FROM people ORDER BY id")
    preview = door.load("_preview/people.csv", CHANGED)
    assert (preview.kind, preview.status, preview.dataset.name, preview.reason) == (
        "preview",
        "succeeded",
        "people",
        "",
    )
    assert rows("SELECT * FROM people ORDER BY id") == before
    load = door.load("people.csv", CHANGED)
    assert counts(preview) == counts(load) == {"records": 4, "inserted": 1, "updated": 1, "duplicate": 1, "rejected": 1}
    for name in ("columns", "ddl", "dialect", "sha256"):
        assert getattr(preview, name) == getattr(load, name), name
    kept = [list(Reject.objects.filter(run=run).values_list("line", "code")) for run in (preview, load)]
    assert kept == [[(4, "missing_columns")]] * 2
    assert preview.undoable is False


def test_a_file_whose_table_is_not_there_yet_can_be_previewed(door: Door):
    preview = door.load("_preview/eu/people.csv", PEOPLE)
    assert (preview.status, counts(preview)) == ("succeeded", {"records": 2, "inserted": 2})
    assert any("create table" in statement.lower() for statement in preview.ddl)
    assert rows("SELECT to_regclass('datasets.people')") == [(None,)]
    dataset = Dataset.objects.get()
    assert (dataset.name, dataset.newest, dataset.identities, dataset.headers) == ("people", None, None, {})


def test_a_preview_never_counts_as_loaded(door: Door):
    door.load("_preview/people.csv", PEOPLE, sequencer="0B")
    assert counts(door.load("people.csv", PEOPLE, sequencer="0A")) == {"records": 2, "inserted": 2}
    newest = Dataset.objects.get().newest
    door.load("_preview/people.csv", CHANGED)
    assert Dataset.objects.get().newest == newest
    assert counts(door.load("people.csv", PEOPLE)) == {"records": 2, "unchanged": 2}


def test_a_preview_of_a_snapshot_is_none_to_measure_the_next_by(door: Door):
    Dataset.objects.create(name="people", mode="snapshot", declared_key=["id"])
    door.load("people.csv", "id\n1\n2\n")
    door.load("_preview/people.csv", "id\n" + "".join(f"{n}\n" for n in range(9)))
    assert door.load("people.csv", "id\n1\n3\n").status == "succeeded"


def test_a_preview_of_what_stands_in_the_table_says_so(door: Door):
    first = door.load("people.csv", PEOPLE)
    preview = door.load("_preview/people.csv", PEOPLE)
    assert counts(preview) == {"records": 2, "unchanged": 2}
    assert f"Run {first.pk} has loaded the same content" in preview.notes[0]


def test_a_preview_shows_what_would_be_held(door: Door):
    Dataset.objects.create(name="people", asks_approval=True)
    preview = door.load("_preview/people.csv", PEOPLE)
    assert (preview.status, preview.brakes) == ("succeeded", {"approval": 0})
    assert "would be held" in preview.notes[-1]
    assert counts(preview) == {"records": 2, "inserted": 2}


def test_a_preview_of_a_file_that_can_not_be_loaded_fails_as_the_load_would(door: Door):
    preview = door.load("_preview/people.csv", PEOPLE + "x,,\n" * 11)
    assert (preview.kind, preview.status) == ("preview", "failed")
    assert "were rejected" in preview.reason
    retry(preview.pk)
    assert claim_and_execute(preview.pk) == "failed"
    nameless = door.load("_preview/___.csv", PEOPLE)
    assert (nameless.kind, nameless.status, nameless.dataset) == ("preview", "failed", None)


def test_a_preview_goes_where_a_pattern_sends_the_file(door: Door):
    Dataset.objects.create(name="people", patterns=["eu/people-*.csv"])
    assert door.load("_preview/eu/people-1.csv", PEOPLE).dataset.name == "people"


def test_a_preview_that_was_taken_over_leaves_its_end_to_the_new_holder(door: Door, monkeypatch):
    run = receive(door.put("_preview/people.csv", PEOPLE))
    show = complete.show

    def taken_over_meanwhile(*args):
        Run.objects.filter(pk=run.pk).update(token=2)
        return show(*args)

    monkeypatch.setattr("ingest.runs.attempt.complete.show", taken_over_meanwhile)
    assert claim_and_execute(run.pk) is None
    run.refresh_from_db()
    assert (run.status, run.records, run.rejects.count()) == ("running", None, 0)


def test_what_was_previewed_is_loaded_by_the_one_way_in(door: Door):
    preview = door.load("_preview/eu/people.csv", PEOPLE)
    source = load_previewed(preview.pk)
    assert (source.key, source.size, source.etag) == ("data/eu/people.csv", preview.size, preview.etag)
    assert Run.objects.filter(kind="load").count() == 0, "its event does that"
    handlers.on_event(s3_event(source))
    assert counts(Run.objects.get(kind="load")) == {"records": 2, "inserted": 2}


def test_only_the_very_version_that_was_previewed_is_loaded(door: Door):
    preview = door.load("_preview/people.csv", PEOPLE)
    door.put("_preview/people.csv", CHANGED)
    assert load_previewed(preview.pk).etag == preview.etag
    Run.objects.update(decided="")
    source = preview.source
    door.aws.client("s3").delete_object(Bucket=source.bucket, Key=source.key, VersionId=source.version_id)
    with pytest.raises(RunFailed, match="no longer in the bucket"):
        load_previewed(preview.pk)


def test_only_a_preview_that_succeeded_is_loaded(door: Door):
    load, failed = door.load("people.csv", PEOPLE), door.load("_preview/people.csv", "")
    for run in (load, failed):
        with pytest.raises(RunFailed, match=f"Run {run.pk} is .*only a preview that has succeeded"):
            load_previewed(run.pk)


def test_a_preview_is_neither_undone_nor_repeated(door: Door):
    preview = door.load("_preview/people.csv", PEOPLE)
    with pytest.raises(RunFailed, match="is a preview: it has loaded nothing"):
        undo(preview.pk)
    with pytest.raises(RunFailed, match="is a preview; only a load can be repeated"):
        load_again(preview.pk)
