"""A corrected reject file finds its way back to its dataset and run, whatever its name (file-rules#corrections)."""

import csv
import gzip
import html
import io
import uuid

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from ingest.admin.runs.records import marked
from ingest.models import Dataset, Opening, Run, Upload
from ingest.rejects.csv_file import reject_file
from ingest.runs.approve import approve, discard
from ingest.runs.execute import claim_and_execute
from ingest.runs.receive import receive
from ingest.uploads.precheck import SelectedFile, precheck
from tests.app.conftest import Door, counts, rows
from tests.app.pages import member, staff

NAME = "customers-8-rejects.csv"
DRAFT = "customers_8_rejects"


@pytest.fixture
def first(door: Door) -> Run:
    """A run of which one record was rejected."""
    door.load("customers.csv", "id,name,age\n1,Ann,40\n")
    run = door.load("customers.csv", 'id,name,age\n2,"",x\n' + "".join(f"{n},N,1\n" for n in range(3, 14)))
    assert (run.status, run.rejected) == ("succeeded", 1), run.reason
    return run


def corrected(run: Run, old: str = ",x,", new: str = ",41,") -> str:
    text = "".join(reject_file(run))
    assert old in text
    return text.replace(old, new)


def test_it_goes_to_its_dataset_under_any_name_and_the_runs_are_linked(door: Door, first: Run, client):
    run = door.load(NAME, corrected(first))
    assert (run.status, run.dataset, run.corrects, counts(run)) == (
        "succeeded",
        first.dataset,
        first,
        {"records": 1, "inserted": 1},
    )
    assert rows("select name, age from customers where id = 2") == [("", 41)], "an empty text stays one"
    assert not Dataset.objects.filter(name=DRAFT).exists()
    staff(client, superuser=True)
    page = client.get(reverse("admin:ingest_run_change", args=[run.pk])).content.decode()
    assert f'Corrects rejects of <a href="/admin/ingest/run/{first.pk}/change/">run {first.pk}</a>' in page
    page = client.get(reverse("admin:ingest_run_change", args=[first.pk])).content.decode()
    assert f'Rejects corrected by <a href="/admin/ingest/run/{run.pk}/change/">run {run.pk}</a>' in page
    again = door.load("any.csv", corrected(first))
    assert (again.dataset, counts(again)) == (first.dataset, {"records": 1, "unchanged": 1})


@pytest.mark.parametrize("marks", [1, 2])
def test_a_spreadsheet_may_have_saved_it_again(door: Door, first: Run, marks: int):
    header, *lines = csv.reader(io.StringIO(corrected(first), newline=""))
    order = [7, 2, 0, 4, 3, 1, 5, 6]
    saved = io.StringIO(newline="")
    csv.writer(saved, delimiter=";").writerows([[record[at] for at in order] for record in (header, *lines)])
    run = door.load("Book1.csv.gz", gzip.compress(b"\xef\xbb\xbf" * marks + saved.getvalue().encode()))
    assert (run.dataset, run.corrects, counts(run)) == (first.dataset, first, {"records": 1, "inserted": 1})


@pytest.mark.parametrize(
    "settings_",
    [{"delimiter": ";"}, {"encoding": "cp1252"}, {"mode": "append"}, {"quote": "'"}, {"quote": "none"}],
    ids=str,
)
def test_it_is_read_as_it_was_written_whatever_is_pinned(door: Door, settings_):
    Dataset.objects.create(name="t", reject_share=1, **settings_)
    first = door.load("t.csv", "id;n;ä\n1;5;é\n2;;x;y\n".encode("cp1252" if "encoding" in settings_ else "utf-8"))
    assert first.rejected == 1
    run = door.load("any.csv", corrected(first, "x;y", "ö"))
    assert (run.status, counts(run)) == ("succeeded", {"records": 1, "inserted": 1}), run.reason
    assert rows("select * from t where id = 2")[0][1:3] == (None, "ö")


def test_headers_that_are_empty_or_repeated_are_found_again(door: Door):
    Dataset.objects.create(name="t", reject_share=1)
    first = door.load("t.csv", "id,,a,a\n1,x,y,z\n2,x,y\n")
    run = door.load("any.csv", corrected(first, "2,x,y,,", "2,x,y,z2,"))
    assert (run.status, run.ddl) == ("succeeded", [])
    assert rows("select column_2, a, a_2 from t where id = 2") == [("x", "y", "z2")]


def test_headers_of_a_file_without_header_are_found_again(door: Door):
    Dataset.objects.create(name="t", reject_share=1, has_header=False)
    first = door.load("t.csv", "a,b\nc\n")
    run = door.load("any.csv", corrected(first, "c,,", "c,d,"))
    assert (run.status, run.ddl, counts(run)) == ("succeeded", [], {"records": 1, "inserted": 1})
    assert rows("select column_1, column_2 from t order by 1") == [("a", "b"), ("c", "d")]


def test_what_is_rejected_again_comes_back_in_its_columns(door: Door, first: Run):
    run = door.load(NAME, corrected(first, ",x,", ",y,"))
    assert (run.rejected, run.corrects) == (1, first)
    header, line = csv.reader(io.StringIO("".join(reject_file(run)), newline=""))
    assert header == ["id", "name", "age", "_line", "_code", "_reason", "_dataset", "_run"]
    assert line[:5] == ["2", "", "y", "2", "bad_value"]
    assert line[6:] == ["customers", str(run.public_id)]
    last = door.load("once-more.csv", "".join(reject_file(run)).replace(",y,", ",42,"))
    assert (last.dataset, last.corrects) == (first.dataset, run)
    assert rows("select name, age from customers where id = 2") == [("", 42)]


def test_a_reject_of_a_spreadsheet_safe_export_comes_back_without_its_marks(door: Door, first: Run):
    good = "".join(f"{n},'=x,'-1,spreadsheet-safe\n" for n in range(3, 14))
    run = door.load("customers.csv", f"id,name,age,_export\n{good}20,'-,'y,spreadsheet-safe\n")
    assert (run.rejected, counts(run)["updated"]) == (1, 11)
    header, line = csv.reader(io.StringIO("".join(reject_file(run)), newline=""))
    assert (header[:4], line[:4]) == (["id", "name", "age", "_line"], ["20", "-", "y", "13"])


def test_a_file_whose_every_record_was_rejected_finds_back(door: Door):
    first = door.load("new.csv", "id,n\n" + "1\n" * 12)
    assert first.status == "failed"
    run = door.load(NAME, corrected(first, "1,,", "1,5,"))
    assert (run.status, run.dataset.name, run.corrects) == ("succeeded", "new", first)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("RUN", str(uuid.UUID(int=7)), "this site has no such run"),
        ("RUN", "8", "this site has no such run"),
        ("RUN", "", "none of its rows names a dataset and a run"),
        (",customers,", ",orders,", "this site has no such run"),
        ("id,name,age", "id,name,years", "has columns that neither that run's file nor customers has: years"),
        ("\n2,", "\n3,N,4,2,c,r,customers,11111111-1111-1111-1111-111111111111\n2,", "come from several runs"),
    ],
)
def test_a_file_that_cannot_be_sent_back_is_held_and_says_why(
    door: Door, first: Run, client, old: str, new: str, said: str
):
    Dataset.objects.get_or_create(name="orders")
    text = corrected(first).replace(str(first.public_id) if old == "RUN" else old, new)
    before = rows("select t::text from customers t order by 1")
    run = door.load(NAME, text)
    assert (run.status, run.records, run.brakes) == ("held", None, {"address": 0})
    assert said in run.reason
    assert f"approve it to load the file into {DRAFT}" in run.reason
    assert rows("select t::text from customers t order by 1") == before
    staff(client, superuser=True)
    assert said in html.unescape(client.get(reverse("admin:ingest_run_change", args=[run.pk])).content.decode())
    discard(run.pk, "ada")
    assert not Dataset.objects.filter(name=DRAFT).exists()
    assert Run.objects.get(pk=run.pk).dataset is None


def test_an_approved_one_is_loaded_where_its_name_leads(door: Door, first: Run):
    text = corrected(first).replace(str(first.public_id), str(uuid.UUID(int=7)))
    run = door.load(NAME, text)
    approve(run.pk)
    assert claim_and_execute(run.pk) == "succeeded"
    assert rows(f"select id, age from {DRAFT}") == [(2, 41)]
    assert Run.objects.get(pk=run.pk).corrects is None


def test_a_dataset_that_somebody_made_stays(door: Door, first: Run):
    Dataset.objects.create(name=DRAFT, mode="append")
    door.load(NAME, corrected(first))
    assert Dataset.objects.filter(name=DRAFT).exists()


def test_who_has_no_access_to_the_dataset_cannot_load_into_it(door: Door, first: Run):
    Opening.objects.create(dataset=first.dataset, group=Group.objects.create(name="trusted"))
    text = corrected(first)
    for who, status in ((member("operator"), "held"), (member("operator", "trusted"), "succeeded")):
        name = f"{who.username}.csv"
        source = door.put(name, text)
        Upload.objects.create(
            key=source.key,
            size=source.size,
            who=who.username,
            fingerprint=name,
            started=first.received,
            finished=first.received,
            version_id=source.version_id,
            etag=source.etag,
        )
        run = door.deliver(source)
        assert (run.who, run.status) == (who.username, status), run.reason
    held = Run.objects.get(status="held")
    assert "has no access to it" in held.reason
    assert door.load("bucket.csv", text).corrects == first, "who writes to the bucket may write anywhere in it"


def test_the_upload_page_says_where_it_goes(door: Door, first: Run):
    head = corrected(first).encode()
    chosen = SelectedFile(path=NAME, size=len(head), modified=1, head=head)
    user = member("operator")
    (judged,) = precheck([chosen], user=user, preview=False)
    assert (judged.dataset, judged.dataset_id, judged.asks) == ("customers", first.dataset_id, ())
    assert f"It corrects rejects of run {first.pk}, so it goes to customers." in judged.says
    Opening.objects.create(dataset=first.dataset, group=Group.objects.create(name="trusted"))
    (judged,) = precheck([chosen], user=user, preview=False)
    assert judged.dataset == DRAFT
    assert "Its run would be held." in judged.asks[0]


def test_a_preview_shows_what_a_load_would_do(door: Door, first: Run):
    run = door.load(f"_preview/{NAME}", corrected(first))
    assert (run.kind, run.status, run.dataset, counts(run)) == (
        "preview",
        "succeeded",
        first.dataset,
        {"records": 1, "inserted": 1},
    )
    assert not Dataset.objects.filter(name=DRAFT).exists()


@pytest.mark.django_db
def test_each_run_has_a_public_id_of_its_own(source):
    made = {receive(source()).public_id for _ in range(3)}
    assert len(made) == 3


@pytest.mark.django_db
def test_the_database_gives_each_run_that_is_there_an_id_of_its_own():
    """As a default that is computed for each row: no second pass fills them in."""
    default = "select column_default from information_schema.columns where table_name = 'ingest_run'"
    assert rows(f"{default} and column_name = 'public_id'") == [("gen_random_uuid()",)]


def test_the_cell_that_is_to_blame_is_found_behind_columns_that_are_not_loaded():
    told = {"code": "bad_value", "columns": [{"name": "id"}, {"name": "n"}]}
    form = {"delimiter": ";", "used": [2, 3], "cells": 4}
    assert marked(b"4;mended;3;x", 12, column="n", dialect=form, **told).cell == "x"
    told["code"] = "extra_columns"
    assert marked(b"4;mended;3;x;y", 14, column="", dialect=form, **told).cell == "y"
