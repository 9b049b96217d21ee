"""On which line of its file a run found a row: read again from the bucket, as the load has read it."""

import bz2
import gzip
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.test import Client

from ingest import browsing
from ingest.aws import objects
from ingest.loader.lineage import MOST, SourceLines
from ingest.loader.outcome.errors import RunFailed
from ingest.models import Dataset, Run
from ingest.runs import row_lineage
from ingest.runs.approve import approve
from ingest.runs.execute import claim_and_execute
from ingest.runs.row_lineage import trace
from ingest.runs.undo import undo as undo_run
from tests.app.conftest import Door, rows
from tests.app.pages import staff


def traced(run: Run, **key: str) -> SourceLines:
    """Where ``run``, the last that wrote the row, found it."""
    found = browsing.row_history(Dataset.objects.get(pk=run.dataset_id), [(f"key.{n}", v) for n, v in key.items()])
    step = found.steps[0]
    assert step.run_id == run.pk
    return trace(step.run, step.wanted)


def lines(found: SourceLines) -> tuple[int | None, list[int]]:
    return found.line, found.duplicate_lines


MANY = "".join(f"{n},{n}\n" for n in range(2, 40))


@pytest.mark.parametrize(
    ("name", "content", "key", "expected"),
    [
        ("t.csv", 'id,note\n1,"a\nb\r\nc"\n2,x\n', "2", (5, [])),
        ("t.csv", 'id,note\r\n1,x\r\n\r\n2,"y\n"\r\n3,z\r\n', "3", (6, [])),
        ("t.csv", "id,n\n1,2,3\n\n4\n5,1\n", "5", (5, [])),
        ("t.csv", 'id,n\n1,"a\n2,b\n3,c\n', "3", (4, [])),
        ("t.csv", "# made by hand\n\nid;n\n1;1\n2;2\n", "2", (5, [])),
        ("t.csv", f"id,n\n1,1\n{MANY}1,x\n", "1", (2, [])),  # the last one is rejected: x is no number
        ("t.csv", "id,n\n1,1\n2,2\n1,3\n 1,4\n", "1", (5, [2, 4])),
        ("t.csv", "n,id\n" + "1,7\n" * 30, "7", (31, list(range(2, 2 + MOST)))),
        ("t.csv", "id,n\nTrue,1\nFALSE,2\n", "false", (3, [])),
        ("t.csv", "id,n\n1.50,1\n.5,2\n-0,3\n", "0.5", (3, [])),
        ("t.csv", "id,n\n2024-01-02T03:04:05+01:00,1\n2024-01-02 02:04:05Z,2\n", "2024-01-02 02:04:05+00", (3, [2])),
        ("t.csv", "id,n\n2024-01-02 03:04,1\n2024-01-03,2\n", "2024-01-03 00:00:00", (3, [])),
        (
            "t.csv",
            "id,n\nA0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11,1\n",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            (2, []),
        ),
        ("t.csv", "id,n\n00501,1\n501,2\n'501,3\n", "501", (3, [])),
        ("t.csv", "id,name\n1,Zoë\n2,Jürgen\n".encode("cp1252") * 1 + "3,Søren\n".encode("cp1252"), "3", (4, [])),
        ("t.csv", "id,name\n1,Zoë\n2,李\n".encode("utf-16"), "2", (3, [])),
        ("t.csv", b"\xef\xbb\xbfid,name\n1,a\n2,b\n", "2", (3, [])),
        ("t.csv.gz", gzip.compress(b"id,name\n1,a\n\n2,b\n", mtime=0), "2", (4, [])),
        ("t.csv", bz2.compress("id,name\n1,Zoë\n2,ü\n".encode("cp1252")), "2", (3, [])),
        ("t.csv", "id,_line,_code,_reason\n4,9,bad_value,because\n5,10,bad_value,because\n", "5", (3, [])),
    ],
)
def test_the_line_is_the_one_that_a_person_would_count(door: Door, name: str, content: str, key: str, expected):
    if "1,x" in str(content):
        door.load("t.csv", "id,n\n900,1\n")
    run = door.load(name, content)
    assert run.status == "succeeded", run.reason
    assert lines(traced(run, id=key)) == expected


def test_a_long_file_is_read_as_a_short_one(door: Door):
    body = "".join(f'{n},"x\n{n}"\n' if n % 3 else f"{n}\n" for n in range(5_000))
    Dataset.objects.create(name="t", reject_share=1)
    run = door.load("t.csv", f"id,note\n{body}7,again\n")
    assert (run.status, run.rejected) == ("succeeded", 1_667), run.reason
    last = 2 + sum(2 if n % 3 else 1 for n in range(4_999))
    assert lines(traced(run, id="4999")) == (last, [])
    assert lines(traced(run, id="7")) == (last + 2, [2 + 1 + 2 + 2 + 1 + 2 + 2 + 1])


def test_a_key_of_several_columns_and_one_of_emails(door: Door):
    Dataset.objects.create(name="prices", declared_key=["shop", "article"])
    run = door.load("prices.csv", "shop,article,price\na,1,1\nb,1,2\na,2,3\na,1,4\n")
    assert lines(traced(run, shop="a", article="1")) == (5, [2])
    run = door.load("letters.csv", "email,n\nA@x,1\na@x,2\n,3\na@x ,4\n")
    assert lines(traced(run, email="a@x")) == (3, [])


@dataclass(frozen=True)
class Record:
    """What a plain reader would note of a record."""

    line: int
    id: str
    email: str


def drawn_file(draw: random.Random, ids: list[str], emails: list[str]) -> tuple[str, list[Record]]:
    """A file with records of these ids and emails, and each good record with the line on which it starts."""
    text, line, records = "id,email,note\n", 2, []
    for n in range(draw.randint(3, 12)):
        kind = draw.random()
        if kind < 0.15:
            text, line = text + "\n", line + 1
        elif kind < 0.3:
            text, line = text + "too,many,cells,here\n", line + 1
        else:
            record = Record(line, draw.choice(["", *ids]), draw.choice(["", *emails]))
            note = "\n" * draw.randint(0, 2)
            text += f'{record.id},{record.email},"{n}{note}"\n'
            records.append(record)
            line += 1 + len(note)
    return text, records


def wrote(records: list[Record], row_id: str, emails_before: dict[str, str]) -> tuple[int, list[int]]:
    """By rules (a) and (b) of the contract: the last record that is the row, and those before it."""
    owners = {record.email: record.id for record in records if record.id and record.email}
    mine = []
    for record in records:
        own = record.id or owners.get(record.email) or emails_before.get(record.email, "")
        mine += [record.line] if own == row_id else []
    return mine[-1], mine[:-1]


@pytest.fixture
def drawn(door: Door) -> Iterator[random.Random]:
    yield random.Random(20)
    assert Run.objects.filter(status="succeeded").count() > 14


def test_rows_of_ids_and_emails_have_the_lines_that_a_plain_reader_finds(door: Door, drawn: random.Random):
    seen = 0
    for round_ in range(8):
        name = f"t{round_}"
        door.load(f"{name}.csv", "id,email,note\n1,a@x,\n2,b@x,\n3,,\n")
        dataset = Dataset.objects.get(name=name)
        Dataset.objects.update(reject_share=1)
        for _ in range(2):
            before = {email: str(id_) for id_, email in rows(f"select id, email from {name} where email is not null")}
            text, records = drawn_file(drawn, ["1", "2", "3", "4"], ["a@x", "b@x", "c@x", "d@x"])
            run = door.load(f"{name}.csv", text)
            if run.status == "held":  # many records repeat an id
                approve(run.pk)
                claim_and_execute(run.pk)
            dataset.refresh_from_db()
            for (row_id,) in rows(f"select id from {name} where run_id = {run.pk}"):
                found = traced(run, id=str(row_id))
                assert lines(found) == wrote(records, str(row_id), before), text
                seen += 1
    assert seen > 15


def test_the_page_of_a_row_tells_the_line_when_it_is_asked(client: Client, door: Door):
    door.load("people.csv", "id,name\n1,Ann\n")
    run = door.load("people.csv", "id,name\n2,Bob\n1,Anna\n1,Annie\n")
    staff(client, "view_dataset")
    address = f"/admin/ingest/dataset/{run.dataset_id}/browse/row/?key.id=1"
    page = client.get(address).content.decode()
    link = re.search(rf'href="([^"]*line={run.pk}#run-{run.pk})"', page)[1].replace("&amp;", "&")
    told = client.get(link).content.decode()
    assert "Line 4 of the file. A duplicate on line 3 was dropped in its favor." in told
    for odd in ("x", "", "0", "9" * 40, str(run.pk + 100)):
        assert client.get(f"{address}&line={odd}").status_code == 200
    objects.remove(run.source)
    assert "is no longer in the bucket, so its lines can" in client.get(link).content.decode()


def test_what_is_too_large_or_no_load_is_a_sentence(door: Door, monkeypatch: pytest.MonkeyPatch):
    run = door.load("people.csv.gz", gzip.compress(b"id,name\n" + b"".join(b"%d,x\n" % n for n in range(2_000))))
    step = browsing.row_history(run.dataset, [("key.id", "7")]).steps[0]
    assert lines(trace(run, step.wanted)) == (9, [])
    monkeypatch.setattr(row_lineage, "MAX_BYTES", run.size + 1)
    with pytest.raises(RunFailed, match="too large to search here"):
        trace(run, step.wanted)
    monkeypatch.setattr(row_lineage, "MAX_BYTES", run.size - 1)
    with pytest.raises(RunFailed, match="too large to search here"):
        trace(run, step.wanted)
    undo = undo_run(run.pk)
    with pytest.raises(RunFailed, match="has loaded no file"):
        trace(undo, step.wanted)
