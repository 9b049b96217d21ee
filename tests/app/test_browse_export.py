"""Export: the rows that are shown, as CSV or JSON; harmless in a spreadsheet, whole when read back, never in memory."""

import csv
import io
import json
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from urllib.request import urlopen

import boto3
import pytest
from django.contrib.admin.models import LogEntry

from ingest import browsing
from ingest.aws import objects
from ingest.browsing import exporting
from ingest.models import Dataset
from tests.app.conftest import Door
from tests.app.pages import execute, slow_down, staff

FORMULAS = ["=1+1", "+49 30 1", "-x", "@SUM(A1)", "\tx", "\rx", "-5", "-.5", "-1e5", "-", "'=x", "'t Hooft", "'"]
HARMLESS = [
    "a=b",
    "",
    " =x",
    "1-1",
    "Ünï 😀",
    'a "quoted", one',
    "a\nb",
    "\\N",
    "NULL",
]


@pytest.fixture
def people(door: Door, client) -> Dataset:
    """A table as files make it, and somebody who may look at it."""
    told = io.StringIO(newline="")
    writer = csv.writer(told, quoting=csv.QUOTE_ALL)
    writer.writerows([["id", "note", "amount"], *([at, each, -at] for at, each in enumerate([*HARMLESS, *FORMULAS]))])
    run = door.load("people.csv", f"{told.getvalue()}100,,\n")
    assert run.status == "succeeded", run.reason
    staff(client, "view_dataset")
    return run.dataset


def export(client, dataset: Dataset, **told) -> bytes:
    """The file as it comes."""
    response = client.post(f"/admin/ingest/dataset/{dataset.pk}/browse/export/", {"format": "csv", **told})
    assert response.status_code == 200
    assert "attachment" in response.headers["Content-Disposition"]
    return b"".join(response)


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def test_a_csv_holds_the_values_as_they_are_without_our_own_columns(client, people):
    header, *lines = read(export(client, people))
    assert header == ["id", "note", "amount"]
    assert [line[1] for line in lines] == [*HARMLESS, *FORMULAS, ""]
    assert lines[3][2] == "-3"


def test_a_spreadsheet_safe_csv_marks_each_cell_that_a_spreadsheet_would_run_and_says_so(client, people):
    header, *lines = read(export(client, people, safe="1"))
    assert header == ["id", "note", "amount", "_export"]
    assert [line[1] for line in lines] == [*HARMLESS, *(f"'{each}" for each in FORMULAS), ""]
    assert {line[3] for line in lines} == {"spreadsheet-safe"}
    assert lines[3][2] == "'-3"


def test_a_header_that_a_spreadsheet_would_run_is_marked_too(client, door):
    run = door.load("odd.csv", "id,=x,'y\n1,2,3\n")
    staff(client, "view_dataset")
    assert read(export(client, run.dataset))[0] == ["id", "=x", "'y"], "their names alone would be other columns"
    assert read(export(client, run.dataset, safe="1"))[0] == ["id", "'=x", "''y", "_export"]


def test_the_choice_of_a_spreadsheet_safe_csv_stands_in_the_address(client, people):
    page = client.get(f"/admin/ingest/dataset/{people.pk}/browse/?safe=1&sort=note").content.decode()
    assert '<input type="checkbox" name="safe" value="1" checked>' in page
    assert "safe=1" in client.get(f"/admin/ingest/dataset/{people.pk}/browse/?safe=1").context["headers"][0]["sort"]
    export(client, people, safe="1")
    assert LogEntry.objects.latest("pk").change_message.endswith("?safe=1")


def test_an_export_of_our_own_columns_alone_is_refused(client, people):
    address = f"/admin/ingest/dataset/{people.pk}/browse/export/"
    page = client.post(address, {"format": "csv", "column": "run_id"}, follow=True).content.decode()
    assert "choose at least one other column" in page


def test_json_holds_every_cell_as_it_is(client, people):
    told = json.loads(export(client, people, format="json"))
    assert [each["note"] for each in told] == [*HARMLESS, *FORMULAS, None]
    assert told[1]["amount"] == -1
    assert json.loads(export(client, people, format="json", **{"is.id": "-1"})) == []
    (one,) = json.loads(export(client, people, format="json", **{"is.id": "3", "column": "note"}))
    assert one == {"note": "1-1"}


def test_json_within_json_may_have_lines_and_any_character(client, people):
    execute('create table datasets.odd ("a""b, {c}" json, d text)')
    execute("insert into datasets.odd values ('{\n \"x\":\t1}', E'\\x01\\x02\\n\"\\\\'), (null, null)")
    dataset = Dataset.objects.create(name="odd")
    told = json.loads(export(client, dataset, format="json"))
    assert told == [{'a"b, {c}': {"x": 1}, "d": '\x01\x02\n"\\'}, {'a"b, {c}': None, "d": None}]


def test_what_is_shown_is_exported_in_its_order_and_logged(client, people):
    content = export(client, people, **{"column": "id", "desc": "amount", "to.id": "2"})
    assert read(content) == [["id"], ["0"], ["1"], ["2"]]
    assert read(export(client, people, all="1", column="id"))[0] == ["id", "note", "amount"]
    messages = list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True))
    assert messages[0] == f"Exported as CSV, {len(content)} bytes: ?to.id=2&desc=amount&column=id"
    assert len(messages) == 2


def test_an_address_that_makes_no_sense_exports_nothing(client, people):
    address = f"/admin/ingest/dataset/{people.pk}/browse/export/"
    for odd in ({"is.id": "x"}, {"is.absent": "1"}, {"after": "AA"}):
        response = client.post(address, {"format": "csv", **odd}, follow=True)
        assert "Nothing was exported." in response.content.decode()
    assert not LogEntry.objects.exists()
    assert b"result_list" in client.get(address).content, "an address that somebody reloads shows the rows"


def test_a_large_export_lies_in_the_bucket_behind_a_signed_link(client, people, monkeypatch, door, scratch):
    monkeypatch.setattr(exporting, "DIRECT", 1_000)
    execute("insert into people (id, note) select i, 'row ' || i from generate_series(1000, 60000) i")
    response = client.post(f"/admin/ingest/dataset/{people.pk}/browse/export/", {"format": "csv", "from.id": "1000"})
    assert response.status_code == 302
    link = response.headers["Location"]
    assert f"/{door.aws.bucket}/_exports/" in link
    assert "X-Amz-Signature=" in link
    assert "response-content-disposition=attachment" in link
    with urlopen(link) as answer:
        lines = read(answer.read())
    assert (len(lines), lines[-1][:2]) == (59_002, ["60000", "row 60000"])
    assert list(scratch.iterdir()) == []


def test_an_export_is_never_held_in_memory(people):
    execute("insert into people (id, note) select i, repeat('x', 1000) from generate_series(1000, 31000) i")
    tracemalloc.start()
    try:
        made = browsing.export("people", [], browsing.Format.CSV)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made.size > 30_000_000
    assert most < 16 << 20


def test_a_limit_that_is_met_and_a_bucket_that_does_not_answer_are_sentences(client, people, monkeypatch, settings):
    address = f"/admin/ingest/dataset/{people.pk}/browse/export/"
    monkeypatch.setattr(exporting, "DIRECT", 1)
    settings.BUCKET = "no-such-bucket"
    assert "The bucket of" in client.post(address, {"format": "csv"}, follow=True).content.decode()
    monkeypatch.setattr(objects, "_made", lambda _: boto3.client("s3", endpoint_url="http://127.0.0.1:1"))
    page = client.post(address, {"format": "csv"}, follow=True).content.decode()
    assert "The bucket didn&#x27;t take the file just now" in page
    with monkeypatch.context() as full, Path("/dev/full").open("wb", buffering=0) as nowhere:
        full.setattr(exporting, "tempfile", SimpleNamespace(NamedTemporaryFile=lambda **_: nowhere))
        assert "no room for the export" in client.post(address, {"format": "csv"}, follow=True).content.decode()
    with monkeypatch.context() as small:
        small.setattr(exporting, "_MOST_BYTES", 10)
        assert "filter the rows first" in client.post(address, {"format": "json"}, follow=True).content.decode()
    monkeypatch.setattr(exporting, "SECONDS", 1)
    slow_down("people", seconds=300)
    page = client.post(address, {"format": "csv", "desc": "note"}, follow=True).content.decode()
    assert "seconds and was stopped: filter the rows first" in page
