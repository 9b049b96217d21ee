"""A run with more rejects than are stored keeps the whole list in the bucket, however it ends (file-rules#rejects)."""

import csv
import io
from datetime import timedelta
from urllib.request import urlopen

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from storages.backends.s3 import S3Storage

from ingest import handlers
from ingest.aws import objects
from ingest.loader.outcome import rejects
from ingest.loader.outcome.errors import RunFailed, RunInterrupted
from ingest.models import Dataset, Run
from ingest.operations.retention import expire
from ingest.rejects import csv_file as module
from ingest.rejects.csv_file import reject_file
from ingest.runs.execute import claim_and_execute
from ingest.runs.receive import receive
from ingest.runs.retry import retry
from tests.app.conftest import counts, rows, s3_event
from tests.app.pages import staff

LARGE = "id,n\n" + "".join(f"{id},{'x' if id % 50 else id}\n" for id in range(1, 12_001))
MIXED = "id,n\n" + "1,x\n2\n,3\n4,y\n,5\n6,7,8\n9,10\n" + "".join(f"{id},1\n" for id in range(20, 100))


@pytest.fixture
def few(monkeypatch):
    """At most three rejects of a run are stored."""
    monkeypatch.setattr(rejects, "STORED", 3)


def lenient(name="items", **policy):
    """A dataset that takes any number of rejects, whose n is a number."""
    told = {"name": name, "policy": "strict", "reject_share": 1, "declared_key": ["id"]} | policy
    return Dataset.objects.create(**told)


def lines_of(text):
    """The lines that a reject file tells of."""
    return [int(row["_line"]) for row in csv.DictReader(io.StringIO(text, newline=""))]


def test_beyond_ten_thousand_the_whole_list_is_a_file_in_the_bucket(door):
    lenient()
    door.load("items.csv", "id,n\n0,1\n")
    run = door.load("items.csv", LARGE)
    assert counts(run) == {"records": 12_000, "inserted": 240, "rejected": 11_760}
    assert run.rejects.count() == 10_000
    text = "".join(reject_file(run))
    assert lines_of(text) == [id + 1 for id in range(1, 12_001) if id % 50]
    mended = text.replace(",x,", ",7,")
    assert counts(door.load("items.csv", mended)) == {"records": 11_760, "inserted": 11_760}
    assert rows("SELECT count(*), sum(n) FROM items WHERE id > 0 AND id % 50 > 0") == [(11_760, 7 * 11_760)]


def test_the_file_is_named_by_its_run_and_claim_and_never_taken_in(door, few):
    lenient()
    run = door.load("items.csv", MIXED)
    assert run.rejects_key == f"_rejects/{run.pk}/1/items-{run.pk}-rejects.csv"
    handlers.on_event(s3_event(objects.describe(run.bucket, run.rejects_key)))
    assert Run.objects.count() == 1


def test_rejects_of_all_causes_stand_in_the_order_of_their_lines(door, few):
    lenient()
    door.load("items.csv", "id,n\n0,1\n")
    run = door.load("items.csv", MIXED)
    text = "".join(reject_file(run))
    told = [(row["id"], row["n"], row["_code"]) for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert lines_of(text) == [2, 3, 4, 5, 6, 7]
    assert told == [
        ("1", "x", "bad_value"),
        ("2", "", "missing_columns"),
        ("", "3", "null_key"),
        ("4", "y", "bad_value"),
        ("", "5", "null_key"),
        ("6", "7,8", "extra_columns"),
    ]


def test_few_rejects_make_no_file(door):
    lenient()
    run = door.load("items.csv", MIXED)
    assert (run.rejected, run.rejects_key) == (6 - 2, "")  # the first file chooses the types: n is text


def test_few_long_rejects_make_one_since_no_answer_would_hold_them(door, monkeypatch):
    monkeypatch.setattr(module, "_MAX_INLINE_BYTES", 1_000)
    lenient()
    run = door.load("items.csv", f"id,n\n1,2\n2,{'z' * 1_000},\n")
    assert run.rejected == 1
    assert len("".join(reject_file(run))) > 1_000
    assert run.rejects_key


@pytest.mark.parametrize("policy", [{"reject_share": 0, "reject_count": 0}, {"asks_approval": True}])
def test_a_failed_or_held_run_keeps_its_whole_list_too(door, few, policy):
    lenient()
    door.load("items.csv", "id,n\n0,1\n")
    Dataset.objects.update(**policy)
    run = door.load("items.csv", MIXED)
    assert run.status == ("held" if "asks_approval" in policy else "failed")
    assert lines_of("".join(reject_file(run))) == [2, 3, 4, 5, 6, 7]
    assert run.rejects.count() == 3


def test_each_attempt_keeps_its_own(door, few):
    lenient(reject_share=0, reject_count=0)
    first = door.load("items.csv", MIXED)
    retry(first.pk)
    assert Run.objects.get(pk=first.pk).rejects_key == ""
    claim_and_execute(first.pk)
    again = Run.objects.get(pk=first.pk)
    assert again.rejects_key != first.rejects_key
    assert list(reject_file(again)) == list(reject_file(first))


def test_a_bucket_that_is_busy_has_the_run_tried_again_and_nothing_is_loaded(door, few, monkeypatch):
    lenient()
    door.load("items.csv", "id,n\n0,1\n")
    monkeypatch.setattr(S3Storage, "save", refuse(RunInterrupted("S3 is busy.")))
    run = Run.objects.get(key="data/items.csv", status="succeeded")
    source = door.put("items.csv", MIXED)
    run = receive(source)
    assert claim_and_execute(run.pk) == "waiting"
    assert rows("SELECT count(*) FROM items") == [(1,)]
    monkeypatch.undo()
    assert claim_and_execute(run.pk) == "succeeded"


def test_a_failed_run_says_where_its_list_could_not_be_kept(door, few, monkeypatch):
    lenient(reject_share=0, reject_count=0)
    monkeypatch.setattr(S3Storage, "save", refuse(RunFailed("S3 denied access.")))
    run = door.load("items.csv", MIXED)
    assert run.status == "failed"
    assert "records were rejected" in run.reason
    assert run.notes == ["The full list of rejects was not kept: S3 denied access."]
    assert (run.rejected, run.rejects.count()) == (4, 3)


def refuse(error):
    """What a storage does that takes nothing."""

    def save(*_):
        raise error

    return save


# -- the download -----------------------------------------------------------------------------------------------------


@pytest.fixture
def run(door, few):
    """A run whose whole list lies in the bucket."""
    lenient()
    return door.load("items.csv", MIXED)


def test_the_page_leads_to_a_signed_link(run, client):
    staff(client, "view_run")
    answer = client.get(reverse("admin:ingest_run_rejects", args=[run.pk]))
    assert answer.status_code == 302
    assert "X-Amz-Signature" in answer["Location"]
    assert f"items-{run.pk}-rejects.csv&" in answer["Location"], "the name under which a browser saves it"
    with urlopen(answer["Location"]) as file:
        assert len(lines_of(file.read().decode())) == run.rejected


def test_a_file_that_is_gone_from_the_bucket_leaves_what_is_stored(run, client, aws, capsys):
    aws.client("s3").delete_object(Bucket=aws.bucket, Key=run.rejects_key)
    staff(client, "view_run")
    answer = client.get(reverse("admin:ingest_run_rejects", args=[run.pk]))
    assert len(lines_of(b"".join(answer.streaming_content).decode())) == 3
    call_command("rejects", run.pk)
    assert capsys.readouterr().err == "4 records were rejected; the first 3 are stored.\n"


def test_an_old_list_expires_with_those_of_earlier_attempts_and_the_page_says_so(
    run, door, client, aws, settings, monkeypatch
):
    monkeypatch.setattr("ingest.admin.runs.facts.STORED", 3)
    settings.REJECT_DAYS = 40
    young = door.load("items.csv", MIXED + "9,9\n")
    aws.client("s3").put_object(Bucket=aws.bucket, Key=f"_rejects/{run.pk}/0/of-an-attempt-before.csv", Body=b"x")
    Run.objects.filter(pk=run.pk).update(finished=timezone.now() - timedelta(days=40, hours=1, minutes=1))
    staff(client, "view_run")
    page = reverse("admin:ingest_run_change", args=[run.pk])
    assert b"has expired" not in client.get(page).content
    expire()
    left = aws.client("s3").list_objects_v2(Bucket=aws.bucket, Prefix="_rejects/")["Contents"]
    assert [each["Key"] for each in left] == [young.rejects_key]
    assert (
        "was kept for 40 days and has expired; the first 3 rejects are still available"
        in client.get(page).content.decode()
    )
    answer = client.get(reverse("admin:ingest_run_rejects", args=[run.pk]))
    assert len(lines_of(b"".join(answer.streaming_content).decode())) == 3


def test_a_list_that_the_bucket_keeps_is_tried_again(run, monkeypatch):
    Run.objects.update(finished=timezone.now() - timedelta(days=100))
    for answer in (lambda _: False, refuse(RunInterrupted("S3 is busy."))):
        monkeypatch.setattr(objects, "remove", answer)
        expire()
        assert Run.objects.get().rejects_key == run.rejects_key
    monkeypatch.undo()
    expire()
    assert Run.objects.get().rejects_key == ""


def test_a_bucket_that_does_not_answer_is_told_on_the_page(run, client, monkeypatch):
    monkeypatch.setattr(objects, "describe", refuse(RunInterrupted("S3 is busy.")))
    staff(client, "view_run")
    answer = client.get(reverse("admin:ingest_run_rejects", args=[run.pk]), follow=True)
    assert b"downloaded right now. S3 is busy." in answer.content


def test_the_command_writes_the_whole_list(run, capsys):
    call_command("rejects", run.pk)
    said = capsys.readouterr()
    assert (len(lines_of(said.out)), said.err) == (4, "")
