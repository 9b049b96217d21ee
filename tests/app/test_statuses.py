"""Green means that all is well: what is empty, rejected or discarded is told as that, everywhere alike."""

import importlib
import json
import pkgutil
from datetime import timedelta
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.utils import timezone

from ingest import migrations
from ingest.admin.runs import live
from ingest.admin.upload_words import run_as_told
from ingest.loader.outcome.errors import RunFailed
from ingest.models import Dataset, Message, Run, label_of, look_of
from ingest.notifications import incidents
from ingest.rejects.csv_file import reject_file
from ingest.runs.approve import approve, discard, held_by
from ingest.runs.available_actions import available_actions
from ingest.runs.execute import claim_and_execute
from ingest.runs.preview import discard_preview, load_previewed
from ingest.runs.retry import load_again
from ingest.runs.undo import undo as undo_run
from tests.app.conftest import Door, counts, rows
from tests.app.pages import staff

HEADER = "id,email,born\n"
PEOPLE = HEADER + "1,a@x,1990-05-17\n2,b@x,1988-11-02\n"
BAD = PEOPLE + "3\n"
LABEL = "succeeded · 1 rejected"


# -- empty ------------------------------------------------------------------------------------------------------------


def test_a_header_alone_is_empty_and_the_first_file_with_records_chooses(door: Door) -> None:
    run = door.load("people.csv", HEADER)
    assert (run.status, run.records, run.reason, counts(run)) == ("empty", 0, "", {})
    assert rows("SELECT count(*) FROM people") == [(0,)]
    assert run.dataset.identities is None
    assert run.dataset.last_loaded is not None, "a file came"
    run = door.load("people.csv", PEOPLE)
    assert (run.status, counts(run)) == ("succeeded", {"records": 2, "inserted": 2})
    assert run.dataset.identities == [["id"], ["email"]]
    assert rows("SELECT pg_typeof(id)::text, pg_typeof(born)::text FROM people LIMIT 1") == [("bigint", "date")]


def test_no_bytes_fail_and_say_so(door: Door) -> None:
    run = door.load("people.csv", "")
    assert (run.status, run.reason.partition(".")[0]) == ("failed", "The file is empty (0 bytes)")


@pytest.mark.parametrize("mode", ["upsert", "append", "snapshot"])
def test_an_empty_file_is_held_where_the_last_load_had_records(door: Door, mode: str) -> None:
    Dataset.objects.create(name="people", mode=mode)
    door.load("people.csv", PEOPLE)
    run = door.load("people.csv", HEADER)
    assert (run.status, run.brakes["empty"]) == ("held", 2)
    assert "the file has no records, the last load had 2" in run.reason
    assert "shrunk" not in run.brakes
    assert held_by(run.brakes).startswith("the file has no records, and the last load had 2")
    assert rows("SELECT count(*) FROM people") == [(2,)]
    approve(run.pk)
    assert claim_and_execute(run.pk) == "empty"
    assert rows("SELECT count(*) FROM people") == [(0 if mode == "snapshot" else 2,)]
    assert door.load("people.csv", HEADER + "\n").status == "empty", "the last load had none"


def test_what_an_empty_snapshot_deleted_is_undone(door: Door) -> None:
    Dataset.objects.create(name="people", mode="snapshot")
    door.load("people.csv", PEOPLE)
    run = door.load("people.csv", HEADER)
    approve(run.pk)
    claim_and_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.deleted, available_actions(run)) == ("empty", 2, ("undo", "load_again"))
    claim_and_execute(undo_run(run.pk).pk)
    assert rows("SELECT count(*) FROM people") == [(2,)]
    assert door.load("people.csv", HEADER + "\n").brakes["empty"] == 2, "the empty load was undone"


def test_the_same_empty_file_again_is_empty_again(door: Door) -> None:
    first = door.load("people.csv", HEADER)
    again = door.load("people.csv", HEADER)
    assert (again.status, again.records) == ("empty", 0)
    assert f"Run {first.pk} already loaded the same content" in again.notes[0]


def test_a_newer_version_that_was_empty_supersedes_an_older_snapshot(door: Door) -> None:
    Dataset.objects.create(name="people", mode="snapshot", declared_key=["id"])
    older = door.put("people.csv", PEOPLE, sequencer="0A")
    newer = door.load("people.csv", HEADER, sequencer="0B")
    assert (newer.status, door.deliver(older).status) == ("empty", "superseded")


def test_an_empty_file_is_a_delivery_and_answers_no_failure(door: Door, settings) -> None:
    settings.NOTIFY_EMAILS, settings.EMAIL_HOST, settings.NOTIFY_QUIET_MINUTES = ["ann@x.example"], "mail", 0
    failed = door.load("people.csv", "")
    Dataset.objects.filter(name="people").update(expected_every=1, due=timezone.now() - timedelta(hours=1))
    run = door.load("people.csv", HEADER)
    assert run.status == "empty"
    assert not Dataset.objects.late().exists()
    assert [run.pk for run in Run.objects.unacknowledged()] == [failed.pk]
    incidents.refresh_incidents()
    assert not Message.objects.filter(event="closed").exists()
    door.load("people.csv", PEOPLE)
    assert not Run.objects.unacknowledged().exists()
    incidents.refresh_incidents()
    assert Message.objects.filter(event="closed").count() == 1


def test_a_preview_of_an_empty_file_is_empty_and_can_be_loaded(door: Door) -> None:
    door.load("people.csv", PEOPLE)
    preview = door.load("_preview/people.csv", HEADER)
    assert (preview.status, preview.brakes) == ("empty", {"empty": 2})
    assert available_actions(preview) == ("load_previewed", "discard_preview")
    assert load_previewed(preview.pk).key == "data/people.csv"


# -- rejected ---------------------------------------------------------------------------------------------------------


def test_a_run_whose_every_record_is_rejected_fails_and_makes_nothing(door: Door) -> None:
    run = door.load("people.csv", "id,name,town,age\n1,Ann\n2,Bob\n")
    said = (
        "Both records were rejected (2 missing_columns: every row has 2 cells; the header has 4): nothing was loaded."
    )
    assert (run.status, run.reason.startswith(said)) == ("failed", True), run.reason
    assert rows("SELECT to_regclass('datasets.people')") == [(None,)]
    assert [column["header"] for column in run.columns] == ["id", "name", "town", "age"]
    assert "".join(reject_file(run)).splitlines()[0].startswith("id,name,town,age,")
    assert (run.dataset.newest, run.dataset.headers, run.dataset.last_loaded) == (None, {}, None)


def test_a_run_whose_every_record_is_rejected_adds_no_column(door: Door) -> None:
    door.load("people.csv", "id,name\n1,Ann\n")
    run = door.load("people.csv", "id,name,new\n2,Bob\n")
    assert (run.status, run.reason.partition(" (")[0]) == ("failed", "Its only record was rejected")
    assert rows("SELECT count(*) FROM information_schema.columns WHERE table_name = 'people'") == [(4,)]


# -- one label --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "rejected", "label", "look"),
    [
        ("succeeded", 0, "succeeded", "succeeded"),
        ("succeeded", 1, LABEL, "partial"),
        ("succeeded", 1_234, "succeeded · 1,234 rejected", "partial"),
        ("failed", 5, "failed", "failed"),
        ("held", 5, "held", "held"),
        ("empty", 0, "empty", "empty"),
        ("discarded", 5, "discarded", "discarded"),
    ],
)
def test_the_label_of_a_status_and_its_look(status: str, rejected: int, label: str, look: str) -> None:
    assert (label_of(status, rejected), look_of(status, rejected)) == (label, look)


def test_a_run_with_rejects_is_told_alike_everywhere(door: Door, client) -> None:
    run = door.load("people.csv", BAD)
    other = load_again(run.pk)
    assert claim_and_execute(other.pk) == "succeeded"
    staff(client, superuser=True)
    badge = f'status-partial">{LABEL}<'
    pages = {
        "/admin/ingest/run/": badge,
        f"/admin/ingest/run/{run.pk}/change/": badge,
        f"/admin/ingest/dataset/{run.dataset_id}/change/": badge,
    }
    for page, told in pages.items():
        text = client.get(page).content.decode()
        assert told in text, page
        assert "status-succeeded" not in text, page
    for page in ("/admin/ingest/dataset/", f"/admin/ingest/dataset/{run.dataset_id}/change/"):
        assert 'class="status status-partial" href=' in client.get(page).content.decode()
    assert '<g class="partial"' in client.get("/admin/").content.decode()
    for told in (live.progress_context(run), run_as_told(run)):
        assert (told["status"], told["label"], told["look"]) == ("succeeded", LABEL, "partial")
    changes = client.get(f"/admin/ingest/run/changes/?runs={run.pk}").content
    assert json.loads(changes)["rows"][str(run.pk)]["label"] == LABEL
    door.load("clean.csv", PEOPLE)
    assert client.get("/admin/ingest/run/?status=partial").context["cl"].result_count == 2
    out = StringIO()
    call_command("runs", stdout=out)
    assert out.getvalue().count(LABEL) == 2


# -- discarded --------------------------------------------------------------------------------------------------------


@pytest.fixture
def discarded(door: Door) -> Run:
    """A held run that an operator gave up."""
    Dataset.objects.create(name="people", asks_approval=True)
    return discard(door.load("people.csv", BAD).pk, "ann")


def test_a_discarded_run_needs_nobody_and_is_told_as_what_it_is(discarded: Run, client) -> None:
    run = Run.objects.get(pk=discarded.pk)
    assert (run.status, run.label, run.look, run.records) == ("discarded", "discarded", "discarded", 3)
    assert not Run.objects.unacknowledged().exists()
    assert available_actions(run) == ("retry",)
    staff(client, superuser=True)
    home = client.get("/admin/").content.decode()
    assert "Discarded by ann" not in home
    assert '<g class="idle"' in home
    assert '<g class="failed" transform' not in home
    assert client.get("/admin/ingest/run/?status=discarded").context["cl"].result_count == 1
    assert client.get("/admin/ingest/run/?status=failed").context["cl"].result_count == 0
    assert 'status-discarded">discarded<' in client.get(f"/admin/ingest/run/{run.pk}/change/").content.decode()
    out = StringIO()
    call_command("runs", "--status", "discarded", stdout=out)
    assert "Discarded by ann." in out.getvalue()


def test_a_discarded_run_is_no_incident_any_more(door: Door, settings) -> None:
    settings.NOTIFY_EMAILS, settings.EMAIL_HOST = ["ann@x.example"], "mail"
    Dataset.objects.create(name="people", asks_approval=True)
    discard(door.load("people.csv", PEOPLE).pk, "ann")
    incidents.refresh_incidents()
    (message,) = Message.objects.select_related("trouble")
    assert (message.event, message.trouble.kind) == ("opened", "held")
    assert message.trouble.closed is not None


def test_a_discarded_preview_is_discarded_too(door: Door) -> None:
    preview = door.load("_preview/people.csv", PEOPLE)
    assert discard_preview(preview.pk, "ann").status == "discarded"
    preview.refresh_from_db()
    assert (preview.status, preview.decided, available_actions(preview)) == ("discarded", "Discarded by ann.", ())
    with pytest.raises(RunFailed, match="a preview that is discarded"):
        load_previewed(preview.pk)


# -- what was before --------------------------------------------------------------------------------------------------


def test_the_migration_tells_earlier_runs_apart_and_back(door: Door) -> None:
    (name,) = (each.name for each in pkgutil.iter_modules(migrations.__path__) if each.name.endswith("_run_statuses"))
    migration = importlib.import_module(f"ingest.migrations.{name}")
    loaded = door.load("people.csv", PEOPLE)
    empty = door.load("nothing.csv", HEADER)
    failed = door.load("broken.csv", "")
    preview = door.load("_preview/people.csv", PEOPLE + "3,c@x,1990-01-01\n")
    undo = undo_run(loaded.pk)
    assert claim_and_execute(undo.pk) == "succeeded"
    assert Run.objects.get(pk=undo.pk).records == 0, "an undo that put no row back is no empty file"
    Dataset.objects.create(name="held", asks_approval=True)
    held = discard(door.load("held.csv", PEOPLE).pk, "ann")
    discard_preview(preview.pk, "ann")
    now = dict(Run.objects.values_list("pk", "status"))
    before = {**now, empty.pk: "succeeded", held.pk: "failed", preview.pk: "succeeded"}
    assert now[failed.pk] == "failed"
    migration.put_back(apps, None)
    assert dict(Run.objects.values_list("pk", "status")) == before
    migration.tell_apart(apps, None)
    assert dict(Run.objects.values_list("pk", "status")) == now
