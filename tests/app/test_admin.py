"""The pages: no address leads to an error page, history is read-only, strangers' bytes are harmless."""

import re
from collections import Counter, deque
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ingest.admin import shown
from ingest.models import Dataset, Opening, Reject, Run
from ingest.runs.receive import receive
from tests.app.pages import staff

LISTS = ("/admin/ingest/dataset/", "/admin/ingest/run/", "/admin/ingest/reject/")


def links(page: str, base: str) -> set[str]:
    """Where a page leads to among ours; of the combinations of two filters, none."""
    found = {urldefrag(urljoin(base, unescape(href))).url for href in re.findall(r'href="([^"]*)"', page)}
    return {link for link in found if link.startswith("/admin/ingest/") and "&" not in link}


def crawl(client: Client, most: int, *first: str) -> Iterator[tuple[str, HttpResponse, bytes]]:
    """Each page that can be clicked, with its address and body; of those alike but for numbers and values, some.

    It begins with ``first``, whose ids decide nothing then.
    """
    seen, waiting, kinds = set(), deque([*first, "/admin/"]), Counter()
    while waiting:
        address = waiting.popleft()
        kind = re.sub(r"\d+|=[^&]*", "N", address)
        if address in seen or kinds[kind] > most:
            continue
        seen.add(address)
        kinds[kind] += 1
        is_file = address.endswith("/file/")  # which leads to the bucket, where there are no pages
        response = client.get(address, follow=not is_file)
        assert response.status_code == (302 if is_file else 200), address
        body = b"".join(response) if response.streaming else response.content
        yield address, response, body
        if response.headers["Content-Type"].startswith("text/html"):
            waiting.extend(sorted(links(body.decode(), urlsplit(address).path) - seen))


@pytest.mark.django_db
def test_every_page_that_a_superuser_can_click_opens(client, history):
    staff(client, superuser=True)
    opened = {urlsplit(address).path for address, *_ in crawl(client, len(history))}
    assert {*LISTS, *(f"/admin/ingest/run/{run.pk}/change/" for run in history)} <= opened
    assert any(address.endswith("rejects.csv") for address in opened)


HOSTILE = "\"'></script></title></textarea><img src=x onerror=alert(1) data-injected>\u2028\u2029\u202e{{ x }}"


class Injected(HTMLParser):
    """The start tags of a page that could run a stranger's code."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        addresses = [(given.get(name) or "").strip().lower() for name in ("href", "src", "action", "formaction")]
        inline = tag == "script" and "src" not in given and given.get("type") != "application/json"
        handlers = [name for name in given if name.startswith("on") or name == "data-injected"]
        if inline or handlers or any(address.startswith(("javascript:", "data:")) for address in addresses):
            self.found.append(f"<{tag} {given}>")


def test_a_strangers_markup_stays_text_on_every_page_and_every_answer_has_its_headers(client, door, history):
    staff(client, superuser=True)
    quoted = HOSTILE.replace('"', '""')
    run = door.load(f"{HOSTILE.replace('/', '')}.csv", f'id,"{quoted}"\n1,"{quoted}"\n2,"{quoted}"\n3,"{quoted}",x\n')
    assert (run.status, run.records, run.rejected) == ("succeeded", 3, 1)
    Run.objects.filter(status="failed").update(reason=HOSTILE, notes=[HOSTILE], ddl=[HOSTILE], traceback=HOSTILE)
    Dataset.objects.update(patterns=[f"{HOSTILE}*"], null_tokens=[HOSTILE])
    Opening.objects.create(dataset=run.dataset, group=Group.objects.create(name=HOSTILE))
    shown_on = set()
    export = client.post(f"/admin/ingest/dataset/{run.dataset_id}/export/", {"format": "csv"})
    pages = [f"/admin/ingest/run/{run.pk}/change/"]
    pages += [f"/admin/ingest/dataset/{run.dataset_id}/{page}/" for page in ("change", "browse")]
    asked = [*crawl(client, 3, *pages), ("export", export, b"".join(export))]
    for address, response, body in asked:
        headers = response.headers
        policy = headers["Content-Security-Policy"]
        assert ("default-src 'self'" in policy, "frame-ancestors 'none'" in policy, "unsafe" in policy) == (1, 1, 0)
        assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff"), address
        kind = headers["Content-Type"].partition(";")[0]
        if kind == "text/html":
            assert Injected(body.decode()).found == [], address
            if b"data-injected" in body:
                shown_on.add(re.sub(r"\d+|\?.*", "", address))
        else:
            assert kind == "text/csv", address
            assert re.fullmatch(r'attachment; filename="[\w.-]+"', headers["Content-Disposition"]), address
    assert {
        "/admin/ingest/run//change/",
        "/admin/ingest/dataset//change/",
        "/admin/ingest/dataset//browse/",
    } <= shown_on
    assert {"/admin/ingest/run/", "/admin/ingest/reject/"} <= shown_on


ODD = [
    "?page=999999999",
    "?page=99999999999999999999999999",
    "?page=-1",
    "?page=x",
    "?p=0",
    "?o=x",
    "?o=99.-99.0",
    "?o=-",
    "?all=",
    "?e=1",
    "?q=%00",
    "?q=%F0%9F%92%A9%20%27%22%25_%5C",
    "?q=" + "x%20" * 500,
    "?status__exact=%00",
    "?status__exact=nothing",
    "?status=succeeded&status=failed",
    "?dataset=nobody",
    "?dataset=%00",
    "?dataset__id__exact=99999999999999999999999",
    "?dataset__name__startswith=x",
    "?dataset__created__year=99999999999",
    "?run=99999999999999999999999",
    "?run=x",
    "?run=%D9%A3",
    "?code=%00",
    "?id=99999999999999999999999",
    "?id__in=1,x,",
    "?id__gt=1e400",
    "?received__gte=2026-13-45",
    "?received__gte=99999-01-01",
    "?received__lt=0000",
    "?received__isnull=maybe",
    "?received__year=99999",
    "?nosuchfield=1",
    "?nosuch__field__exact=1",
    "?traceback__regex=(((",
    "?key__regex=(((",
    "?_popup=1",
    "?_to_field=nothing",
    "?_facets=True",
    "?_changelist_filters=%00%FF",
    "?%00=1",
    "?%FF=%FE",
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("query", ODD, ids=range(len(ODD)))
def test_no_odd_address_leads_to_an_error_page_or_a_traceback_in_the_log(client, source, query, caplog):
    run = receive(source())
    Reject.objects.create(run=run, line=2, code="bad_value", reason="r", raw=b"x")
    staff(client, superuser=True)
    for page in (*LISTS, f"/admin/ingest/run/{run.pk}/change/"):
        response = client.get(page + query, follow=True)
        assert response.status_code == 200, page
        assert b"Database error" not in response.content, page
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "number", ["0", "-1", "999999999", "9" * 30, "9" * 5_000, "x", "%00", "1%00", "١", "a/b", "_2F"]
)
def test_what_does_not_exist_is_said_and_the_overview_shown(client, number):
    staff(client, superuser=True)
    for page in LISTS:
        response = client.get(f"{page}{number}/change/", follow=True)
        assert response.status_code == 200
    assert client.get(f"/admin/ingest/run/{number}/rejects.csv", follow=True).status_code in (200, 404)
    assert client.get(f"/admin/ingest/run/{number}/history/", follow=True).status_code in (200, 404)


@pytest.mark.django_db
def test_staff_without_permissions_see_nothing_of_it(client, history):
    staff(client)
    assert b"don\xe2\x80\x99t have permission" in client.get("/admin/").content
    run = history[0]
    pages = [*LISTS, "/admin/ingest/dataset/add/", f"/admin/ingest/dataset/{run.dataset_id}/change/"]
    pages += [f"/admin/ingest/run/{run.pk}/{page}" for page in ("change/", "history/")]
    for page in pages:
        assert client.get(page).status_code == 403, page
        assert client.get(page + "?o=x&%00=1", follow=True).status_code == 403, page
    assert client.get(f"/admin/ingest/run/{run.pk}/rejects.csv").status_code in (302, 403)


@pytest.mark.django_db
def test_nobody_comes_in_without_logging_in(client, history):
    for page in (*LISTS, f"/admin/ingest/run/{history[0].pk}/rejects.csv"):
        assert client.get(page).headers["Location"].startswith("/admin/login/")


@pytest.mark.django_db
@pytest.mark.parametrize("model", ["run", "reject"])
def test_history_can_not_be_added_to_edited_or_deleted(client, history, model):
    staff(client, superuser=True)
    row = Run.objects.get(status="failed", dataset__isnull=False)
    pk = row.pk if model == "run" else row.rejects.get().pk
    for page in ("add/", f"{pk}/change/", f"{pk}/delete/"):
        assert client.post(f"/admin/ingest/{model}/{page}", {"post": "yes"}).status_code == 403, page
    erase = {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
    client.post(f"/admin/ingest/{model}/", erase)
    assert (Run if model == "run" else Reject).objects.filter(pk=pk).exists()
    assert b'name="_save"' not in client.get(f"/admin/ingest/{model}/{pk}/change/").content


@pytest.mark.django_db
def test_a_dataset_is_never_deleted_by_hand(client, history):
    staff(client, superuser=True)
    assert client.post(f"/admin/ingest/dataset/{history[0].dataset_id}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.django_db
def test_the_list_of_runs_shows_status_counts_and_the_reason_itself(client, source):
    run = receive(source("data/people.csv"))
    Run.objects.filter(pk=run.pk).update(
        status="failed", records=12_345, rejected=12_345, reason="The disk is full. Make room, then retry."
    )
    staff(client, "view_run")
    page = client.get("/admin/ingest/run/").content.decode()
    for text in ("people.csv", "failed", "12,345", "The disk is full. Make room, then retry."):
        assert text in page


@pytest.mark.django_db
def test_runs_are_found_by_file_status_and_dataset(client, source):
    staff(client, "view_run")
    for name in ("apples.csv", "pears.csv"):
        receive(source(f"data/{name}"))
    Run.objects.filter(key="data/pears.csv").update(status="failed")
    for query in ("?q=pear", "?status__exact=failed", "?dataset=pears"):
        page = client.get(f"/admin/ingest/run/{query}")
        assert [run.key for run in page.context["cl"].result_list] == ["data/pears.csv"], query


@pytest.mark.django_db
def test_a_list_is_called_by_what_stands_in_it(client, source):
    run = receive(source("data/pears.csv"))
    staff(client, superuser=True)
    for path, title in {
        "ingest/run/": "Runs",
        "ingest/dataset/": "Datasets",
        "ingest/message/": "Notifications",
        "ingest/reject/": "Rejects",
        f"ingest/reject/?run={run.pk}": f"Rejects of pears.csv, run {run.pk}",
        "ingest/reject/?run=0": "Rejects",
        "auth/user/": "Users",
        "admin/logentry/": "Audit log",
    }.items():
        page = client.get(f"/admin/{path}").content.decode()
        assert f"<h1>{title}</h1>" in page, path
        assert f"<title>{title} |" in page, path


@pytest.mark.django_db
def test_a_runs_page_shows_columns_with_their_proof_and_the_first_rejects(client, history):
    run = Run.objects.get(status="failed", dataset__isnull=False)
    columns = [{"header": "Zip", "name": "zip", "type": "text", "proof": "line 3 is '00601'", "values": 2, "nulls": 1}]
    Run.objects.filter(pk=run.pk).update(columns=columns, ddl=['CREATE TABLE "x"'], notes=["Rows are appended."])
    for line in range(30):
        Reject.objects.create(run=run, line=line, code="bad_value", reason=f"Reason {line}.", raw=b"a,b\x00")
    staff(client, "view_run")
    page = client.get(f"/admin/ingest/run/{run.pk}/change/").content.decode()
    for text in (
        "line 3 is &#x27;00601&#x27;",
        "CREATE TABLE &quot;x&quot;",
        "Rows are appended.",
        "Reason 0.",
        "a,b␀",
    ):
        assert text in page
    assert "Reason 25." not in page


@pytest.mark.django_db
def test_the_traceback_is_for_those_who_may_see_it(client, history):
    run = Run.objects.get(status="failed", dataset__isnull=False)
    Run.objects.filter(pk=run.pk).update(traceback="Traceback: deep inside")
    staff(client, "view_run")
    assert b"deep inside" not in client.get(f"/admin/ingest/run/{run.pk}/change/").content
    staff(client, "view_run", "view_traceback")
    assert b"deep inside" in client.get(f"/admin/ingest/run/{run.pk}/change/").content


@pytest.mark.django_db
def test_rejects_are_downloaded_as_a_file(client, history):
    run = Run.objects.get(status="failed", dataset__isnull=False)
    staff(client, "view_run")
    response = client.get(f"/admin/ingest/run/{run.pk}/rejects.csv")
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"].startswith("attachment; ")
    assert b"_line,_code,_reason" in b"".join(response)


@pytest.mark.django_db
@pytest.mark.parametrize("address", LISTS)
def test_a_list_takes_a_fixed_number_of_queries(client, source, address):
    staff(client, superuser=True)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(address).status_code == 200
        return len(captured)

    def add(count: int) -> None:
        for _ in range(count):
            run = receive(source(f"data/t{Run.objects.count()}.csv"))
            Dataset.objects.filter(pk=run.dataset_id).update(newest=run)
            Reject.objects.create(run=run, line=2, code="bad_value", reason="r", raw=b"x")

    add(1)
    queries()  # content types are looked up once in a process
    few = queries()
    add(45)
    assert queries() == few <= 10


# -- how it is written ------------------------------------------------------------------------------------------------


def test_records_are_shown_in_one_harmless_line():
    assert shown.raw(b"a\tb\0\xff\r\n", 8) == "a⇥b␀\N{REPLACEMENT CHARACTER}␍⏎"
    assert shown.printable("a\u202eb\x1b[31m") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}[31m"
    assert shown.raw(b"x" * 300, 5_000) == "x" * 300 + "… (5,000 bytes)"
    assert shown.printable("x" * 5_000, 10) == "x" * 10 + "… (5,000 characters)"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 bytes"), (1023, "1,023 bytes"), (1024, "1.0 KiB"), (218_000_000, "207.9 MiB"), (5 << 40, "5.0 TiB")],
)
def test_sizes_are_written_in_binary_units(number, text):
    assert shown.size(number) == text


@pytest.mark.django_db
def test_what_is_not_allowed_or_not_there_is_said_on_a_page_with_a_way_back(client):
    staff(client)
    for address, status, said in (
        ("/admin/ingest/upload/", 403, "isn’t allowed to do this"),
        ("/nope", 404, "This page doesn’t exist"),
    ):
        answer = client.get(address)
        page = answer.content.decode()
        assert answer.status_code == status
        assert said in page
        assert 'href="/admin/"' in page


@pytest.mark.django_db
def test_a_request_that_the_site_refuses_as_a_whole_is_a_sentence_for_people_and_for_scripts(client, settings):
    staff(client, superuser=True)
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1 << 20
    many, much = "x=1&" * 2_600, "x=" + "y" * (2 << 20)
    form, code = "application/x-www-form-urlencoded", "application/json"
    for address in ("/admin/ingest/run/", "/admin/auth/user/add/", "/admin/ingest/upload/give-up/", "/admin/login/"):
        for body, said in ((many, "more than 2,500 fields"), (much, "more than 1.0 MiB")):
            answer = client.post(address, body, content_type=form)
            page = answer.content.decode()
            assert (answer.status_code, said in page, 'href="/admin/"' in page) == (400, True, True), address
            assert "<h1>Request refused</h1>" in page
    answer = client.post(f"/admin/ingest/run/?{many}", "{}", content_type=code)
    assert (answer.status_code, "2,500 fields" in answer.json()["error"]) == (400, True)
    answer = client.get("/admin/", headers={"host": "elsewhere.example"})
    assert (answer.status_code, "can&#x27;t read this request" in answer.content.decode()) == (400, True)


@pytest.mark.django_db
def test_a_form_whose_session_is_over_is_a_sentence():
    client = Client(enforce_csrf_checks=True)
    staff(client, superuser=True)
    answer = client.post("/admin/ingest/run/", {"action": "retry"})
    assert (answer.status_code, "Nothing was changed." in answer.content.decode()) == (403, True)
