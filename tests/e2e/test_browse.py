"""Browse, as a person goes it: from the dataset to its rows, one row and what became of it, and a file of them."""

import json
from pathlib import Path

import pytest
from django.db import connection

from ingest.browsing import searching
from ingest.models import Dataset, Run
from tests.e2e.conftest import Site
from tests.local.processes import comes_true

HEADER = "id,name,email,country,amount,joined,active,note\n"
NOTES = ("", '""', "=1+1", '"ünï, ""quoted"""', f'"{"a long note that goes on and on, " * 12}"', "😀")


def person(at: int) -> str:
    """A line of the file."""
    country, joined, active = ("DE", "FR", "IT")[at % 3], f"2024-0{at % 9 + 1}-11", str(at % 2 == 0).lower()
    return f"{at},Person {at},p{at}@example.com,{country},{at * 7}.{at % 100:02},{joined},{active},{NOTES[at % 6]}\n"


PEOPLE = HEADER + "".join(map(person, range(1, 241)))


def dropped(site: Site, name: str, content: str) -> Run:
    """Put a file and wait for its run: the worker takes it, as the event comes."""
    source = site.door.put(name, content)
    ended = Run.objects.filter(key=source.key, version_id=source.version_id, finished__isnull=False)
    assert comes_true(ended.exists), f"nobody loaded {name} within two minutes"
    run = ended.get()
    assert run.status == "succeeded", run.reason
    return run


def test_somebody_goes_from_a_dataset_to_its_rows_and_takes_some_home(site: Site) -> None:
    run = dropped(site, "people.csv", PEOPLE)
    page = site.open(f"/admin/ingest/dataset/{run.dataset_id}/change/")
    page.get_by_role("link", name="Browse rows").click()
    page.get_by_text("240 rows · 10 columns").wait_for()
    site.check(page)

    page.get_by_role("link", name="amount", exact=True).click()
    page.get_by_role("columnheader", name="amount ↑").wait_for()
    page.get_by_role("link", name="amount ↑").click()
    assert page.get_by_role("cell", name="1680.40").is_visible()

    page.get_by_role("navigation", name="Values").get_by_role("link", name="IT 80").click()
    page.get_by_text("80 rows found").wait_for()
    page.get_by_role("link", name="Filter name").click()
    page.get_by_label("Condition").select_option("starts with")
    page.get_by_role("textbox", name="Value").fill("Person 1")
    page.keyboard.press("Enter")
    page.get_by_text("36 rows found").wait_for()
    site.check(page)

    page.locator("summary", has_text="Export").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert download.value.suggested_filename == "people.csv", "so that it comes back"
    assert lines[0] == "id,name,email,country,amount,joined,active,note"
    assert all(',"IT",' in line and ',"Person 1' in line for line in lines[1:])
    assert sum('"=1+1' in line for line in lines) > 0

    page.get_by_label("Spreadsheet-safe CSV").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert lines[0] == "id,name,email,country,amount,joined,active,note,_export"
    assert sum("\"'=1+1" in line for line in lines) > 0

    page.get_by_role("link", name="Remove name starts with Person 1").click()
    page.get_by_role("link", name="Next").click()
    page.wait_for_url("**page=2")
    assert page.get_by_role("list", name="Filters").inner_text().startswith("country is IT")
    page.keyboard.press("/")
    page.keyboard.type("person 24")
    page.keyboard.press("Enter")
    page.get_by_text("Searched in name, email, country and note.").wait_for()


def test_a_row_tells_its_life(site: Site) -> None:
    dropped(site, "people.csv", PEOPLE)
    run = dropped(site, "people.csv", f"{HEADER}7,Seven,p7@example.com,ES,49.07,2024-08-11,false,=1+1\n")
    page = site.open(f"/admin/ingest/dataset/{run.dataset_id}/browse/?q=7")
    page.get_by_text("Found as a whole value of id or email, by index.").wait_for()
    page.get_by_role("link", name="7", exact=True).click()
    page.get_by_role("heading", name="History").wait_for()
    changed = page.get_by_role("listitem").filter(has_text=f"Run {run.pk}")
    assert changed.locator("tr", has_text="country").inner_text().split() == ["country", "FR", "ES"]
    page.get_by_text("inserted the row").wait_for()
    changed.get_by_role("link", name="Find line in file").click()
    changed.get_by_text("Line 2 of the file.").wait_for()
    site.check(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download row as JSON").click()
    (told,) = json.loads(Path(download.value.path()).read_text())
    assert (told["id"], told["name"], told["note"]) == (7, "Seven", "=1+1")
    page.get_by_role("link", name=f"Run {run.pk}", exact=True).click()
    page.wait_for_url(f"**/run/{run.pk}/change/")


def test_wide_odd_and_missing_tables_are_pages_too(site: Site) -> None:
    columns = ", ".join(f'"column number {at} 😀" text' for at in range(300))
    with connection.cursor() as cursor:
        cursor.execute(f"create table datasets.wide (id bigint primary key, {columns})")
        cursor.execute("insert into datasets.wide (id, \"column number 1 😀\") values (1, 'שלום\u202eabc')")
    wide, gone = Dataset.objects.create(name="wide"), Dataset.objects.create(name="gone_" + "x" * 58)
    page = site.open(f"/admin/ingest/dataset/{wide.pk}/browse/?is.absent=1")
    page.get_by_text("The table has no column “absent”").wait_for()
    page.locator("summary", has_text="Columns").click()
    page.get_by_label("column number 299 😀 text").check()
    page.get_by_role("button", name="Show columns").click()
    page.get_by_role("columnheader", name="column number 299 😀").wait_for()
    site.check(page)
    page.goto(f"/admin/ingest/dataset/{gone.pk}/browse/")
    page.get_by_text("There is no table gone_").wait_for()
    site.check(page)


def test_a_search_that_stopped_at_its_limit_goes_on_to_the_row(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "_CELLS_SEARCHED", 400)  # 100 rows of four texts
    run = dropped(site, "people.csv", PEOPLE)
    with connection.cursor() as cursor:
        cursor.execute("analyze datasets.people")
    page = site.open(f"/admin/ingest/dataset/{run.dataset_id}/browse/?q=p233@")
    page.get_by_text("Searched the first 100 of about 240 rows; nothing found so far.").wait_for()
    site.check(page)
    page.get_by_role("link", name="Search all rows").click()
    page.get_by_text("1 row found in the rows after the first 200").wait_for()
    assert page.get_by_role("cell", name="p233@example.com").is_visible()
    page.get_by_text("Nothing was found in rows 101 to 200.").wait_for()
    site.check(page)


def test_all_of_1590_columns_are_chosen_at_once(site: Site) -> None:
    names = ", ".join(f"column_{at} text" for at in range(1, 1_591))
    with connection.cursor() as cursor:
        cursor.execute(f"create table datasets.wide ({names})")
        cursor.execute("insert into datasets.wide (column_200) values ('the last one')")
    dataset = Dataset.objects.create(name="wide")
    page = site.open(f"/admin/ingest/dataset/{dataset.pk}/browse/")
    page.locator("summary", has_text="Columns").click()
    page.evaluate("document.querySelectorAll('input[name=column]').forEach((box) => { box.checked = true; })")
    page.get_by_role("button", name="Show columns").click()
    page.wait_for_url("**/browse/?columns=1-200")
    page.get_by_text("At most 200 columns are shown at a time: the first 200 of 1,590.").wait_for()
    assert page.get_by_role("cell", name="the last one").is_visible()
