"""The page of a dataset: its policy, and what is changed by hand."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import psycopg2
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ingest.admin.datasets import chart
from ingest.datasets.alter import change_type, columns_of
from ingest.models import Dataset, Opening, Run
from ingest.runs.execute import claim_and_execute
from ingest.runs.receive import receive
from ingest.runs.undo import undo as undo_run
from tests.app.conftest import Door, rows, tell_statistics
from tests.app.pages import member, staff

POLICY = {
    "name": "people",
    "mode": "upsert",
    "policy": "evolve",
    "declared_key": "",
    "null_tokens": "",
    "patterns": "",
    "reject_share": "0.1",
    "reject_count": "10",
}


@pytest.mark.django_db
def test_a_dataset_can_be_made_before_its_first_file(client):
    staff(client, "add_dataset", "view_dataset")
    told = POLICY | {"declared_key": "first\r\nsecond\r\n", "null_tokens": "NA\r\n-", "patterns": "people-*.csv"}
    assert client.post("/admin/ingest/dataset/add/", told).status_code == 302
    dataset = Dataset.objects.get()
    assert (dataset.declared_key, dataset.null_tokens) == (["first", "second"], ["NA", "-"])
    assert (dataset.patterns, dataset.identities) == (["people-*.csv"], None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"name": "Not A Table"},
        {"name": "a\0b"},
        {"mode": "guess"},
        {"null_tokens": "a\0"},
        {"patterns": "x\n" * 201},
        {"patterns": "x" * 201},
        {"reject_share": "1.5"},
        {"reject_share": "nan"},
        {"reject_count": "-1"},
        {"reject_count": "9" * 30},
    ],
)
def test_what_makes_no_sense_is_refused_on_the_form(client, change):
    staff(client, superuser=True)
    response = client.post("/admin/ingest/dataset/add/", POLICY | change)
    assert response.status_code == 200
    assert b"errorlist" in response.content
    assert Dataset.objects.count() == 0


@pytest.mark.django_db
def test_saving_a_policy_keeps_what_a_run_has_learnt_meanwhile(client, source):
    dataset = receive(source("data/people.csv")).dataset
    Dataset.objects.update(identities=[["id"]], headers={"id": "id"})
    staff(client, "change_dataset", "view_dataset")
    address = f"/admin/ingest/dataset/{dataset.pk}/change/"
    assert client.post(address, POLICY | {"policy": "strict", "name": "other"}).status_code == 302
    dataset.refresh_from_db()
    assert (dataset.policy, dataset.identities, dataset.headers) == ("strict", [["id"]], {"id": "id"})
    assert dataset.name == "people", "files lead to it by its name"


@pytest.mark.django_db
def test_what_is_settled_about_files_and_approval_is_saved(client, source):
    dataset = receive(source("data/people.csv")).dataset
    staff(client, "change_dataset", "view_dataset")
    told = {"encoding": "cp1252", "delimiter": "\t", "has_header": "false", "asks_approval": "on"}
    assert client.post(f"/admin/ingest/dataset/{dataset.pk}/change/", POLICY | told).status_code == 302
    dataset.refresh_from_db()
    assert (dataset.encoding, dataset.delimiter, dataset.has_header) == ("cp1252", "\t", False)
    assert dataset.asks_approval
    told = {"encoding": "", "delimiter": "", "has_header": "unknown"}
    client.post(f"/admin/ingest/dataset/{dataset.pk}/change/", POLICY | told)
    dataset.refresh_from_db()
    assert (dataset.encoding, dataset.delimiter, dataset.has_header, dataset.asks_approval) == (None, None, None, False)


@pytest.fixture
def people(door: Door, client) -> tuple[Dataset, str]:
    """A dataset with two rows, and its page, for somebody who may change it."""
    door.load("people.csv", "id,code,name\n1,a,Ann\n2,b,Ann\n")
    staff(client, "change_dataset", "view_dataset")
    dataset = Dataset.objects.get()
    return dataset, f"/admin/ingest/dataset/{dataset.pk}/change/"


def test_a_key_and_a_type_are_changed_on_the_form_where_the_rows_allow_it(client, people):
    dataset, address = people
    page = client.get(address).content.decode()
    assert "id (bigint)" in page
    assert page.count("no longer be undone") == 4
    change = {"declared_key": "code", "column": "id", "type": "text"}
    asked = client.post(address, POLICY | change)
    assert client.post(address, dict(asked.context["pairs"])).status_code == 302
    dataset.refresh_from_db()
    assert (dataset.declared_key, dataset.identities, dataset.newest) == (["code"], [["code"]], None)
    assert columns_of(dataset.pk)["id"] == "text"


def test_a_change_that_ends_undo_asks_first_and_names_the_runs(client, people, door: Door):
    dataset, address = people
    (run,) = Run.objects.filter(undoable=True)
    change = POLICY | {"declared_key": "code", "policy": "strict", "_continue": "Save"}
    page = client.post(address, change)
    for told in (
        "1 run can no longer be undone after this change",
        '<dt>Key</dt><dd class="cell">id → code</dd>',
        f'<a href="/admin/ingest/run/{run.pk}/change/">people.csv</a>',
        'class="button danger" aria-describedby="consequences">Save and end the undo of 1 run</button>',
    ):
        assert told in page.content.decode()
    dataset.refresh_from_db()
    assert (dataset.policy, dataset.identities, Run.objects.filter(undoable=True).count()) == ("evolve", [["id"]], 1)
    given = dict(page.context["pairs"])
    door.load("people.csv", "id,code,name\n3,c,Cy\n")
    page = client.post(address, given)
    assert "Runs have been added or undone since" in page.content.decode()
    assert "2 runs can no longer be undone" in page.content.decode()
    assert Run.objects.filter(undoable=True).count() == 2, "confirmed was another number"
    assert client.post(address, dict(page.context["pairs"])).headers["Location"] == address
    dataset.refresh_from_db()
    assert (dataset.policy, dataset.identities, Run.objects.filter(undoable=True).count()) == ("strict", [["code"]], 0)
    page = client.post(address, POLICY | {"declared_key": "id", "policy": "strict"})
    assert page.status_code == 302, "there is nothing left to lose"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"column": "id", "type": "text"}, None),
        ({"column": "code", "type": "text"}, None),
        ({"mode": "snapshot"}, None),
        ({"mode": "append"}, ("Mode", "upsert", "append")),
        ({"declared_key": "id"}, None),
    ],
)
def test_only_a_change_that_ends_undo_asks(client, people, change, told):
    page = client.post(people[1], POLICY | change)
    assert page.status_code == (200 if told else 302)
    assert told is None or page.context["changes"] == [told]
    assert Run.objects.filter(undoable=True).count() == 1


def test_a_narrower_type_asks_and_a_change_that_the_rows_refuse_does_not(client, door: Door):
    door.load("codes.csv", "id,code\n1,7\n2,8\n")
    dataset = Dataset.objects.get()
    change_type(dataset.pk, "code", "text")
    staff(client, "change_dataset", "view_dataset")
    address, change = f"/admin/ingest/dataset/{dataset.pk}/change/", POLICY | {"column": "code", "type": "bigint"}
    assert client.post(address, change).context["changes"] == [("Type of code", "text", "bigint")]
    rows("UPDATE codes SET code = 'x' WHERE id = 2 RETURNING id")
    page = client.post(address, change)
    assert "1 values are none" in page.content.decode()
    assert not page.context["adminform"].form.ends_undo


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"declared_key": "name"}, "rows repeat it, such as &#x27;Ann&#x27;"),
        ({"declared_key": "code", "column": "name", "type": "bigint"}, "2 values are none, such as &#x27;Ann&#x27;"),
        ({"column": "name"}, "Choose both a column and its new type"),
        ({"column": "absent", "type": "text"}, "Select a valid choice"),
    ],
)
def test_a_change_that_the_rows_do_not_allow_is_told_on_the_form_and_leaves_all_as_it_was(client, people, change, told):
    dataset, address = people
    response = client.post(address, POLICY | {"policy": "strict"} | change)
    assert response.status_code == 200
    assert told in response.content.decode()
    dataset.refresh_from_db()
    assert (dataset.policy, dataset.declared_key, dataset.identities) == ("evolve", [], [["id"]])
    assert dataset.newest is not None


def test_who_may_only_look_at_a_dataset_sees_no_form(client, people):
    staff(client, "view_dataset")
    page = client.get(people[1])
    assert page.status_code == 200
    assert b'name="column"' not in page.content


# -- what stands in the table -----------------------------------------------------------------------------------------


@pytest.fixture
def grown(door: Door, client) -> tuple[Dataset, str]:
    """A dataset whose second file brought a column, and its page, for an operator."""
    door.load("people.csv", "id,Full Name\n1,Ann\n2,Ben\n")
    door.load("people.csv", "id,Full Name,e-mail\n3,Cleo,c@x.org\n4,Dan,\n5,Eve,\n")
    tell_statistics()
    client.force_login(member("operator"))
    dataset = Dataset.objects.get()
    return dataset, f"/admin/ingest/dataset/{dataset.pk}/change/"


@pytest.fixture
def other_session() -> Iterator[Callable[[str], None]]:
    """Tell PostgreSQL something in a session of its own, which ends, and takes it back, with the test."""
    sessions = []

    def tell(statement: str) -> None:
        sessions.append(psycopg2.connect(**connection.get_connection_params() | {"cursor_factory": None}))
        sessions[-1].cursor().execute(statement)

    yield tell
    for session in sessions:
        session.close()


def test_a_page_tells_the_columns_their_headers_and_the_run_that_brought_them(client, grown):
    page = client.get(grown[1]).content.decode()
    first, second = Run.objects.order_by("pk").values_list("pk", flat=True)
    columns = page.partition('id="columns"')[2].partition("</table>")[0]
    rows = re.findall(
        r'class="cell mono">(\w+).*?<td>(\w+)</td>\s*<td class="cell">([^<]*)</td>.*?>run (\d+)<', columns, re.S
    )
    assert rows == [
        ("id", "bigint", "id", str(first)),
        ("full_name", "text", "Full Name", str(first)),
        ("e_mail", "text", "e-mail", str(second)),
    ]
    assert "Rows are matched on <strong>id</strong>" in page
    assert "Measured after each run" in page
    for name in ("Browse rows", "Upload file", "Preview file", "All runs", "Export CSV", "Make strict"):
        assert f">{name}<" in page, name
    export = client.post(f"/admin/ingest/dataset/{grown[0].pk}/browse/export/", {"format": "csv"})
    assert b"Cleo" in b"".join(export.streaming_content)
    assert "5 rows</strong>" in page.partition('class="chart-labels')[2]


def test_a_table_that_was_dropped_is_said_and_the_page_opens(client, grown):
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE datasets.people")
    page = client.get(grown[1])
    assert page.status_code == 200
    assert "it was dropped or renamed" in page.content.decode()
    assert client.get("/admin/ingest/dataset/").status_code == 200


def test_what_is_no_table_is_said_and_the_page_opens(client, grown):
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE datasets.people; CREATE VIEW datasets.people AS SELECT 1 AS id")
    page = client.get(grown[1])
    assert page.status_code == 200
    assert "datasets.people is a view, not a table" in page.content.decode()


def test_a_table_that_is_being_changed_keeps_no_page_waiting(client, grown, other_session):
    other_session("BEGIN; LOCK TABLE datasets.people IN ACCESS EXCLUSIVE MODE")
    page = client.get(grown[1])
    assert "A run is changing the table, so" in page.content.decode()
    assert client.get("/admin/ingest/dataset/").status_code == 200


def test_a_dataset_is_made_strict_by_one_push_that_is_logged(client, grown):
    dataset, address = grown
    strict = address.replace("change", "strict")
    assert f'action="{strict}"' in client.get(address).content.decode()
    assert client.get(strict).status_code == 405
    assert client.post(strict).status_code == 302
    dataset.refresh_from_db()
    assert dataset.policy == "strict"
    assert LogEntry.objects.get().change_message == "Made strict."
    assert f'action="{strict}"' not in client.get(address).content.decode()


def test_the_list_tells_rows_size_status_and_who_sees_it(client, door: Door):
    door.load("people.csv", "id\n" + "".join(f"{n}\n" for n in range(1_500)))
    door.load("broken.csv", "a,b\n" + "1\n" * 20)
    Dataset.objects.create(name="early", due=timezone.now())
    Dataset.objects.filter(name="early").update(due=timezone.now())
    Dataset.objects.get(name="people").open_to.set(Group.objects.filter(name__in=["viewer", "operator"]))
    tell_statistics()
    client.force_login(member("operator"))
    page = client.get("/admin/ingest/dataset/").content.decode()
    rows = {name: row for row in page.split("<tr>") for name in ("people", "broken", "early") if f">{name}</a>" in row}
    assert "1,500" in rows["people"]
    assert "KiB" in rows["people"]
    assert "status-succeeded" in rows["people"]
    assert "operator, viewer" in rows["people"]
    assert "status-failed" in rows["broken"]
    assert "status-late" in rows["early"]
    late = client.get("/admin/ingest/dataset/?late=yes").content.decode()
    assert ">early</a>" in late
    assert ">people</a>" not in late


def test_the_list_and_the_page_take_as_many_queries_whatever_there_is(client, door, django_assert_num_queries):
    door.load("d0.csv", "id\n1\n")
    client.force_login(member("operator"))
    address = f"/admin/ingest/dataset/{Dataset.objects.get().pk}/change/"
    client.get(address)
    with CaptureQueriesContext(connection) as few:
        client.get("/admin/ingest/dataset/")
        client.get(address)
    for n in range(1, 12):
        door.load(f"d{n}.csv", "id\n1\n")
        door.load("d0.csv", f"id,c{n}\n1,{n}\n")
    with django_assert_num_queries(len(few)):
        client.get("/admin/ingest/dataset/")
        client.get(address)


def test_rows_are_reckoned_back_from_what_stands_there_now():
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 4)]
    changes = [chart.Change(when=when, more=more) for when, more in ((times[2], 30), (times[1], -5), (times[0], 75))]
    told = chart.steps(100, changes)
    assert [(step.when, step.amount) for step in told] == [(times[0], 75), (times[1], 70), (times[2], 100)]
    line = chart.line(told)
    assert line.path == "M0.0 30.0H333.3V36.0H1000.0V0.0"
    assert (line.most, line.first.amount, line.last.amount) == (100, 75, 100)
    assert chart.line(told[:1]) is None


def test_what_a_run_has_left_is_believed_before_what_is_reckoned():
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    told = chart.steps(
        99,
        [
            chart.Change(when=times[2], more=1, rows=8),
            chart.Change(when=times[1], more=2),
            chart.Change(when=times[0], more=3, rows=5),
        ],
    )
    assert [step.amount for step in told] == [5, 7, 8]


def test_each_run_leaves_the_rows_and_bytes_of_its_table(client, door):
    def left(run: Run) -> tuple[int, int]:
        return Run.objects.values_list("table_rows", "table_bytes").get(pk=run.pk)

    def bytes_now() -> int:
        return rows("SELECT pg_total_relation_size('people')")[0][0]

    first = door.load("people.csv", "id,name\n1,Ann\n2,Bob\n")
    assert left(first) == (2, bytes_now())
    large = "".join(f"{number},{'x' * 500}\n" for number in range(3, 400))
    second = door.load("people.csv", f"id,name\n1,Anna\n{large}")
    assert left(second) == (399, bytes_now())
    assert left(second)[1] > left(first)[1]
    assert left(door.load("people.csv", f"id,name\n1,Anna\n{large}")) == (399, bytes_now()), "what changes nothing, too"
    undo = undo_run(second.pk)
    assert claim_and_execute(undo.pk) == "succeeded"
    assert left(undo)[0] == 2
    assert rows("SELECT count(*) FROM people") == [(2,)]
    Dataset.objects.update(mode="snapshot", declared_key=["id"])
    assert left(door.load("people.csv", "id,name\n2,Bob\n"))[0] == 1
    assert left(door.load("people.csv", "")) == (None, None)
    client.force_login(member("viewer"))
    page = client.get(f"/admin/ingest/dataset/{first.dataset_id}/change/").content.decode()
    for said in ("from 2 rows on", "max 399 rows", "<h3>Size with indexes</h3>", "Measured after each run."):
        assert said in page, said


def test_a_table_that_stood_before_is_reckoned_from_the_statistics(door):
    first = door.load("people.csv", "id,name\n1,Ann\n2,Bob\n")
    tell_statistics()
    Dataset.objects.update(table_rows=None)
    run = door.load("people.csv", "id,name\n3,Cy\n")
    assert (Run.objects.get(pk=first.pk).table_rows, Run.objects.get(pk=run.pk).table_rows) == (2, 3)


def test_what_others_did_to_a_table_never_makes_less_than_nothing_of_it():
    times = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2)]
    told = chart.steps(0, [chart.Change(when=times[1], more=10), chart.Change(when=times[0], more=20)])
    assert [step.amount for step in told] == [0, 0]
    assert chart.line(told).path == "M0.0 120.0H1000.0V120.0"


# -- names that others have too ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_taken_name_is_refused_in_the_same_words_whoever_may_see_its_dataset(client):
    """That a name is in use can't be hidden; whether its dataset is closed, and anything of it, can."""
    staff(client, "add_dataset", "view_dataset")
    Dataset.objects.create(name="wages")
    closed = Dataset.objects.create(name="bonus", patterns=["secret-*.csv"])
    Opening.objects.create(dataset=closed, group=Group.objects.create(name="directors"))
    told = []
    for name in ("wages", "bonus"):
        answer = client.post("/admin/ingest/dataset/add/", POLICY | {"name": name})
        told.append(answer.context["errors"])
        assert not any(word in answer.content for word in (b"secret-", b"directors"))
    assert told == [[["Dataset with this Name already exists."]]] * 2


def test_a_table_that_plain_sql_does_not_find_says_how_to_write_its_name(client, door: Door):
    """psql looks in pg_catalog, in the schema of the user's name and in public first."""
    staff(client, superuser=True)
    with connection.cursor() as cursor:
        cursor.execute("CREATE VIEW public.orders AS SELECT 1 AS one; CREATE TABLE datasets_before.people (id int)")
    kinds = {"orders": ("A view", "public"), "ingest_run": ("A table", "public"), "pg_class": ("A table", "pg_catalog")}
    for name, (kind, schema) in kinds.items():
        warning = f"{kind} named {name} exists in schema {schema} too: write datasets.{name}."
        found_by_name = f"SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = '{name}'::regclass"
        assert rows(found_by_name) == [(schema,)]
        run = door.load(f"{name}.csv", "id,word\n1,a\n")
        assert (run.status, run.notes) == ("succeeded", [warning])
        assert rows(f"SELECT id, word FROM datasets.{name}") == [(1, "a")]
        assert warning in client.get(f"/admin/ingest/dataset/{run.dataset_id}/change/").content.decode()
        assert warning not in door.load(f"{name}.csv", "id,word\n2,b\n").notes, "only where the table is created"
    run = door.load("people.csv", "id,word\n1,a\n")
    assert run.notes == [], "what comes later on the path, or isn't on it, hides nothing"
    assert "exists in schema" not in client.get(f"/admin/ingest/dataset/{run.dataset_id}/change/").content.decode()
