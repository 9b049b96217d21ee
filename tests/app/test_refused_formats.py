"""What is no table never ends green: the upload page says so before a byte is sent, and the run says the same."""

import gzip

import pytest
from django.contrib.auth.models import User

from ingest.models import Run
from ingest.uploads.precheck import HEAD, SelectedFile, precheck
from tests.app.conftest import Door, rows

PERSON = "ben.okoye"
JSON = f'[\n  {{"id": 1, "email": "{PERSON}@example.com"}},\n  {{"id": 2, "email": null}}\n]\n'
LINES = f'{{"id":1,"email":"{PERSON}@example.com"}}\n{{"id":2}}\n'
PROSE = f"Dear {PERSON},\n\nthank you for your letter.\n"
REFUSED = {
    "people.json": (JSON.encode(), "The file is JSON"),
    "people.ndjson": (LINES.encode(), "The file is JSON"),
    "people.csv": (JSON.encode(), "The file is JSON"),
    "packed.json.gz": (gzip.compress(JSON.encode(), mtime=0), "The file is JSON"),
    "packed.csv": (gzip.compress(LINES.encode(), mtime=0), "The file is JSON"),
    "wide.json": (JSON.encode("utf-16"), "The file is JSON"),
    "marked.json": (b"\xef\xbb\xbf \r\n" + JSON.encode(), "The file is JSON"),
    "long.json": (("[" + ", ".join(LINES.splitlines() * 3_000) + "]").encode(), "The file is JSON"),
    "letter.txt": (PROSE.encode(), "The file is plain text"),
    "letter.txt.gz": (gzip.compress(PROSE.encode(), mtime=0), "The file is plain text"),
    "list.txt": (f"email\n{PERSON}@example.com\n".encode(), "The file is plain text"),
    "people.xml": (f"<people><person>{PERSON}</person></people>".encode(), "The file is a web page or XML"),
    "dump.csv": (f"INSERT INTO people VALUES ('{PERSON}');\n".encode(), "The file is SQL"),
}
TABLES = {
    "emails.csv": (b"email\na@b.c\nd@e.f\n", 2),
    "names.csv": (b"name\nAda\nBen Okoye\n", 2),
    "payloads.csv": (b'id,payload\n1,"{""a"":1}"\n2,"{""b"":2}"\n', 2),
    "export.txt": (b"id\tname\n1\tAda\n", 1),
    "stops.txt": (b"stop_id,stop_name\nS1,Oslo\n", 1),
    "misnamed.json": (b"id,name\n1,Ada\n", 1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_the_same_sentence_before_it_is_sent_and_by_its_run(door: Door, name: str) -> None:
    content, said = REFUSED[name]
    user = User.objects.create_superuser("ann")
    chosen = SelectedFile(path=name, size=len(content), modified=1, head=content[:HEAD])
    (judged,) = precheck([chosen], user=user, preview=False)
    run = door.load(name, content)
    assert run.status == "failed"
    assert judged.refused.startswith(said), judged
    assert run.reason == judged.refused
    assert rows("SELECT count(*) FROM pg_tables WHERE schemaname = 'datasets'") == [(0,)]
    kept = Run.objects.values("reason", "traceback", "columns", "notes", "dialect", "ddl").get(pk=run.pk)
    assert PERSON not in str(kept)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_loaded_whatever_it_looks_like(door: Door, name: str) -> None:
    content, records = TABLES[name]
    user = User.objects.create_superuser("ann")
    (judged,) = precheck(
        [SelectedFile(path=name, size=len(content), modified=1, head=content)], user=user, preview=False
    )
    run = door.load(name, content)
    assert (judged.refused, run.status, run.records, run.rejected) == ("", "succeeded", records, 0), run.reason
