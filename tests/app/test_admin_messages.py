"""The page of messages: who was told of what, what did not arrive, and what is wrong just now."""

from datetime import timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ingest.models import Dataset, Message, Run, Trouble
from ingest.runs.receive import receive
from tests.app.conftest import NASTY
from tests.app.pages import member

ADDRESS = "/admin/ingest/message/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def trouble(source):
    """Make a trouble of a failed run, with messages of it."""

    def make(name: str = "orders", reason: str = "The file is empty.", **message: object) -> Trouble:
        run = receive(source(f"data/{name}.csv"))
        Run.objects.filter(pk=run.pk).update(status="failed")
        made = Trouble.objects.create(dataset=run.dataset, kind="failed", reason=reason, code=f"{run.pk}", run=run)
        told = {"event": "opened", "channel": "email", "recipients": ["ann@x.example"], **message}
        Message.objects.create(trouble=made, **told)
        return made

    return make


def shown(client, query: str = "", *groups: str) -> str:
    """The page as somebody of these groups sees it."""
    client.force_login(member(*(groups or ("operator",))))
    return unescape(client.get(f"{ADDRESS}{query}").content.decode())


def test_each_message_says_what_became_of_it_and_leads_to_what_it_is_about(client, trouble):
    sent = trouble(sent=timezone.now(), attempts=1)
    trouble("people", error="The server is down.", attempts=3, not_before=timezone.now() + timedelta(minutes=2))
    trouble("prices", error="No such topic.", attempts=40, not_before=None, channel="sns", recipients=[])
    trouble("plums", channel="webhook", recipients=[])
    page = shown(client)
    assert f'<a href="/admin/ingest/run/{sent.run_id}/change/">orders: a file was not loaded</a>' in page
    for said in ("e-mail: ann@x.example", "Not delivered: The server is down.", "Next attempt:",
                 "Failed permanently: No such topic.", "SNS topic", "webhook", "Queued", "Delivered 20"):  # fmt: skip
        assert said in page, said
    for query, names in {"delivered": {"orders"}, "undelivered": {"people", "prices"}, "given-up": {"prices"}}.items():
        client.get(f"{ADDRESS}?state={query}")
        listed = client.get(f"{ADDRESS}?state={query}").context["cl"].result_list
        assert {message.trouble.dataset.name for message in listed} == names
    assert "Unknown state “lost”" in shown(client, "?state=lost")


def test_the_causes_that_are_open_stand_there_until_they_are_over(client, trouble):
    made = trouble()
    assert '<td class="cell">The file is empty.</td>' in shown(client)
    assert "No notifications are sent" in shown(client)
    Trouble.objects.filter(pk=made.pk).update(closed=timezone.now())
    assert "No open incidents" in shown(client)


def test_what_is_closed_to_somebody_is_neither_among_the_messages_nor_the_causes(client, trouble):
    trouble("salaries", reason="secret of salaries", error="Down.")
    trouble("orders")
    Trouble.objects.create(kind="failed", reason="A file without a name.")
    Dataset.objects.get(name="salaries").open_to.add(Group.objects.create(name="hr"))
    cache.clear()
    page = shown(client)
    assert "salaries" not in page
    assert "orders" in page
    assert "A file without a name." in page
    client.force_login(member("operator"))
    assert "couldn’t be delivered" not in client.get("/admin/").content.decode()
    assert "secret of salaries" in shown(client, "", "operator", "hr")


def test_home_leads_to_what_could_not_be_delivered(client, trouble):
    cache.clear()
    trouble(error="The server is down.")
    trouble("people", error="Given up long ago.", not_before=None)
    Message.objects.filter(not_before=None).update(created=timezone.now() - timedelta(days=8))
    client.force_login(member("operator"))
    assert '<a href="/admin/ingest/message/?state=undelivered">1 notification couldn’t be delivered</a>' in unescape(
        client.get("/admin/").content.decode()
    )
    client.force_login(member("viewer"))
    assert "couldn’t be delivered" not in unescape(client.get("/admin/").content.decode())


def test_the_page_takes_as_many_queries_whatever_there_is_and_trusts_no_text(client, trouble):
    trouble("a")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(ADDRESS).status_code == 200
        return len(captured)

    client.force_login(member("operator"))
    queries()
    few = queries()
    for number in range(60):
        trouble(f"d{number}", reason=NASTY, error=NASTY, recipients=[NASTY])
    assert queries() == few <= 9
    assert "<script>alert" not in client.get(ADDRESS).content.decode()
