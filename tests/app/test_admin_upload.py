"""The upload page's door: who may, what it is asked, and that no question breaks it."""

import json
from base64 import b64encode
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ingest.admin import asked
from ingest.aws import objects
from ingest.models import Dataset, Opening, Run, Upload
from ingest.runs.receive import receive
from ingest.uploads.multipart import start_uploads
from ingest.uploads.precheck import SelectedFile
from tests.app.conftest import NASTY, Door
from tests.app.pages import staff

ADDRESS = "/admin/ingest/upload/"
ASKED = ("judge", "start", "sign", "finish", "load", "discard")
FILE = {"path": "people.csv", "size": 20, "modified": 1, "fingerprint": "f", "head": b64encode(b"id\n1\n").decode()}


def ask(client: Client, verb: str, told: object) -> Any:
    body = told if isinstance(told, (str, bytes)) else json.dumps(told)
    return client.post(f"{ADDRESS}{verb}/", body, content_type="application/json")


def upload(key: str = "data/people.csv", **fields: Any) -> Upload:
    told = {"size": 20, "who": "ann", "started": timezone.now(), "upload_id": "u", "part_size": 20, "fingerprint": key}
    return Upload.objects.create(key=key, **{**told, **fields})


def test_only_who_may_add_runs_finds_the_page_and_its_answers(client: Client, db: None):
    addresses = [ADDRESS, f"{ADDRESS}follow/"]
    assert [client.get(address).status_code for address in addresses] == [302] * 2
    staff(client, "view_run", "view_dataset")
    assert [client.get(address).status_code for address in addresses] == [403] * 2
    assert [ask(client, verb, {}).status_code for verb in ASKED] == [403] * 6
    assert client.post(f"{ADDRESS}give-up/", {"upload": upload().pk}).status_code == 403
    assert Upload.objects.exists()
    assert "Upload" not in client.get("/admin/ingest/run/").content.decode().partition("</nav>")[0]
    staff(client, "add_run")
    assert [client.get(address).status_code for address in addresses] == [200] * 2
    assert client.get(f"{ADDRESS}judge/").status_code == 405


def test_a_question_without_the_pages_token_is_refused(db: None):
    client = Client(enforce_csrf_checks=True)
    staff(client, superuser=True)
    assert [ask(client, verb, {"files": []}).status_code for verb in ASKED] == [403] * 6


@pytest.mark.parametrize(
    "told",
    [
        "",
        "[]",
        "null",
        "{",
        "[" * 100_000,
        b"\xff\xfe",
        {"files": None},
        {"files": {}},
        {"files": [None]},
        {"files": [FILE] * 51},
        {"files": [{**FILE, "path": None}]},
        {"files": [{**FILE, "path": "x" * 5_000}]},
        {"files": [{**FILE, "size": "20"}]},
        {"files": [{**FILE, "size": 1e400}]},
        {"files": [{**FILE, "size": 1 << 64}]},
        {"files": [{**FILE, "modified": 1.5}]},
        {"files": [{**FILE, "modified": True}]},
        {"files": [{**FILE, "fingerprint": "\0"}]},
        {"files": [{**FILE, "fingerprint": "f" * 81}]},
        {"files": [{**FILE, "head": "%%%"}]},
        {"files": [{**FILE, "head": "é"}]},
        {"files": [{**FILE, "fingerprint": "\n"}]},
        {"files": [{**FILE, "fingerprint": "\u0663"}]},
        {"files": [{**FILE, "fingerprint": None}]},
        {"files": [{**FILE, "size": True}]},
        {"files": [{**FILE, "size": -5}]},
        {"files": [{**FILE, "size": "\u0663"}]},
        {"files": [{**FILE, "size": None}]},
        {"files": [{**FILE, "head": []}]},
        {"files": [FILE], "preview": "true"},
        {"files": [FILE], "preview": 1},
        {"files": [FILE], "preview": None},
        {},
        {"files": "people.csv"},
        {"files": [[FILE]]},
        {"files": [{**FILE, "pins": None}]},
        {"files": [{**FILE, "pins": {"preamble": True}}]},
        {"files": [{**FILE, "pins": {"has_header": 1}}]},
        {"files": [{**FILE, "pins": {"delimiter": True}}]},
        {"files": [{**FILE, "pins": {"encoding": 8}}]},
        {"files": [{**FILE, "pins": []}]},
        {"files": [{**FILE, "pins": {"quote": ["none"]}}]},
        {"files": [{**FILE, "pins": {"preamble": 1.5}}]},
    ],
    ids=lambda told: str(told)[:40],
)
def test_what_no_page_of_ours_asks_is_answered_with_a_sentence(client: Client, db: None, told: object):
    staff(client, superuser=True)
    for verb in ("judge", "start"):
        answer = ask(client, verb, told)
        assert (answer.status_code, answer.json()["error"]) == (400, said_of(told)), verb


def said_of(told: object) -> str:
    """What is wrong with it: too many files, too long a name, or else that it can't be understood."""
    files = told.get("files") if isinstance(told, dict) else None
    if isinstance(files, list) and len(files) > 50:
        return "At most 50 files can be sent at once. Reload the page."
    if isinstance(files, list) and isinstance(files[0], dict) and len(files[0]["path"] or "") > 4_096:
        return "The name of a file is too long."
    return asked.NOT_UNDERSTOOD


@pytest.mark.parametrize("preamble", ["\u0663", "1_0", " 3", "+3", "3\0", "\ud800", "1" * 5_000, 10**30, -1, "x"])
def test_lines_above_the_header_are_a_number_in_plain_digits(client: Client, db: None, preamble: object):
    staff(client, superuser=True)
    for verb, word in (("judge", "refused"), ("start", "error")):
        (told,) = ask(client, verb, {"files": [{**FILE, "pins": {"preamble": preamble}}]}).json()["files"]
        assert told[word].startswith("Lines above the header: "), told
    assert not Upload.objects.exists()


def test_too_large_a_question_is_told_as_that(client: Client, db: None, settings: Any):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    staff(client, superuser=True)
    answer = ask(client, "judge", {"files": [], "more": "x" * 200})
    assert (answer.status_code, answer.json()["error"]) == (400, asked.TOO_MUCH)


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("007", 7), ("9223372036854775807", 9223372036854775807), ("9223372036854775808", None), ("", None)]
    + [(text, None) for text in ("\u0663", "\u00b2", "1_0", " 7", "-7", "+7", "7.0", "1" * 5_000, "\0", "\ud800")],
)
def test_a_number_of_a_form_is_written_in_plain_digits(text: str, number: int | None):
    assert asked.whole(text) == number


@pytest.mark.parametrize("number", [None, "1", "\u0663", -1, 1 << 63, 1.5, True, {}, [1]])
def test_numbers_that_name_nothing_are_answered_with_a_sentence(client: Client, db: None, number: object):
    staff(client, superuser=True)
    answers = [ask(client, "sign", {"id": number, "parts": [1]}), ask(client, "sign", {"id": 1, "parts": [number]})]
    answers += [ask(client, "sign", {"id": 1, "parts": number})] if number != [1] else []
    answers += [ask(client, "finish", {"ids": [number]})]
    answers += [ask(client, "finish", {"ids": number})] if number != [1] else []
    answers += [ask(client, verb, {"run": number}) for verb in ("load", "discard")]
    assert {(answer.status_code, answer.json()["error"]) for answer in answers} == {(400, asked.NOT_UNDERSTOOD)}


def test_a_preview_is_loaded_once_somebody_says_so(client: Client, door: Door):
    preview = door.load("_preview/people.csv", "id\n1\n")
    who = staff(client, "add_run")
    assert "no such run" in ask(client, "load", {"run": 7}).json()["error"]
    told = ask(client, "load", {"run": preview.pk}).json()
    sent = Upload.objects.get(pk=told["id"])
    assert (sent.key, sent.who, sent.size) == ("data/people.csv", who.username, preview.size)
    run = receive(objects.describe(door.aws.bucket, sent.key))
    assert (run.who, client.get(f"{ADDRESS}follow/?ids={sent.pk}").json()["runs"][str(sent.pk)]["run"]) == (
        who.username,
        run.pk,
    )
    assert "only a preview" in ask(client, "discard", {"run": run.pk}).json()["error"]


def test_an_upload_that_is_not_there_says_so(client: Client, db: None):
    staff(client, superuser=True)
    assert "discarded in the meantime" in ask(client, "sign", {"id": 7, "parts": [1]}).json()["error"]
    assert "discarded in the meantime" in ask(client, "finish", {"ids": [7]}).json()["files"][0]["error"]
    for number in ("7", "", "x", "9" * 50, "1" * 5_000, "²", "\u0663", "\0"):
        answer = client.post(f"{ADDRESS}give-up/", {"upload": number}, follow=True)
        assert "choose the file again" in answer.content.decode()


@pytest.mark.parametrize("path", [NASTY, "\ud800.csv", "a\0b.csv", "../../a.csv", "_preview/a.csv", ""])
def test_a_hostile_name_is_refused_and_named_harmlessly(client: Client, db: None, path: str):
    staff(client, superuser=True)
    for verb, word in (("judge", "refused"), ("start", "error")):
        (told,) = ask(client, verb, {"files": [{**FILE, "path": path}]}).json()["files"]
        assert told[word].endswith("."), verb
        assert told[word].isprintable()
    assert not Upload.objects.exists()


def test_a_bucket_that_does_not_answer_is_a_sentence_and_may_be_asked_again(
    client: Client, db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    user = staff(client, superuser=True)
    (told,) = ask(client, "start", {"files": [FILE]}).json()["files"]
    assert told["again"] is True
    assert "S3 could not be reached" in told["error"]
    left = upload(who=user.username)
    assert (
        "S3 could not be reached"
        in client.post(f"{ADDRESS}give-up/", {"upload": left.pk}, follow=True).content.decode()
    )
    assert Upload.objects.filter(pk=left.pk).exists()


def test_unfinished_uploads_are_listed_harmlessly_and_given_up(client: Client, door: Door):
    who = staff(client, superuser=True)
    begun = start_uploads([SelectedFile(path="a<b>.csv", size=5, modified=1)], user=who, preview=False)[0]
    upload(f"data/{NASTY}.csv".replace("\0", ""))
    page = client.get(ADDRESS).content.decode()
    assert "a&lt;b&gt;.csv" in page
    assert "0 bytes of 5 bytes" in page
    assert "no longer in the bucket (20 bytes)" in page
    assert "<script>alert" not in page
    assert "\u202e" not in page
    answer = client.post(f"{ADDRESS}give-up/", {"upload": begun.upload.pk}, follow=True).content.decode()
    assert "was canceled" in answer
    assert not Upload.objects.filter(pk=begun.upload.pk).exists()
    assert "Upload canceled." in LogEntry.objects.get(user=who).get_change_message()


def test_the_page_takes_as_many_queries_whatever_is_unfinished(client: Client, door: Door):
    staff(client, superuser=True)
    taken = []
    for number in range(0, 20, 10):
        for each in range(number):
            upload(f"data/{each}.csv")
        client.get(ADDRESS)
        with CaptureQueriesContext(connection) as queries:
            client.get(ADDRESS)
        taken.append(len(queries))
    assert taken[0] == taken[1] <= 8


def test_uploads_are_followed_and_nothing_is_sent_while_nothing_changes(client: Client, door: Door):
    staff(client, superuser=True)
    source = door.put("people.csv", "id\n1\n")
    sent = upload(finished=timezone.now(), version_id=source.version_id, etag=source.etag)
    asked = f"{ADDRESS}follow/?ids={sent.pk},x,,{'9' * 40},{'1' * 5_000},\u0663,7"
    before = client.get(asked)
    assert before.json() == {"runs": {}}
    assert client.get(asked, headers={"If-None-Match": before["ETag"]}).status_code == 304
    run = door.deliver(source)
    after = client.get(asked, headers={"If-None-Match": before["ETag"]})
    told = after.json()["runs"][str(sent.pk)]
    assert (told["run"], told["status"], told["counts"]) == (run.pk, "succeeded", {"inserted": 1})

    hr = Group.objects.create(name="hr")
    Opening.objects.create(dataset=Dataset.objects.get(), group=hr)
    staff(client, "add_run")
    assert client.get(asked).json() == {"runs": {}}, "its dataset is closed to this one"
    assert Run.objects.count() == 1


def test_a_judgement_comes_with_addresses(client: Client, door: Door):
    door.load("people.csv", "id\n1\n")
    staff(client, superuser=True)
    files = [FILE, {**FILE, "path": "people-2024-01-05.csv"}]
    known, dated = ask(client, "judge", {"files": files}).json()["files"]
    assert known["address"] == f"/admin/ingest/dataset/{Dataset.objects.get(name='people').pk}/change/"
    assert dated["gather"] == "/admin/ingest/dataset/add/?name=people&patterns=people-%2A.csv"
    assert 'name="name" value="people"' in client.get(dated["gather"]).content.decode()
    staff(client, "add_run")
    assert "gather" not in ask(client, "judge", {"files": files}).json()["files"][1]
