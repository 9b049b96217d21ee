"""Files whose event was lost, or that were there first, are received all the same (file-rules#sources)."""

import random
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from ingest import handlers
from ingest.aws import objects
from ingest.loader.outcome.errors import RunInterrupted
from ingest.models import Dataset, Reconciliation, Run
from ingest.operations.reconcile import _in_order, reconcile_when_due
from ingest.operations.reconcile import reconcile as reconcile_bucket
from ingest.runs import retry
from ingest.runs.execute import claim_and_execute
from ingest.runs.receive import receive
from tests.app.conftest import Door, rows


def people(*records):
    """A file of ids and names."""
    return "id,name\n" + "".join(f"{id},{name}\n" for id, name in records)


def reconcile(**options):
    """A walk that waits for no event."""
    time.sleep(1.01 - time.time() % 1)  # S3 tells whole seconds
    return reconcile_bucket(settled=timedelta(0), **options)


def carry():
    """Have every run that waits carried, the longest waiting first."""
    Run.objects.filter(status="queued").update(received=timezone.now() - timedelta(hours=1))
    for _ in range(50):
        due = retry.due()
        if not due:
            return
        for run_id in due:
            claim_and_execute(run_id)
    pytest.fail(f"after 50 rounds these runs are still due: {due}")


def test_files_that_were_there_first_are_received_by_their_newest_version(door: Door):
    door.put("people.csv", people((1, "Ann")))
    newest = door.put("people.csv", people((2, "Bob")))
    door.put("eu/places.csv", people((1, "Rome")))
    found = reconcile()
    assert (found.seen, found.received, found.whole) == (3, 2, True)
    assert set(Run.objects.values_list("key", "version_id")) >= {("data/people.csv", newest.version_id)}
    assert reconcile().received == 0, "what was replaced before anybody could be told stays history"
    carry()
    assert rows("SELECT id, name FROM people") == [(2, "Bob")]


def test_a_lost_version_takes_its_place_behind_the_newer_one(door: Door):
    door.load("people.csv", people((1, "Ann"), (2, "Bob")))
    lost = door.put("people.csv", people((1, "Eve"), (3, "Cy")))
    door.load("people.csv", people((1, "Ada")))
    assert reconcile().received == 1
    carry()
    assert rows("SELECT id, name FROM people ORDER BY id") == [(1, "Ada"), (2, "Bob"), (3, "Cy")]
    first, second, third = (run.version_order for run in Run.objects.filter(load_number=1).order_by("version_order"))
    assert Run.objects.get(version_id=lost.version_id).version_order == second
    assert first < second < third


def test_its_event_may_come_after_all(door: Door):
    door.load("people.csv", people((1, "Ann")))
    late = door.put("people.csv", people((1, "Eve")))
    reconcile()
    handled = door.deliver(late)
    assert (handled.version_id, Run.objects.count()) == (late.version_id, 2)


@pytest.mark.parametrize("mode", ["upsert", "append", "snapshot"])
@pytest.mark.parametrize("seed", range(2))
def test_whatever_events_are_lost_the_table_ends_as_if_they_had_come_in_order(door: Door, seed, mode):
    dice = random.Random(seed)
    key = [] if mode == "append" else ["id"]
    for name in ("people", "twins"):
        Dataset.objects.create(name=name, mode=mode, declared_key=key)
    contents = [people(*{dice.randrange(4): f"v{number}" for _ in range(2)}.items()) for number in range(5)]
    came = [number for number in range(5) if dice.random() < 0.5]
    late = [number for number in range(5) if number not in came]
    dice.shuffle(came)
    for name in ("people.csv", "twins.csv"):
        door.load(name, people((0, "first")))
        put = [door.put(name, content) for content in contents]
        for number in came if name == "people.csv" else range(5):
            door.deliver(put[number])
    assert reconcile().received == len(late)
    carry()
    assert rows("SELECT id, name FROM people ORDER BY 1, 2") == rows("SELECT id, name FROM twins ORDER BY 1, 2")


def test_only_what_an_event_would_have_brought_is_received(door: Door):
    s3, bucket = door.aws.client("s3"), door.aws.bucket
    for key in ("data/folder/", "_rejects/1.csv", "data/_exports/a.csv", "elsewhere/a.csv"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"" if key.endswith("/") else b"id\n1\n")
    door.put("gone.csv", people((1, "Ann")))
    s3.delete_object(Bucket=bucket, Key="data/gone.csv")
    assert reconcile().received == 0, "it was deleted before the first event ever"
    door.load("people.csv", people((1, "Ann")))
    time.sleep(1.01)
    deleted = door.put("later.csv", people((1, "Ann")))
    s3.delete_object(Bucket=bucket, Key="data/later.csv")
    assert reconcile().received == 1
    carry()
    assert Run.objects.get(version_id=deleted.version_id).status == "succeeded"


def test_a_young_file_is_left_to_its_event(door: Door):
    door.put("people.csv", people((1, "Ann")))
    assert reconcile_bucket().received == 0


def test_a_bucket_without_versions_is_searched_by_content(door: Door, settings):
    settings.BUCKET = f"{door.aws.bucket}-plain"
    s3 = door.aws.client("s3")
    s3.create_bucket(Bucket=settings.BUCKET)

    def put(content, sequencer=""):
        s3.put_object(Bucket=settings.BUCKET, Key="data/people.csv", Body=content.encode())
        return replace(objects.describe(settings.BUCKET, "data/people.csv"), sequencer=sequencer)

    ann, bob = people((1, "Ann")), people((1, "Bob"))
    for content, sequencer in ((ann, "0055AA01"), (bob, "0055AA02")):
        claim_and_execute(receive(put(content, sequencer)).pk)
    assert reconcile().received == 0
    Run.objects.update(received=timezone.now() - timedelta(hours=1))
    put(ann)
    assert reconcile().received == 1
    claim_and_execute(Run.objects.latest("pk").pk)
    assert rows("SELECT name FROM people") == [("Ann",)]
    assert reconcile().received == 0


def test_orders_lie_between_their_neighbours_however_they_are_written():
    sources = [objects.SourceObject(bucket="b", key="k", size=1, version_id=str(number)) for number in (3, 2, 1)]
    for older, newer in (("", ""), ("", "1"), ("", "0055ae"), ("55", "5501"), ("55", "551"), ("55", "56"), ("5", "")):
        found = list(_in_order(sources, older=older, newer=newer))
        assert [source.version_id for source in found] == ["1", "2", "3"]
        orders = [older, *(Run.order_of(source) for source in found), *filter(None, [newer])]
        assert orders == sorted(set(orders)), (older, newer)


# -- many pages -------------------------------------------------------------------------------------------------------


@pytest.fixture
def pages(door: Door, monkeypatch):
    """Seven versions of three keys, of which each page holds two; the first event has come."""
    monkeypatch.setattr(objects, "_PAGE", 2)
    door.load("first.csv", people((1, "Ann")))
    time.sleep(1.01)
    for name, versions in (("a.csv", 3), ("b.csv", 1), ("c.csv", 3)):
        for number in range(versions):
            door.put(name, people((number, name)))
    return door


def test_pages_may_end_anywhere(pages, django_assert_max_num_queries):
    assert (reconcile(dry_run=True).received, Run.objects.count()) == (7, 1)
    with django_assert_max_num_queries(10):
        assert reconcile(dry_run=True).seen == 8
    assert reconcile().received == 7
    versions = Run.objects.filter(key="data/a.csv").order_by("pk")
    orders = list(versions.values_list("version_order", flat=True))
    assert orders == sorted(set(orders)), "the oldest first"
    assert reconcile().received == 0


def test_a_walk_that_is_stopped_goes_on_behind_its_last_key(pages):
    time.sleep(1.01 - time.time() % 1)
    received = []
    for _ in range(5):
        received.append(reconcile_when_due(settled=timedelta(0), until=lambda: True).received)
    assert received == [3, 1, 3, 0, 0]
    walk = Reconciliation.objects.get()
    assert walk.ended
    assert (walk.seen, walk.received) == (Run.objects.count(), 7)
    assert reconcile_when_due() is None, "not again on the same day"
    Reconciliation.objects.update(begun=timezone.now() - timedelta(hours=25))
    assert reconcile_when_due().whole
    assert Reconciliation.objects.count() == 2


def test_one_worker_walks_at_a_time_and_a_dead_one_is_followed(pages):
    walk = Reconciliation.objects.create(bucket=pages.aws.bucket, lease_until=timezone.now() + timedelta(minutes=9))
    assert reconcile_when_due() is None
    Reconciliation.objects.update(lease_until=timezone.now())
    assert reconcile_when_due().whole
    walk.refresh_from_db()
    assert (walk.ended is not None, walk.lease_until) == (True, None)


def test_a_bucket_that_does_not_answer_stops_no_schedule(pages, monkeypatch, caplog):
    def busy(*_, **__):
        raise RunInterrupted("S3 is busy.")

    monkeypatch.setattr(objects, "versions", busy)
    handlers.on_schedule()
    assert "was not searched for files whose event was lost: S3 is busy." in caplog.text
    monkeypatch.undo()
    assert reconcile_when_due().whole


def test_the_command_says_what_it_found(pages, capsys):
    time.sleep(1.01)
    call_command("reconcile", "--dry-run", "--minutes", "0")
    said = capsys.readouterr().out
    assert said.count("data/a.csv (") == 3
    assert said.endswith("8 versions in the bucket; 7 without a run would be received.\n")
    call_command("reconcile", "--minutes", "0")
    assert capsys.readouterr().out.endswith("8 versions in the bucket; 7 without a run received.\n")
