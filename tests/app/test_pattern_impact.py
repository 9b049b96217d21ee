"""Which files a dataset's patterns bring to it: told before they are saved, and on the runs that came by one."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.test import Client

from ingest.datasets.pattern_impact import check_pattern
from ingest.loader.outcome.errors import RunFailed
from ingest.models import Dataset
from ingest.runs.receive import receive
from tests.app.conftest import Door
from tests.app.pages import member, staff
from tests.app.test_admin_datasets import POLICY

ADDRESS = "/admin/ingest/dataset/{}/change/"


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("people\t-*.csv", "control character"),
        ("/people-*.csv", "remove its leading slash"),
        ("eu//people-*.csv", "a folder without a name"),
        ("eu/", r"eu/\* matches all"),
        ("eu/../people-*.csv", r"a bucket has no folder called \. or \.\."),
        ("_rejects/*.csv", "_rejects/ is reserved"),
        ("_exports/*", "_exports/ is reserved"),
        ("_preview/people-*.csv", "_preview/ is reserved"),
        ("people-[9-0].csv", "from low to high"),
        ("ü" * 508 + "*.csv", "longer than 1,024 bytes"),
    ],
)
def test_a_pattern_that_matches_no_file_is_refused_with_a_sentence(pattern: str, why: str):
    with pytest.raises(RunFailed, match=f"^The pattern .*{why}.*\\.$"):
        check_pattern(pattern)


@pytest.mark.parametrize(
    "pattern", ["*", "a", "*/*.csv", "[_]rejects/*", "eu/_exports/*", "..a*", "[", "ü" * 507 + "*.csv"]
)
def test_a_pattern_that_some_file_matches_is_none_of_those(pattern: str):
    check_pattern(pattern)


def error(page: str) -> str:
    """What stands at the patterns; empty where nothing does."""
    found = re.search(r'<ul class="errorlist" id="id_patterns_error">(.*?)</ul>', page, re.S)
    return found[1] if found else ""


def mark(page: str) -> str:
    """What the box says yes to, which is there and not ticked."""
    (box,) = re.findall(r'<input type="checkbox" name="draws"[^>]*>', page)
    assert "checked" not in box
    return re.search(r'value="(\w+)"', box)[1]


@pytest.mark.django_db
def test_patterns_that_draw_what_goes_elsewhere_are_saved_once_somebody_says_yes(client: Client, source):
    for name in ("orders", "people", *(f"t{n}" for n in range(5))):
        receive(source(f"data/{name}.csv"))
    receive(source("data/eu/orders.csv"))
    people = Dataset.objects.get(name="people")
    address = ADDRESS.format(people.pk)
    staff(client, "change_dataset", "view_dataset")
    page = client.get(address).content.decode()
    assert '<input type="hidden" name="draws" id="id_draws">' in page

    asked = client.post(address, POLICY | {"patterns": "*"}).content.decode()
    assert "files of datasets orders, t0, t1, t2, t3 and 1 more" in error(asked)
    assert "eu/orders.csv (now orders), t4.csv (now t4)" in error(asked)
    people.refresh_from_db()
    assert people.patterns == []

    other = client.post(address, POLICY | {"patterns": "*.csv", "draws": mark(asked)}).content.decode()
    assert error(other), "the yes was to other patterns"
    assert client.post(address, POLICY | {"patterns": "*.csv", "draws": mark(other)}).status_code == 302
    people.refresh_from_db()
    assert people.patterns == ["*.csv"]
    assert "Draw" not in LogEntry.objects.get().get_change_message()
    told = POLICY | {"patterns": "*.csv", "policy": "strict"}
    assert client.post(address, told).status_code == 302, "what stands isn't asked about again"


@pytest.mark.django_db
def test_patterns_that_draw_only_what_comes_here_or_nowhere_are_saved_at_once(client: Client, source):
    Dataset.objects.create(name="orders", patterns=["orders-2026-*.csv"])
    for key in ("people-1.csv", "orders-2026-01.csv", "eu/.csv"):
        receive(source(f"data/{key}"))
    staff(client, superuser=True)
    asked = client.post("/admin/ingest/dataset/add/", POLICY | {"patterns": "people-*\r\norders-*.csv\r\neu/*"})
    assert "people-1.csv (now people_1)" in error(asked.content.decode())
    assert "orders-2026" not in error(asked.content.decode()), "a longer pattern keeps them"
    told = POLICY | {"patterns": "orders-*.csv\r\neu/*"}
    assert client.post("/admin/ingest/dataset/add/", told).status_code == 302


@pytest.mark.django_db
def test_nobody_is_told_the_names_of_closed_datasets_and_closing_one_asks_anew(client: Client, source):
    for key in ("salaries.csv", "people.csv", "orders.csv"):
        receive(source(f"data/{key}"))
    hr = Group.objects.create(name="hr")
    Dataset.objects.get(name="salaries").open_to.add(hr)
    client.force_login(member("operator"))
    people = Dataset.objects.get(name="people")
    asked = client.post(ADDRESS.format(people.pk), POLICY | {"patterns": "s*\r\no*"}).content.decode()
    assert "orders" in error(asked)
    assert "salaries" not in asked

    Dataset.objects.filter(name="orders").update(patterns=["orders.csv"])
    staff(client, superuser=True)
    assert client.post(ADDRESS.format(people.pk), POLICY | {"patterns": "o*"}).status_code == 302
    closing = POLICY | {"patterns": "o*", "open_to": str(hr.pk)}
    asked = client.post(ADDRESS.format(people.pk), closing).content.decode()
    assert "orders.csv (now orders)" in error(asked), "a closed dataset's patterns come first"


def test_a_run_says_by_which_pattern_its_file_came(client: Client, door: Door):
    door.load("people.csv", "id,name\n1,Ann\n")
    Dataset.objects.filter(name="people").update(patterns=["eu/*"], policy="strict")
    bad = door.load("eu/orders.csv", "order,amount\n1,2\n")
    assert (bad.status, bad.dataset.name, bad.pattern) == ("failed", "people", "eu/*")
    assert bad.reason.endswith("It matched the pattern eu/* of people: if it belongs elsewhere, narrow the pattern.")
    staff(client, superuser=True)
    assert '<code class="cell">eu/*</code>' in client.get(f"/admin/ingest/run/{bad.pk}/change/").content.decode()
    broken = door.load("eu/broken.csv", b"PK\3\4")
    assert broken.status == "failed"
    assert "pattern" not in broken.reason, "its columns aren't to blame"
    by_name = door.load("people.csv", "id,age\n1,2\n")
    assert (by_name.status, by_name.pattern) == ("failed", "")
    assert "pattern" not in by_name.reason


@pytest.mark.django_db
def test_the_form_of_a_site_with_many_patterns_asks_a_fixed_number_of_questions(
    client: Client, source, django_assert_max_num_queries
):
    Dataset.objects.bulk_create(Dataset(name=f"d{n}", patterns=[f"d{n}-*.csv"]) for n in range(300))
    staff(client, superuser=True)
    with django_assert_max_num_queries(20):
        told = client.post("/admin/ingest/dataset/add/", POLICY | {"patterns": "*"}).content.decode()
    assert "d0, d1, d10, d100, d101 and 295 more" in error(told)
