"""What is done with many runs at once: each action has its permission, is logged, asks first, and says one thing."""

from html import unescape
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from ingest import handlers
from ingest.models import Dataset, Run
from ingest.runs.approve import approve
from ingest.runs.execute import claim_and_execute
from ingest.runs.undo import undo as undo_run
from tests.app.conftest import Door, rows
from tests.app.pages import staff


def said(page) -> list[str]:
    """The messages of a page."""
    return [str(message) for message in page.context["messages"]]


def ask_of(action: str, *chosen: Run) -> dict:
    """What the list sends."""
    return {"action": action, "_selected_action": [run.pk for run in chosen]}


def confirmation(page) -> dict:
    """What the form of a confirmation sends back."""
    context = page.context
    return {"action": context["action"], "_selected_action": context["chosen"], "seen": context["seen"]}


def confirmed(client: Client, ask: dict):
    """The list after an action was chosen there, and confirmed."""
    page = client.post("/admin/ingest/run/", ask)
    assert page.templates[0].name == "ingest/run/confirm_bulk.html"
    return client.post("/admin/ingest/run/", confirmation(page), follow=True)


@pytest.mark.django_db
def test_retrying_needs_its_permission_and_is_logged(client, history):
    run = Run.objects.get(status="failed", dataset__isnull=False)
    ask = {"action": "retry", "_selected_action": [run.pk, history[0].pk]}
    staff(client, "view_run")
    client.post("/admin/ingest/run/", ask)
    run.refresh_from_db()
    assert run.status == "failed"
    user = staff(client, "view_run", "retry_run")
    (message,) = said(client.post("/admin/ingest/run/", ask, follow=True))
    run.refresh_from_db()
    assert run.status == "waiting"
    other = history[0]
    assert message == (
        f"1 run queued for retry. 1 run left unchanged: Run {other.pk} is {other.status}; only failed, "
        "superseded or discarded runs can be retried."
    )
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.change_message) == (user, str(run.pk), "Retried.")


def test_undoing_needs_its_permission_and_takes_the_newest_first(client, door: Door):
    made = [door.load("people.csv", f"id,name\n1,{name}\n") for name in ("Ann", "Anna", "Anne")]
    ask = {"action": "undo", "_selected_action": [run.pk for run in made]}
    staff(client, "view_run", "retry_run", "approve_run")
    client.post("/admin/ingest/run/", ask)
    assert not Run.objects.filter(kind="undo").exists()
    user = staff(client, "view_run", "undo_run")
    page = confirmed(client, ask)
    undos = list(Run.objects.filter(kind="undo").order_by("pk"))
    assert [undo.undoes for undo in undos] == made[::-1]
    assert said(page) == ["3 runs queued for undo."]
    handlers.on_schedule()
    assert rows("SELECT count(*) FROM people") == [(0,)]
    entry = LogEntry.objects.get(object_id=made[0].pk)
    assert (entry.user, entry.change_message) == (user, f"Undone by run {undos[2].pk}.")
    (message,) = said(client.post("/admin/ingest/run/", ask_of("undo", undos[0]), follow=True))
    assert message.startswith("No runs queued for undo. 1 run left unchanged: ")
    assert "is an undo; load the file again instead" in message


@pytest.mark.parametrize(
    ("action", "status", "told", "logged"),
    [
        ("approve", "waiting", "1 run approved and queued for loading.", "Approved."),
        (
            "discard",
            "discarded",
            "1 run discarded. 1 run left unchanged: Run {} is succeeded; only held runs",
            "Discarded.",
        ),
    ],
)
def test_approving_and_discarding_needs_its_permission_and_is_logged(client, door, action, status, told, logged):
    Dataset.objects.create(name="people", asks_approval=True)
    held, other = door.load("people.csv", "id\n1\n"), door.load("others.csv", "id\n1\n")
    ask = {"action": action, "_selected_action": [held.pk, other.pk]}
    staff(client, "view_run", "retry_run", "undo_run")
    client.post("/admin/ingest/run/", ask)
    held.refresh_from_db()
    assert held.status == "held"
    user = staff(client, "view_run", "approve_run")
    answer = client.post("/admin/ingest/run/", ask, follow=True)
    if action == "approve":
        assert "1 selected run can’t be approved and stays unchanged." in answer.content.decode()
        answer = client.post("/admin/ingest/run/", confirmation(answer), follow=True)
    message = said(answer)[-1]  # behind what the other person was told
    held.refresh_from_db()
    assert held.status == status
    assert message.startswith(told.format(other.pk))
    entry = LogEntry.objects.get()
    assert (entry.user, entry.object_id, entry.change_message) == (user, str(held.pk), logged)
    if action == "discard":
        assert held.reason == f"Discarded by {user.username}."


# -- what is confirmed ---------------------------------------------------------------------------------------------

PEOPLE = "id,name\n" + "".join(f"{number},n\n" for number in range(202))
FEW = "id,name\n" + "".join(f"{number},n\n" for number in range(20))


@pytest.fixture
def deleting(door: Door) -> Run:
    """A held run that would delete 182 of 202 rows."""
    Dataset.objects.create(name="people", mode="snapshot")
    door.load("people.csv", PEOPLE)
    return door.load("people.csv", FEW)


def test_a_run_that_deletes_most_rows_is_approved_on_a_page_of_its_own_in_red(client, deleting: Run):
    address = f"/admin/ingest/run/{deleting.pk}"
    staff(client, "view_run", "approve_run")
    page = client.get(f"{address}/change/").content.decode()
    assert f'<a class="button danger" href="{address}/approve/">Approve and delete 182 of 202 rows…</a>' in page
    assert '<button class="button ">Discard</button>' in page, "it destroys nothing"
    client.post(f"{address}/decide/approve/")
    assert Run.objects.get(pk=deleting.pk).status == "held", "not without the page"
    asked = client.get(f"{address}/approve/")
    text = asked.content.decode()
    for told in (
        "<strong>182 of 202</strong> rows (90%) will be deleted",
        "The table will have <strong>20</strong> rows.",
        f"undo run {deleting.pk} once it has succeeded. This is possible for 30 days",
        'class="button danger" aria-describedby="consequences">Approve and delete 182 of 202 rows</button>',
    ):
        assert told in text
    answer = client.post(f"{address}/approve/", {"seen": asked.context["seen"]}, follow=True)
    assert said(answer) == [f"Run {deleting.pk} approved and queued for loading."]
    assert LogEntry.objects.get().change_message == "Approved."
    handlers.on_schedule()
    assert rows("SELECT count(*) FROM people") == [(20,)]


def test_an_approval_of_other_counts_than_those_shown_is_asked_for_again(client, deleting: Run):
    address = f"/admin/ingest/run/{deleting.pk}/approve/"
    staff(client, "view_run", "approve_run")
    before = client.get(address).context["seen"]
    Run.objects.filter(pk=deleting.pk).update(deleted=190, brakes={"deleted": 190})
    for mark in (before, "", "nonsense", "1:2:3,,x:", "\0"):
        answer = client.post(address, {"seen": mark})
        assert "190 of 202" in answer.content.decode()
        assert "has changed since it was shown" in answer.content.decode()
        assert Run.objects.get(pk=deleting.pk).status == "held"
    client.post(address, {"seen": answer.context["seen"]})
    assert Run.objects.get(pk=deleting.pk).status == "waiting"
    assert client.get(address, follow=True).redirect_chain[-1][0].endswith("/change/"), "no longer held"


def test_a_run_held_for_approval_alone_is_approved_at_once(client, door: Door):
    Dataset.objects.create(name="people", asks_approval=True)
    held = door.load("people.csv", "id\n1\n")
    staff(client, "view_run", "approve_run")
    assert (
        '<button class="button primary">Approve</button>'
        in client.get(f"/admin/ingest/run/{held.pk}/change/").content.decode()
    )
    client.post(f"/admin/ingest/run/{held.pk}/decide/approve/")
    assert Run.objects.get(pk=held.pk).status == "waiting"


def test_only_who_may_approve_meets_the_confirmation(client, deleting: Run):
    address = f"/admin/ingest/run/{deleting.pk}/approve/"
    staff(client, "view_run", "approve_run")
    mark = client.get(address).context["seen"]
    staff(client, "view_run", "undo_run", "retry_run")
    assert client.get(address).status_code == 302
    assert client.post(address, {"seen": mark}).status_code == 302
    assert Run.objects.get(pk=deleting.pk).status == "held"


def test_many_runs_are_approved_and_undone_after_a_page_with_their_totals(client, deleting: Run, door: Door):
    Dataset.objects.create(name="others", asks_approval=True)
    harmless = door.load("others.csv", "id\n1\n")
    failed = door.load("broken.csv", "")
    staff(client, "view_run", "approve_run", "undo_run")
    page = client.post("/admin/ingest/run/", ask_of("approve", deleting, harmless, failed))
    text = page.content.decode()
    for told in ("2 runs in 2 datasets will be approved", "Approve 2 runs and delete 182 rows", "button danger"):
        assert told in text
    assert "1 selected run can’t be approved and stays unchanged." in text
    assert "Held: the file has 182 fewer records than the previous snapshot, 182 rows would be deleted" in text
    client.post("/admin/ingest/run/", confirmation(page))
    handlers.on_schedule()
    assert rows("SELECT count(*) FROM people") == [(20,)]
    page = client.post("/admin/ingest/run/", ask_of("undo", deleting, harmless))
    assert (
        "inserted <strong>1</strong>, updated <strong>0</strong> and deleted <strong>182</strong> rows"
        in page.content.decode()
    )
    assert not Run.objects.filter(kind="undo").exists()
    client.post("/admin/ingest/run/", confirmation(page))
    handlers.on_schedule()
    assert rows("SELECT count(*) FROM people") == [(202,)]


def test_a_bulk_confirmation_of_runs_that_have_changed_is_asked_for_again(client, door: Door):
    made = [door.load("people.csv", f"id,name\n1,{name}\n") for name in ("Ann", "Anna")]
    staff(client, "view_run", "undo_run")
    page = client.post("/admin/ingest/run/", ask_of("undo", *made))
    Run.objects.filter(pk=made[0].pk).update(undoable=False)
    again = client.post("/admin/ingest/run/", confirmation(page))
    assert "have changed since they were shown" in again.content.decode()
    assert "1 run in 1 dataset will be undone" in again.content.decode()
    assert not Run.objects.filter(kind="undo").exists()
    client.post("/admin/ingest/run/", confirmation(again))
    assert Run.objects.get(kind="undo").undoes == made[1]


@pytest.mark.django_db
def test_a_confirmation_lists_twenty_runs_and_counts_the_rest(client, history):
    held = Run.objects.get(status="held")
    more = []
    for number in range(40):
        held.pk, held.public_id, held.source_identity = None, uuid4(), f"x{number}"
        held.brakes = {"approval": 0}
        held.save()
        more.append(Run.objects.get(pk=held.pk))
    staff(client, "view_run", "approve_run", "acknowledge_run")
    page = client.post("/admin/ingest/run/", ask_of("approve", *more)).content.decode()
    assert "40 runs in 1 dataset will be approved" in page
    assert page.count('<td class="cell"><a href=') == 20
    assert "And 20 more runs." in page
    assert "button danger" not in page
    answer = client.post(
        "/admin/ingest/run/", ask_of("acknowledge", *more, Run.objects.get(status="queued")), follow=True
    )
    (message,) = said(answer)
    assert message.startswith("40 runs acknowledged. 1 run left unchanged: Run ")


@pytest.mark.django_db
def test_refusals_are_summed_up_by_their_reason(client, history):
    staff(client, "view_run", "retry_run")
    (message,) = said(
        client.post("/admin/ingest/run/", ask_of("retry", *Run.objects.filter(status="succeeded")), follow=True)
    )
    assert message.startswith("No runs queued for retry. 1 run left unchanged: ")
    done = Run.objects.get(status="succeeded")
    chosen = [Run.objects.get(pk=done.pk)]
    for number in range(6):
        done.pk, done.public_id, done.source_identity = None, uuid4(), f"x{number}"
        done.save()
        chosen.append(Run.objects.get(pk=done.pk))
    (message,) = said(client.post("/admin/ingest/run/", ask_of("retry", *chosen), follow=True))
    assert unescape(message) == (
        f"No runs queued for retry. 7 runs left unchanged: Run {chosen[0].pk} is succeeded; only failed, "
        "superseded or discarded runs can be retried (and 6 more for the same reason)."
    )


@pytest.mark.parametrize(
    ("rows_left", "words"),
    [("1", "1 row stays as it is, because a later run changed"), ("2", "2 rows stay as they are, because a later run")],
)
def test_an_undo_that_would_take_nothing_back_is_not_offered(client, door: Door, rows_left, words):
    numbers = range(int(rows_left))
    first = door.load("people.csv", "id,name\n" + "".join(f"{n},Ann\n" for n in numbers))
    door.load("people.csv", "id,name\n" + "".join(f"{n},Bob\n" for n in numbers))
    staff(client, "view_run", "undo_run")
    page = client.get(f"/admin/ingest/run/{first.pk}/undo/").content.decode()
    assert words in page
    assert "Nothing can be undone now." in page
    assert f"Undo run {first.pk}</button>" not in page


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
    approve(held.pk)
    claim_and_execute(held.pk)
    Dataset.objects.update(asks_approval=False)
    door.load("people.csv", "id,name\n1,Anna\n")
    undo = undo_run(held.pk)
    claim_and_execute(undo.pk)
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
