"""People are notified once per cause and once when it is over, not once per file."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.db import connection
from django.utils import timezone

from ingest import handlers
from ingest.models import Dataset, Message, Run, Trouble
from ingest.notifications import incidents
from ingest.notifications.incidents import cause_of, refresh_incidents
from ingest.runs.acknowledge import acknowledge
from ingest.runs.approve import approve, discard
from ingest.runs.receive import receive
from ingest.runs.retry import retry
from tests.app.conftest import sqs_event
from tests.app.pages import member

GOOD, BAD, WORSE = "id,n\n1,1\n", "", b"PK\3\4 no archive"


@pytest.fixture(autouse=True)
def told(settings):
    """Notify Ann by e-mail of everything; return the subjects of what she received."""
    settings.NOTIFY_EMAILS, settings.EMAIL_HOST, settings.NOTIFY_QUIET_MINUTES = ["ann@x.example"], "mail", 0
    return lambda: [sent.subject for sent in mail.outbox]


def later(**moments):
    """Move the last occurrence of each incident into the past."""
    Trouble.objects.update(seen=timezone.now() - timedelta(**moments))


def test_a_hundred_failures_with_one_cause_send_one_message_and_one_when_it_is_over(door, told):
    Dataset.objects.create(name="a", patterns=["a-*.csv"])
    handlers.on_event(sqs_event(*(door.put(f"a-{number}.csv", BAD) for number in range(100))))
    assert told() == ["a: a file was not loaded"]
    assert "The file is empty" in mail.outbox[0].body
    assert mail.outbox[0].to == ["ann@x.example"]
    handlers.on_schedule()
    assert len(told()) == 1, "it isn't over"
    door.load("a-100.csv", GOOD)
    handlers.on_schedule()
    assert told()[1:] == ["a: files are loaded again"]
    assert "It affected 100 runs" in mail.outbox[1].body
    door.load("a-101.csv", BAD)
    assert told()[2:] == ["a: a file was not loaded"], "a new trouble is told anew"


def test_another_cause_and_another_dataset_send_messages_of_their_own(door, told):
    for name in ("a.csv", "a.csv", "b.csv"):
        door.load(name, BAD)
    door.load("a.csv", WORSE)
    assert told() == ["a: a file was not loaded", "b: a file was not loaded", "a: a file was not loaded"]
    assert list(Trouble.objects.order_by("pk").values_list("count", flat=True)) == [2, 1, 1]


def test_alternating_good_and_bad_files_are_one_incident(door, told, settings):
    settings.NOTIFY_QUIET_MINUTES = 5
    for number in range(4):
        door.load("a.csv", BAD if number % 2 == 0 else f"id,n\n1,{number}\n")
        handlers.on_schedule()
    assert told() == ["a: a file was not loaded"]
    later(minutes=6)
    handlers.on_schedule()
    assert told()[1:] == ["a: files are loaded again"]


def test_a_held_run_sends_a_message_and_its_approval_another(door, told):
    Dataset.objects.create(name="a", asks_approval=True)
    run = door.load("a.csv", GOOD)
    assert told() == ["a: a file is held for a decision"]
    handlers.on_schedule()
    assert len(told()) == 1
    approve(run.pk)
    handlers.on_schedule()
    assert Run.objects.get(pk=run.pk).status == "succeeded"
    assert told()[1:] == ["a: no files are held anymore"]


def test_discarding_a_held_run_sends_no_message(door, told):
    Dataset.objects.create(name="a", asks_approval=True)
    run = door.load("a.csv", GOOD)
    discard(run.pk, "Ann")
    handlers.on_schedule()
    assert told() == ["a: a file is held for a decision"]
    assert not Trouble.objects.filter(closed=None).exists()
    door.load("a.csv", "id,n\n2,2\n")
    assert len(told()) == 2, "the next one is told again"


def test_an_acknowledged_incident_is_closed_without_a_message(door, told):
    run, nameless = door.load("a.csv", BAD), door.load("___.csv", BAD)
    assert told() == ["a: a file was not loaded", "data/___.csv: a file was not loaded"]
    handlers.on_schedule()
    assert Trouble.objects.filter(closed=None).count() == 2
    acknowledge([run.pk, nameless.pk], "Ann")
    handlers.on_schedule()
    assert (Trouble.objects.filter(closed=None).count(), len(told())) == (0, 2)


def test_a_retry_that_succeeds_sends_the_message_that_it_is_over(door, told, monkeypatch):
    Dataset.objects.create(name="a", policy="strict", declared_key=["id"], reject_share=0, reject_count=0)
    door.load("a.csv", GOOD)
    run = door.load("a.csv", "id,n\n2,x\n3,3\n")
    Dataset.objects.update(reject_share=1)
    retry(run.pk)
    refresh_incidents()
    assert len(told()) == 1, "it waits to be tried"
    handlers.on_schedule()
    assert told()[1:] == ["a: files are loaded again"]


def test_previews_send_no_messages(door, told):
    assert door.load("_preview/a.csv", BAD).status == "failed"
    assert (told(), Trouble.objects.count()) == ([], 0)


def test_a_late_dataset_sends_one_message_and_one_when_its_file_arrives(door, told):
    door.load("a.csv", GOOD)
    long_ago = timezone.now() - timedelta(days=2)
    Dataset.objects.update(last_loaded=long_ago)
    Dataset.objects.get().save()
    dataset = Dataset.objects.get()
    dataset.expected_every, dataset.expected_unit = 6, "hour"
    dataset.save()
    handlers.on_schedule()
    handlers.on_schedule()
    assert told() == ["a: a file is late"]
    assert f"A file is expected every 6 hours; the last one was received on {long_ago:%Y-%m-%d}" in mail.outbox[0].body
    door.load("a.csv", "id,n\n1,2\n")
    handlers.on_schedule()
    assert told()[1:] == ["a: the file has arrived"]
    dataset.refresh_from_db()
    Trouble.objects.all().delete()
    Dataset.objects.update(due=long_ago)
    handlers.on_schedule()
    dataset.expected_every = None
    dataset.save()
    handlers.on_schedule()
    assert told()[2:] == ["a: a file is late"], "without its rule it is late no more, and no file has come"
    assert not Trouble.objects.filter(closed=None).exists()


def test_a_dataset_with_addresses_of_its_own_notifies_each_of_them_once(door):
    Dataset.objects.create(name="a", notify_emails=["bob@x.example", "cy@x.example", "bob@x.example"])
    door.load("a.csv", BAD)
    assert mail.outbox[0].to == ["bob@x.example", "cy@x.example"]


def test_accounts_without_access_are_not_notified_about_a_closed_dataset(door, settings):
    everybody = ("In@x.example", "out@x.example", "left@x.example", "blind@x.example", "shared@x.example")
    settings.NOTIFY_EMAILS = [*everybody, "nobody@x.example", "admin@x.example"]
    member("operator", "hr", email="in@x.example")
    member("operator", email="OUT@x.example")
    member("operator", "hr", email="left@x.example", is_active=False)
    member("hr", email="blind@x.example")
    member("operator", "hr", email="shared@x.example")
    member("operator", email="shared@x.example")
    member("admin", email="admin@x.example")
    closed = Dataset.objects.create(name="salaries")
    closed.open_to.add(Group.objects.get(name="hr"))
    door.load("salaries.csv", BAD)
    door.load("orders.csv", BAD)
    assert mail.outbox[0].to == ["In@x.example", "nobody@x.example", "admin@x.example"]
    assert mail.outbox[1].to == settings.NOTIFY_EMAILS
    Dataset.objects.filter(pk=closed.pk).update(notify_emails=["boss@x.example"])
    door.load("salaries.csv", WORSE)
    assert mail.outbox[2].to == ["boss@x.example"]
    Dataset.objects.filter(pk=closed.pk).update(notify_emails=[])
    settings.NOTIFY_EMAILS = ["out@x.example"]
    door.load("salaries.csv", b"\x1f\x8b\x08 no archive")
    assert (Trouble.objects.filter(dataset=closed).count(), len(mail.outbox)) == (3, 3), "there is nobody to be told"


def test_no_message_is_written_without_recipients_or_a_mail_server(door, settings):
    settings.NOTIFY_EMAILS = []
    door.load("a.csv", BAD)
    assert (Trouble.objects.count(), Message.objects.count()) == (1, 0)
    settings.NOTIFY_EMAILS, settings.EMAIL_HOST = ["ann@x.example"], ""
    door.load("b.csv", BAD)
    assert Message.objects.count() == 0


def test_two_runs_that_fail_at_the_same_time_are_one_incident(door, source, told, monkeypatch):
    """The other run's row is inserted between our query and our insert."""
    run = receive(source("data/a.csv"))
    create = Trouble.objects.create

    def later(**fields):
        create(**fields)
        return create(**fields)

    monkeypatch.setattr(Trouble.objects, "create", later)
    incidents.record_incident(run, "failed", "The file is empty.")
    monkeypatch.undo()
    incidents.record_incident(run, "failed", "The file is empty.")
    assert Trouble.objects.get().count >= 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("3 of 9 records were rejected (3 bad_value)", "1,200 of 9,000 records were rejected (7 null_key)", True),
        ("Line 3 is 'x'.", "Line 17 is 'it is'.", True),
        ("s3://b/data/a.csv is gone.", "s3://b/data/b.csv is gone.", True),
        ("The file is empty.", "The file is binary.", False),
    ],
)
def test_sentences_that_differ_in_details_have_one_cause(one, other, same):
    assert (cause_of(one) == cause_of(other)) is same


@pytest.mark.django_db
def test_refreshing_incidents_takes_few_queries(django_assert_max_num_queries):
    with django_assert_max_num_queries(3):
        refresh_incidents()
    assert connection.vendor == "postgresql"
