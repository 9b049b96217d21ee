"""The home page: problems first, the last days, today's counts; each number leads to what is behind it."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.utils import timezone

from ingest.admin import squares
from ingest.admin.home import growth
from ingest.aws import queues
from ingest.models import Dataset, Run
from ingest.operations.dashboard import Day, Load
from ingest.runs.receive import receive
from tests.app.pages import member
from tests.conftest import Aws


@pytest.fixture(autouse=True)
def forgetful() -> None:
    """The number of dead letters is remembered for a minute."""
    cache.clear()


@pytest.fixture
def make(source):
    """Make a run of a file that came some days ago."""

    def make(name: str, status: str = "succeeded", *, ago: int = 0, **fields: object) -> Run:
        run = receive(source(f"data/{name}.csv"))
        told = {
            "status": status,
            "received": timezone.now() - timedelta(days=ago),
            "finished": timezone.now(),
            **fields,
        }
        if status == "succeeded":
            told = {"records": sum(v for k, v in fields.items() if k != "size"), **told}
        Run.objects.filter(pk=run.pk).update(**told)
        Dataset.objects.filter(name=name).update(last_loaded=timezone.now())
        return Run.objects.get(pk=run.pk)

    return make


def home(client, *groups: str) -> str:
    """The page as somebody of these groups sees it."""
    client.force_login(member(*(groups or ("viewer",))))
    return unescape(client.get("/admin/").content.decode())


def links(page: str, text: str) -> list[str]:
    """Where links of this text lead to."""
    return re.findall(rf'href="([^"]*)"[^>]*>{re.escape(text)}<', page)


# -- what is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_first_day_tells_the_three_ways_to_drop_a_file(client, settings):
    page = home(client, "operator")
    assert f"aws s3 cp people.csv s3://{settings.BUCKET}/{settings.PREFIX}people.csv" in page
    assert "manage.py ingest people.csv" in page
    assert "upload page" in page


@pytest.mark.django_db
def test_who_is_in_no_group_is_told_so(client):
    page = home(client, "nobody in particular")
    assert "Ask an admin to add you to a group" in page


@pytest.mark.django_db
def test_problems_come_first_and_those_that_somebody_answered_not_at_all(client, make):
    failed = make("orders", "failed", reason="Line 4 has 3 cells where the header has 5.")
    make("orders", "failed", reason="An older one.", answered=timezone.now())
    held = make("people", "held", reason="10 rows would be deleted.")
    make("fine", inserted=1)
    page = home(client)
    problems = page.partition('id="problems"')[2].partition("</section>")[0]
    assert links(problems, "orders.csv") == [f"/admin/ingest/run/{failed.pk}/change/"]
    assert links(problems, "people.csv") == [f"/admin/ingest/run/{held.pk}/change/"]
    assert "Line 4 has 3 cells where the header has 5." in problems
    assert "An older one." not in problems
    assert "All failed and held runs (2)" in problems
    assert page.index('id="problems"') < page.index('id="today"') < page.index('id="days"')


@pytest.mark.django_db
def test_many_failures_of_one_dataset_are_one_line(client, make):
    for _ in range(4):
        make("orders", "failed", reason="Broken.")
    page = home(client)
    assert page.count("Broken.") == 1
    assert links(page, "and 3 more of orders") == ["/admin/ingest/run/?dataset=orders&status=attention"]


@pytest.mark.django_db
def test_a_dataset_that_is_late_is_told_with_when_it_was_due(client, make):
    make("orders", inserted=1)
    Dataset.objects.filter(name="orders").update(due=datetime(2026, 1, 2, 9, tzinfo=UTC))
    page = home(client)
    assert "was due 2026-01-02 09:00" in page
    assert "All clear" not in page


@pytest.mark.django_db
def test_rejects_that_grow_are_told_with_both_shares(client, make):
    for _ in range(3):
        make("orders", inserted=990, rejected=10)
    last = make("orders", inserted=900, rejected=100)
    make("people", inserted=900, rejected=100)
    page = home(client)
    told = page.partition("More rejects than usual")[2].partition("</section>")[0]
    assert "10.0% of the last file’s records were rejected, 1.0% of earlier ones" in told
    assert links(told, f"run {last.pk}") == [f"/admin/ingest/run/{last.pk}/change/"]
    assert "people" not in told, "its first file has nothing to be held against"


@pytest.mark.django_db
def test_today_is_the_sum_of_what_the_loads_did_with_the_list_behind_each_number(client, make, noon):
    make("orders", inserted=1_000, updated=20, size=3 * 1024)
    make("people", inserted=234, duplicate=2, rejected=1, size=1024)
    make("people", inserted=5_000, ago=2)
    make("people", "failed", rejected=7)
    page = home(client)
    behind = f"/admin/ingest/run/?day={noon.date()}&status=succeeded&kind=load"
    today = page.partition('id="today"')[2].partition("</section>")[0]
    figures = dict(re.findall(r'<dt>([\w ]+)</dt><dd><a href="[^"]*">([^<]*)<', today))
    assert figures == {
        "files": "2",
        "inserted": "1,234",
        "updated": "20",
        "unchanged": "0",
        "duplicate": "2",
        "rejected": "1",
        "data read": "4.0 KiB",
    }
    assert links(today, "1,234") == [behind]


@pytest.mark.django_db
def test_each_day_is_a_square_that_tells_its_runs_and_leads_to_them(client, make, noon):
    make("orders", inserted=1, ago=3)
    make("orders", "failed", ago=3)
    make("orders", "held", ago=2)
    make("orders", inserted=1, ago=40)
    page = home(client)
    days = page.partition('id="days"')[2]
    failed, held = (noon.date() - timedelta(days=ago) for ago in (3, 2))
    assert f'<a href="/admin/ingest/run/?dataset=orders&day={failed}"><g class="failed"' in days
    assert f"<title>{failed}: 2 runs, 1 failed</title>" in days
    assert f"<title>{held}: 1 run, 1 held</title>" in days
    assert days.count("no files</title>") == 28
    assert "3 runs, 1 failed, 1 held" in days


@pytest.mark.django_db
def test_what_is_closed_is_nowhere_on_the_page(client, make):
    for status in ("failed", "held", "succeeded"):
        make("salaries", status, inserted=77_777)
    make("people", inserted=1)
    Dataset.objects.filter(name="salaries").update(due=timezone.now() - timedelta(days=1))
    Dataset.objects.get(name="salaries").open_to.add(Group.objects.create(name="hr"))
    page = home(client, "operator")
    assert "salaries" not in page
    assert "77,777" not in page
    assert "All clear" in page
    assert "salaries" in home(client, "viewer", "hr")


@pytest.mark.django_db
def test_what_people_did_is_shown_to_those_who_may_know(client, make, source):
    run = make("orders", "failed")
    client.force_login(member("operator"))
    client.post("/admin/ingest/run/", {"action": "retry", "_selected_action": [run.pk]})
    assert "Audit log" not in home(client, "operator")
    page = home(client, "admin")
    assert "Retried." in page.partition("Audit log")[2]


@pytest.mark.django_db
def test_the_page_takes_as_many_queries_whatever_there_is(client, make, django_assert_num_queries):
    def some(number: int) -> None:
        for at in range(number):
            make(f"d{at}", "failed", reason="x")
            make(f"d{at}", inserted=900, rejected=100)
            make(f"e{at}", inserted=900, rejected=100)
            Dataset.objects.update(due=timezone.now())

    some(1)
    client.force_login(member("admin"))
    client.get("/admin/")
    with django_assert_num_queries(QUERIES):
        client.get("/admin/")
    some(15)
    with django_assert_num_queries(QUERIES):
        client.get("/admin/")


QUERIES = 16


# -- the dead letters -------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_messages_that_were_given_up_are_told(client, make, aws: Aws, settings):
    make("orders", inserted=1)
    settings.QUEUE_URL = aws.queue_url
    assert "dead-letter queue" not in home(client)
    sqs = aws.client("sqs")
    told = sqs.get_queue_attributes(QueueUrl=aws.queue_url, AttributeNames=["RedrivePolicy"])["Attributes"]
    name = json.loads(told["RedrivePolicy"])["deadLetterTargetArn"].rsplit(":", 1)[1]
    dead = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    sqs.send_message(QueueUrl=dead, MessageBody="not an event")
    assert "dead-letter queue" not in home(client), "it is asked once a minute"
    cache.clear()
    page = home(client)
    assert "1 message is in the dead-letter queue" in page
    assert "All clear" not in page
    sqs.purge_queue(QueueUrl=dead)


@pytest.mark.django_db
def test_a_queue_that_does_not_answer_is_said_and_holds_nobody_up(client, make, settings, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    make("orders", inserted=1)
    settings.QUEUE_URL = "http://127.0.0.1:9/0/nobody"
    page = home(client)
    assert "The queue isn’t responding" in page


def test_a_queue_without_a_place_for_dead_letters_tells_nothing(aws: Aws):
    plain = aws.client("sqs").create_queue(QueueName="plain-for-home")["QueueUrl"]
    assert queues.dead_letters(plain) is None


# -- what is reckoned -------------------------------------------------------------------------------------------------


def load(records: int, rejected: int) -> Load:
    """An account."""
    return Load(run_id=1, records=records, rejected=rejected)


@pytest.mark.parametrize(
    ("loads", "grown"),
    [
        ([], False),
        ([load(100, 50)], False),
        ([load(100, 50), load(100, 0)], True),
        ([load(100, 9), load(100, 0)], False),
        ([load(10_000, 50), load(100, 0)], False),
        ([load(100, 20), load(100, 11)], False),
        ([load(100, 20), load(100, 10)], True),
        ([load(100, 0), load(100, 50)], False),
        ([load(1_000, 100), load(10, 10), load(1_000, 10)], True),
    ],
)
def test_rejects_have_grown_where_their_share_has_doubled_and_matters(loads, grown):
    assert bool(growth(loads)) == grown


def test_the_worst_of_a_day_is_what_its_square_shows():
    today = date(2026, 3, 1)
    days = squares.days(today, 3)
    assert days == [date(2026, 2, 27), date(2026, 2, 28), today]
    of = {
        days[0]: day(runs=101),
        days[1]: day(runs=3, failed=1, held=2),
        days[2]: day(held=1),
    }
    row = squares.row(days, of)
    assert [square.look for square in row.squares] == ["loaded", "failed", "held"]
    assert [square.x for square in row.squares] == [0, 16, 32]
    assert row.squares[0].told == "2026-02-27: more than 100 runs"
    assert row.told == "more than 105 runs, 1 failed, 3 held"
    assert squares.row(days, {}).told == "no runs"


def test_a_day_with_rejects_is_not_green_and_one_that_loaded_nothing_neither():
    today = date(2026, 3, 1)
    days = squares.days(today, 3)
    row = squares.row(days, {days[0]: day(loaded=1, rejecting=1), days[1]: day(), days[2]: day(rejecting=1, held=1)})
    assert [square.look for square in row.squares] == ["partial", "idle", "held"]
    assert [square.told.partition(": ")[2] for square in row.squares] == [
        "1 run, 1 with rejects",
        "1 run, nothing loaded",
        "1 run, 1 held, 1 with rejects",
    ]
    assert row.told == "3 runs, 1 held, 2 with rejects"
    assert '<g class="partial"' in squares.drawn(row, "?")


def day(runs=1, loaded=0, failed=0, held=0, rejecting=0):
    """A day on which nothing was loaded, but for what is told."""
    return Day(runs=runs, loaded=loaded or runs // 2, failed=failed, held=held, rejecting=rejecting)


def test_an_address_in_a_square_is_escaped():
    row = squares.row([date(2026, 1, 1)], {date(2026, 1, 1): day(loaded=1)})
    assert '<a href="/x?a=&quot;&amp;day=2026-01-01"' in squares.drawn(row, '/x?a="&day=')
