"""The pages of runs: each decision where it belongs, the live JSON, and nothing that leads to an error page."""

import json

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ingest.admin.runs import charts, live
from ingest.admin.runs.records import Marked, cells, marked
from ingest.models import Dataset, Progress, Reject, Run
from ingest.runs.available_actions import available_actions
from ingest.runs.claim import claim
from ingest.runs.receive import receive
from tests.app.conftest import Door
from tests.app.pages import staff

DECISIONS = {
    "retry": "retry_run",
    "approve": "approve_run",
    "discard": "approve_run",
    "acknowledge": "acknowledge_run",
    "undo": "undo_run",
    "load_again": "retry_run",
    "load_previewed": "add_run",
    "discard_preview": "add_run",
}


def address(run: Run, way: str = "change/") -> str:
    return f"/admin/ingest/run/{run.pk}/{way}"


# -- deciding ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("name", DECISIONS)
def test_nothing_is_decided_without_its_permission_or_by_merely_looking(client, history, name):
    before = list(Run.objects.order_by("pk").values())
    others = {permission for permission in DECISIONS.values() if permission != DECISIONS[name]}
    staff(client, "view_run", *others)
    for run in history:
        assert client.post(address(run, f"decide/{name}/"), follow=True).status_code == 200
    staff(client, superuser=True)
    for run in history:
        client.get(address(run, f"decide/{name}/"))
    staff(client)
    assert client.post(address(history[0], f"decide/{name}/")).status_code in (302, 403)
    assert list(Run.objects.order_by("pk").values()) == before
    assert not LogEntry.objects.exists()


@pytest.mark.django_db
def test_a_decision_that_a_run_is_not_in_the_state_for_is_refused_in_a_sentence(client, history):
    staff(client, superuser=True)
    for run in Run.objects.all():
        for name in set(DECISIONS) - set(available_actions(run)):
            page = client.post(address(run, f"decide/{name}/"), follow=True)
            assert b'class="warning"' in page.content, (run.status, name)
    assert client.post(address(history[0], "decide/nonsense/"), follow=True).status_code == 200


@pytest.mark.django_db
def test_a_page_offers_what_can_be_decided_and_by_whom(client, history):
    run = Run.objects.get(status="failed", dataset__isnull=False)
    staff(client, "view_run")
    assert b"Retry" not in client.get(address(run)).content
    user = staff(client, "view_run", "retry_run")
    assert b"Retry" in client.get(address(run)).content
    client.post(address(run, "decide/retry/"))
    run.refresh_from_db()
    assert run.status == "waiting"
    assert LogEntry.objects.get().user == user


@pytest.mark.django_db
def test_a_failure_that_is_acknowledged_needs_no_more_attention(client, history):
    user = staff(client, "view_run", "acknowledge_run")
    waiting = Run.objects.unacknowledged()
    ask = {"action": "acknowledge", "_selected_action": [run.pk for run in waiting]}
    before = len(ask["_selected_action"])
    assert before == len(client.get("/admin/ingest/run/?status=attention").context["cl"].result_list) > 1
    client.post("/admin/ingest/run/", ask)
    assert not client.get("/admin/ingest/run/?status=attention").context["cl"].result_list
    assert LogEntry.objects.count() == before
    run = Run.objects.get(status="failed", dataset__isnull=False)
    assert f"Acknowledged by {user.username}" in client.get(address(run)).content.decode()


def test_who_asked_for_a_run_stands_on_it(client, door: Door):
    run = door.load("people.csv", "id,name\n1,Ann\n")
    user = staff(client, superuser=True)
    client.post(address(run, "decide/load_again/"))
    client.post(address(run, "decide/undo/"))
    assert set(Run.objects.exclude(pk=run.pk).values_list("kind", "who")) == {
        ("load", user.username),
        ("undo", user.username),
    }


# -- what may have gone -----------------------------------------------------------------------------------------------


def test_a_table_that_was_dropped_behind_our_back_is_a_sentence(client, door: Door):
    door.load("people.csv", "id,name\n1,Ann\n")
    run = door.load("people.csv", "id,name\n1,Anna\n")
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE datasets.people")
    staff(client, superuser=True)
    assert "The table people isn&#x27;t there any more." in client.get(address(run)).content.decode()
    assert b"is gone or has no column run_id" in client.get(address(run, "undo/")).content


def test_a_table_that_somebody_rewrote_is_a_sentence(client, door: Door):
    door.load("people.csv", "id,name\n1,Ann\n")
    run = door.load("people.csv", "id,name\n1,Anna\n")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE datasets.people RENAME id TO number")
    staff(client, superuser=True)
    for way in ("change/", "undo/"):
        assert b"can&#x27;t be read: its columns were changed outside" in client.get(address(run, way)).content


def test_a_file_that_is_gone_or_a_bucket_that_does_not_answer_is_a_sentence(client, door: Door, monkeypatch):
    run = door.load("people.csv", "id,name\n1,Ann\n")
    staff(client, "view_run")
    link = client.get(address(run, "file/")).headers["Location"]
    assert "response-content-disposition=attachment" in link
    assert f"versionId={run.version_id}" in link
    door.aws.client("s3").delete_object(Bucket=run.bucket, Key=run.key, VersionId=run.version_id)
    assert b"no longer in the bucket" in client.get(address(run, "file/"), follow=True).content
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    assert b"could not be reached" in client.get(address(run, "file/"), follow=True).content


def test_a_value_that_was_rejected_is_said_to_be_and_led_to_where_it_ruled_out_a_type(client, door: Door):
    door.load("people.csv", "id,age,born\n1,30,2001-01-01\n")
    rows = "".join(f"{number},{number},2001-01-01\n" for number in range(2, 30))
    run = door.load("people.csv", f"id,age,born\n{rows}30,old,2001-01-01\n31,31,?\n")
    assert (run.status, run.rejected) == ("succeeded", 2)
    staff(client, "view_run", "view_reject")
    page = client.get(address(run)).content.decode()
    for line, value, kind in ((30, "old", "bigint"), (31, "?", "date")):
        reject = run.rejects.get(line=line)
        told = f"line {line} is &#x27;{value}&#x27;, which is not a valid {kind}; "
        assert f'{told}<a href="/admin/ingest/reject/{reject.pk}/change/">its record was rejected</a>' in page
    first = Run.objects.get(dataset=run.dataset, rejected=0)
    assert "its record was rejected" not in client.get(address(first)).content.decode()


def test_a_column_that_is_text_for_the_sake_of_a_rejected_record_says_so(client, door: Door):
    run = door.load("people.csv", "id,name,age\n1,Ann,30\n2,Bob,31\n,Cy,old\n")
    assert run.rejected == 1
    staff(client, "view_run")
    assert "which is not a valid bigint; its record was rejected" in client.get(address(run)).content.decode()


# -- live -------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_live_answer_is_small_kept_nowhere_and_304_where_nothing_is_new(client, source):
    run = receive(source())
    claim(run.pk)
    staff(client, "view_run")
    first = client.get(address(run, "live/"))
    assert first.json()["stage"] == "Downloading from S3"
    assert "no-store" in first.headers["Cache-Control"]
    assert len(first.content) < 1_000
    again = client.get(address(run, "live/"), headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    Progress.objects.filter(pk=run.pk).update(bytes_done=5)
    assert client.get(address(run, "live/"), headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


@pytest.mark.django_db
def test_the_live_answer_tells_every_state(client, history):
    staff(client, "view_run")
    for run in Run.objects.all():
        told = client.get(address(run, "live/")).json()
        assert told["over"] == (run.status not in ("queued", "waiting", "running"))
        assert told["over"] or told["stage"]
    assert client.get("/admin/ingest/run/999999/live/").status_code == 404


GOING = [["fetch", 1.0], ["copy", 10.0]]
BEFORE = ([["fetch", 1.0], ["copy", 20.0], ["merge", 40.0]], 100)


@pytest.mark.parametrize(
    ("stages", "done", "total", "before", "said"),
    [
        (GOING, 50, 100, None, "about 10 seconds left in this stage"),
        (GOING, 50, 100, BEFORE, "about 50 seconds left"),
        (GOING, 90, 100, None, "a few seconds left in this stage"),
        (GOING, 1, 100, BEFORE, ""),
        (GOING, 0, 0, BEFORE, ""),
        (GOING, 150, 100, BEFORE, ""),
        ([["copy", 0.5]], 50, 100, BEFORE, ""),
        ([["copy", 80_000.0]], 4, 100, None, ""),
        ([], 50, 100, None, ""),
    ],
)
def test_the_time_left_is_told_where_it_can_be_known(stages, done, total, before, said):
    assert live.time_left(stages, done, total, 100, before) == said


# -- the list ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_list_is_narrowed_by_status_day_who_kind_and_dataset(client, source):
    staff(client, "view_run")
    made = [receive(source(f"data/{name}.csv")) for name in ("apples", "pears", "plums")]
    Run.objects.filter(pk=made[0].pk).update(status="held", who="ada", kind="undo")
    received = timezone.now() - timezone.timedelta(days=40)
    Run.objects.filter(pk=made[1].pk).update(received=received)
    day = received.date()
    for query, found in {
        "status=attention": [0],
        "status=active": [2, 1],
        "who=ada": [0],
        "who=-": [2, 1],
        "kind=undo": [0],
        "dataset=plums": [2],
        f"day={day}": [1],
        "q=LUM": [2],
        "q=s": [2, 1, 0],
        "q=%25": [],
        "status=attention&who=ada&q=apple": [0],
    }.items():
        page = client.get(f"/admin/ingest/run/?{query}")
        assert [run.pk for run in page.context["cl"].result_list] == [made[at].pk for at in found], query


@pytest.mark.django_db
def test_a_run_that_nobody_asked_for_is_the_buckets_wherever_it_stands(client, source):
    run = receive(source())
    staff(client, "view_run")
    page = client.get("/admin/ingest/run/?who=-").content.decode()
    assert '<td class="uploader">S3</td>' in page
    assert '<option value="-" selected>S3</option>' in page
    assert "<dt>Uploaded by</dt><dd>S3</dd>" in client.get(address(run)).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("run/?status=nonsense", "Unknown status “nonsense”: the filter was ignored."),
        ("run/?kind=nonsense", "Unknown kind “nonsense”"),
        ("run/?dataset=gone", "Unknown dataset “gone”"),
        ("run/?day=2026-02-30", "Unknown day “2026-02-30”"),
        ("run/?day=9999-12-31", "Unknown day “9999-12-31”"),
        ("run/?who=nobody", "Unknown user “nobody”"),
        ("run/?status=queued&colour=3", "Unknown filter “colour”: it was ignored."),
        ("dataset/?late=perhaps", "Unknown freshness “perhaps”"),
        ("dataset/?mode__exact=nonsense", "Unknown mode “nonsense”"),
        ("dataset/?policy__exact=nonsense&q=pears", "Unknown policy “nonsense”"),
        ("reject/?run=x", "Unknown run “x”"),
        ("reject/?run=987654321", "Unknown run “987654321”"),
        ("reject/?code=nonsense", "Unknown code “nonsense”"),
    ],
)
def test_a_list_says_which_filter_it_does_not_know_and_leaves_it_out(client, source, path, said):
    run = receive(source("data/pears.csv"))
    Reject.objects.create(run=run, line=2, code="bad_value", reason="R.", raw=b"a,b")
    staff(client, "view_run", "view_dataset", "view_reject")
    page = client.get(f"/admin/ingest/{path}", follow=True)
    assert page.content.decode().count(said) == 1
    assert len(page.context["cl"].result_list) == 1
    assert b'class="warning"' not in client.get("/admin/ingest/run/").content, "it is said once"


def followed(client, query: str = "") -> str:
    """Where the list asks what has become of it."""
    return client.get(f"/admin/ingest/run/{query}").context["live"]


@pytest.mark.django_db
def test_a_list_on_which_something_goes_on_is_told_what_became_of_it(client, source):
    made = [receive(source(f"data/{name}.csv")) for name in ("apples", "pears", "plums")]
    Run.objects.filter(pk=made[0].pk).update(status="superseded")
    staff(client, "view_run")
    ask = followed(client, "?status=active&p=1")
    first = client.get(ask)
    told = first.json()
    assert (sorted(told["rows"]), told["over"], told["is_newer"]) == ([str(run.pk) for run in made[1:]], False, False)
    assert client.get(ask, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    counts = {"records": 1_204, "inserted": 1_204}
    Run.objects.filter(pk=made[1].pk).update(status="succeeded", finished=timezone.now(), **counts)
    Run.objects.filter(pk=made[2].pk).update(status="failed", reason="The disk is full.")
    receive(source("data/cherries.csv"))
    Run.objects.filter(pk=receive(source("data/figs.csv")).pk).update(status="superseded")
    told = client.get(ask, headers={"If-None-Match": first.headers["ETag"]}).json()
    assert (told["over"], told["newer"], told["is_newer"]) == (True, "1 newer run", True), "by the list's own filters"
    assert '<td class="number" data-label="inserted">1,204</td>' in told["rows"][str(made[1].pk)]["html"]
    assert "The disk is full." in told["rows"][str(made[2].pk)]["html"]


@pytest.mark.django_db
def test_a_list_on_which_nothing_goes_on_asks_nothing(client, source):
    staff(client, "view_run")
    assert followed(client) == ""
    Run.objects.filter(pk=receive(source()).pk).update(status="succeeded", records=0, finished=timezone.now())
    assert followed(client) == ""


@pytest.mark.django_db
def test_what_a_list_asks_takes_a_fixed_number_of_queries_and_tells_nothing_of_closed_runs(client, source):
    from django.contrib.auth.models import Group

    staff(client, "view_run", "retry_run")
    made = [receive(source("data/f0.csv"))]

    def queries(ask: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(ask).status_code == 200
        return len(captured)

    client.get(followed(client))
    few = queries(followed(client))
    made += [receive(source(f"data/f{at}.csv")) for at in range(1, 40)]
    assert queries(followed(client)) == few <= 10
    ask = followed(client)
    made[0].dataset.open_to.add(Group.objects.create(name="payroll"))
    assert str(made[0].pk) not in client.get(ask).json()["rows"]
    for nonsense in ("?runs=x,%00,9&since=x", "?runs=" + "9" * 40, "?day=x", "?colour=3", "?dataset__id=x", "?q=f"):
        assert client.get(f"/admin/ingest/run/changes/{nonsense}").status_code in (200, 404), nonsense
    assert b"messagelist" not in client.get("/admin/ingest/run/").content, "what is asked leaves no word for a page"


@pytest.mark.django_db
def test_a_short_search_among_many_runs_says_how_far_it_looked(client, source, monkeypatch):
    monkeypatch.setattr("ingest.admin.runs.filters.NEWEST", 2)
    staff(client, "view_run")
    for name in ("a1", "b1", "c1", "d1"):
        receive(source(f"data/{name}.csv"))
    page = client.get("/admin/ingest/run/?q=1")
    assert [run.file_name for run in page.context["cl"].result_list] == ["d1.csv", "c1.csv"]
    assert b"only cover the newest 2 runs" in page.content


@pytest.mark.django_db
def test_a_long_list_is_counted_as_far_as_anybody_pages(client, source, monkeypatch):
    monkeypatch.setattr("ingest.admin.runs.filters.MOST", 60)
    monkeypatch.setattr("ingest.admin.runs.listing.MOST", 60)
    staff(client, "view_run")
    for at in range(70):
        receive(source(f"data/f{at}.csv"))
    page = client.get("/admin/ingest/run/?p=2").content.decode()
    assert "more than 60 runs, page 2 of 2" in page


@pytest.mark.django_db
def test_at_most_so_many_runs_are_acted_on_at_once(client, source, monkeypatch):
    monkeypatch.setattr("ingest.admin.runs.actions.MOST", 2)
    for at in range(3):
        Run.objects.filter(pk=receive(source(f"data/f{at}.csv")).pk).update(status="failed")
    staff(client, superuser=True)
    ask = {"action": "retry", "_selected_action": list(Run.objects.values_list("pk", flat=True))}
    page = client.post("/admin/ingest/run/", ask, follow=True).content.decode()
    assert Run.objects.filter(status="waiting").count() == 2
    assert "2 runs queued for retry. At most 2 runs are handled at once; the rest" in page


@pytest.mark.django_db
def test_a_runs_page_takes_a_fixed_number_of_queries(client, history):
    run = Run.objects.get(status="failed", dataset__isnull=False)
    staff(client, superuser=True)

    def queries(way: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address(run, way)).status_code == 200
        return len(captured)

    queries("change/")
    few = queries("change/")
    Run.objects.filter(pk=run.pk).update(rejected=300, records=300)
    for line in range(300):
        Reject.objects.create(run=run, line=line, column=f"c{line % 7}", code="bad_value", reason="R.", raw=b"a,b")
    assert queries("change/") == few <= 12
    assert queries("live/") <= 4


# -- what is drawn ----------------------------------------------------------------------------------------------------


def test_the_parts_of_a_bar_fill_it_and_the_smallest_is_seen():
    drawn = charts.bar([("inserted", 999_999), ("updated", 0), ("unchanged", 0), ("duplicate", 0), ("rejected", 1)])
    assert [(part.name, part.count) for part in drawn.parts] == [("inserted", 999_999), ("rejected", 1)]
    assert sum(part.width for part in drawn.parts) == charts.WIDTH
    assert drawn.parts[1].width == charts.LEAST
    assert drawn.parts[1].share == 1e-6
    assert drawn.widened
    assert not charts.bar([("inserted", 3), ("updated", 1)]).widened
    assert charts.bar([("inserted", 0)]) is None


def test_stages_stand_one_behind_the_other():
    parts = charts.timeline([("fetch", 1.0), ("copy", 3.0), ("merge", 0.0)])
    assert [(part.name, part.count, part.start, part.width) for part in parts] == [
        ("fetch", 1_000, 0, 250),
        ("copy", 3_000, 250, 750),
        ("merge", 0, 998, 2),
    ]
    assert charts.timeline([]) == []


COLUMNS = [{"name": "id"}, {"name": "name"}, {"name": "age"}]


@pytest.mark.parametrize(
    ("raw", "column", "code", "dialect", "shown"),
    [
        (b"1,Ann,x", "age", "bad_value", {}, Marked(before="1,Ann,", cell="x")),
        (b'1,"An,n",x', "name", "bad_value", {}, Marked(before="1,", cell='"An,n"', behind=",x")),
        (b'1,"A""n",x', "age", "bad_value", {}, Marked(before='1,"A""n",', cell="x")),
        (b"1;'A\\';n';x", "age", "bad_value", {"delimiter": ";", "quote": "'", "escape": "\\"},
         Marked(before="1;'A\\';n';", cell="x")),
        (b",Ann,3", "id", "null_key", {}, Marked(before="", cell=" ", behind=",Ann,3")),
        (b"1,Ann,3,4,5", "", "extra_columns", {}, Marked(before="1,Ann,3,", cell="4,5")),
        (b"1,Ann", "", "missing_columns", {}, Marked(before="1,Ann")),
        (b'1,"Ann', "", "bad_quote", {}, Marked(before='1,"Ann')),
        (b"1,\xff,3", "nothing", "bad_encoding", {}, Marked(before="1,\N{REPLACEMENT CHARACTER},3")),
    ],
)  # fmt: skip
def test_the_cell_that_is_to_blame_is_marked_in_its_record(raw, column, code, dialect, shown):
    assert marked(raw, len(raw), column=column, code=code, columns=COLUMNS, dialect=dialect) == shown


def test_a_long_record_is_shown_around_its_cell():
    raw = b"1," + b"x" * 900 + b",oops," + b"y" * 900
    found = marked(raw, len(raw), column="age", code="bad_value", columns=[*COLUMNS, {"name": "w"}], dialect={})
    assert found.cell == "oops"
    assert len(found.before) < 200 > len(found.behind)
    cut = marked(raw[:500], len(raw), column="age", code="bad_value", columns=COLUMNS, dialect={})
    assert not cut.cell
    assert "(1,808 bytes)" in cut.before


def test_cells_are_found_as_their_reader_finds_them():
    assert cells('a,"b,c",', {}) == [(0, 1), (2, 7), (8, 8)]
    assert cells("", {}) == [(0, 0)]
    assert json.dumps(cells("a\tb", {"delimiter": "\t"})) == "[[0, 1], [2, 3]]"


@pytest.mark.django_db
def test_somebody_whom_a_dataset_is_closed_to_meets_no_page_of_its_runs(client, history):
    from django.contrib.auth.models import Group

    run = Run.objects.get(status="held")
    run.dataset.open_to.add(Group.objects.create(name="payroll"))
    staff(client, *DECISIONS.values(), "view_run")
    for way in ("change/", "live/", "file/", "undo/", "rejects.csv"):
        page = client.get(address(run, way), follow=True)
        assert run.file_name.encode()[:4] not in page.content, way
    client.post(address(run, "decide/discard/"))
    assert Run.objects.get(pk=run.pk).status == "held"
    assert Dataset.objects.filter(pk=run.dataset_id).exists()
