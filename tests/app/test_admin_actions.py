"""What is done with many runs at once: each action has its permission, and is logged."""

import pytest
from django.contrib.admin.models import LogEntry

from ingest import handlers, runs
from ingest.models import Dataset, Run
from tests.app.conftest import Door, rows
from tests.app.pages import staff


@pytest.mark.django_db
def test_retrying_needs_its_permission_and_is_logged(client, history):
    run = Run.objects.get(status="failed", dataset__isnull=False)
    ask = {"action": "retry", "_selected_action": [run.pk, history[0].pk]}
    staff(client, "view_run")
    client.post("/admin/ingest/run/", ask)
    run.refresh_from_db()
    assert run.status == "failed"
    user = staff(client, "view_run", "retry_run")
    page = client.post("/admin/ingest/run/", ask, follow=True).content.decode()
    run.refresh_from_db()
    assert run.status == "waiting"
    assert f"Run {run.pk} is tried again." in page
    assert "only failed, superseded or discarded runs can be retried" in page
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.change_message) == (user, str(run.pk), "Retried.")


def test_undoing_needs_its_permission_and_takes_the_newest_first(client, door: Door):
    made = [door.load("people.csv", f"id,name\n1,{name}\n") for name in ("Ann", "Anna", "Anne")]
    ask = {"action": "undo", "_selected_action": [run.pk for run in made]}
    staff(client, "view_run", "retry_run", "approve_run")
    client.post("/admin/ingest/run/", ask)
    assert not Run.objects.filter(kind="undo").exists()
    user = staff(client, "view_run", "undo_run")
    page = client.post("/admin/ingest/run/", ask, follow=True).content.decode()
    undos = list(Run.objects.filter(kind="undo").order_by("pk"))
    assert [undo.undoes for undo in undos] == made[::-1]
    assert f"Run {undos[0].pk} undoes run {made[2].pk}" in page
    handlers.on_schedule()
    assert rows("SELECT count(*) FROM people") == [(0,)]
    entry = LogEntry.objects.get(object_id=made[0].pk)
    assert (entry.user, entry.change_message) == (user, f"Undone by run {undos[2].pk}.")
    page = client.post("/admin/ingest/run/", ask | {"_selected_action": [undos[0].pk]}, follow=True).content.decode()
    assert "is an undo; load the file again instead" in page


@pytest.mark.parametrize(
    ("action", "status", "said", "logged"),
    [
        ("approve", "waiting", "Run {} is loaded again.", "Approved."),
        ("discard", "discarded", "Run {} is discarded.", "Discarded."),
    ],
)
def test_approving_and_discarding_needs_its_permission_and_is_logged(client, door, action, status, said, logged):
    Dataset.objects.create(name="people", asks_approval=True)
    held, other = door.load("people.csv", "id\n1\n"), door.load("others.csv", "id\n1\n")
    ask = {"action": action, "_selected_action": [held.pk, other.pk]}
    staff(client, "view_run", "retry_run", "undo_run")
    client.post("/admin/ingest/run/", ask)
    held.refresh_from_db()
    assert held.status == "held"
    user = staff(client, "view_run", "approve_run")
    page = client.post("/admin/ingest/run/", ask, follow=True).content.decode()
    held.refresh_from_db()
    assert held.status == status
    assert said.format(held.pk) in page
    assert "only held runs can be approved or discarded" in page
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.change_message) == (user, str(held.pk), logged)
    if action == "discard":
        assert held.reason == f"Discarded by {user.username}."


@pytest.mark.django_db
def test_what_is_done_about_an_undo_is_logged_as_such(client, history):
    undo = Run.objects.get(status="failed", dataset__isnull=False)
    Run.objects.filter(pk=undo.pk).update(kind="undo", key="data/people.csv")
    staff(client, "view_run", "acknowledge_run")
    client.post("/admin/ingest/run/", {"action": "acknowledge", "_selected_action": [undo.pk]})
    assert LogEntry.objects.get().object_repr == f"people.csv (undo, run {undo.pk})"


def test_a_runs_page_shows_brakes_undo_and_links(client, door: Door):
    Dataset.objects.create(name="people", asks_approval=True)
    held = door.load("people.csv", "id,name\n1,Ann\n")
    staff(client, "view_run", "view_dataset")
    address = "/admin/ingest/run/{}/change/".format
    assert "the dataset asks for approval" in client.get(address(held.pk)).content.decode()
    runs.approve(held.pk)
    runs.take(held.pk)
    Dataset.objects.update(asks_approval=False)
    door.load("people.csv", "id,name\n1,Anna\n")
    undo = runs.undo(held.pk)
    runs.take(undo.pk)
    page = client.get(address(undo.pk)).content.decode()
    for text in (f'href="{address(held.pk)}"', "1 row stays", "<td>1</td><td>changed</td>"):
        assert text in page
    page = client.get(address(held.pk)).content.decode()
    for text in (f'href="{address(undo.pk)}"', "undone"):
        assert text in page


@pytest.mark.django_db
@pytest.mark.parametrize("chosen", ["abc", "9" * 40, "1\0", ""])
def test_a_choice_that_makes_no_sense_is_no_error_page(client, history, chosen):
    staff(client, "view_run", "retry_run")
    answer = client.post("/admin/ingest/run/", {"action": "retry", "_selected_action": [chosen]}, follow=True)
    assert answer.status_code == 200
