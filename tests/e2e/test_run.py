"""A run's page: its account, what it changed, its rejects; and what is decided there."""

import re

from playwright.sync_api import expect

from ingest import handlers
from ingest.models import Dataset, Run
from tests.app.conftest import rows
from tests.e2e.conftest import Site

PEOPLE = "id,name,town\n1,Ann,Oslo\n2,Bob,Rome\n3,Cy,Bern\n"
CHANGED = "id,name,town\n1,Anna,Oslo\n2,Bob,\n3,Cy,Bern\n4,Di,Lima\n4,Dia,Lima\nx,y\nseven,Eve,Nice\n"
CHANGED += "".join(f"{number},Somebody,Bath\n" for number in range(10, 23))


def test_it_shows_what_became_of_each_record_and_which_cells_changed(site: Site) -> None:
    site.load("people.csv", PEOPLE)
    run = site.load("people.csv", CHANGED)
    page = site.open(f"/admin/ingest/run/{run.pk}/change/")
    expect(page.get_by_role("heading", name="20 records: results")).to_be_visible()
    changed = page.get_by_role("group", name="Changed rows")
    expect(changed).to_contain_text("Anna")
    expect(changed).to_contain_text("NULL")
    expect(page.locator("mark")).to_have_text(["seven"])
    with page.expect_download() as download:
        page.get_by_role("link", name="Download file").click()
    assert download.value.suggested_filename == "people.csv"
    assert download.value.path().read_text() == CHANGED
    site.check(page)


def test_an_undo_says_what_it_will_do_before_it_does_it(site: Site) -> None:
    site.load("people.csv", PEOPLE)
    before = rows("SELECT * FROM people ORDER BY id")
    run = site.load("people.csv", "id,name,town\n1,Anna,Oslo\n2,Bo,Rome\n9,New,Paris\n")
    page = site.open(f"/admin/ingest/run/{run.pk}/change/")
    page.get_by_role("link", name="Undo…").click()
    for said in (
        "1 inserted row will be removed",
        "2 updated rows will get their previous values",
        "0 deleted rows will be restored",
    ):
        expect(page.get_by_text(said)).to_be_visible()
    site.check(page)
    page.get_by_role("button", name=f"Undo run {run.pk}").click()
    expect(page.get_by_text(f"queued to undo run {run.pk}.")).to_be_visible()
    handlers.on_schedule()
    assert rows("SELECT * FROM people ORDER BY id") == before
    page.get_by_role("link", name=f"run {Run.objects.get(kind='undo').pk}").last.click()
    expect(page.get_by_role("heading", name="Reverted changes")).to_be_visible()
    site.check(page)


def test_a_held_run_is_approved_with_its_brakes_in_words(site: Site) -> None:
    Dataset.objects.create(name="people", asks_approval=True)
    run = site.load("people.csv", PEOPLE)
    page = site.open(f"/admin/ingest/run/{run.pk}/change/")
    expect(page.get_by_text("held before its commit: the dataset asks for approval")).to_be_visible()
    expect(page.get_by_role("group", name="New rows")).to_contain_text("Ann")
    site.check(page)
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text(f"Run {run.pk} approved and queued for loading.")).to_be_visible()
    handlers.on_schedule()
    expect(page.get_by_role("heading", name="3 records: results")).to_be_visible()
    assert rows("SELECT count(*) FROM people") == [(3,)]


def test_a_run_that_deletes_rows_is_approved_only_after_its_numbers_were_shown(site: Site) -> None:
    Dataset.objects.create(name="people", mode="snapshot")
    site.load("people.csv", "id,name\n" + "".join(f"{number},Ann\n" for number in range(202)))
    run = site.load("people.csv", "id,name\n" + "".join(f"{number},Ann\n" for number in range(20)))
    page = site.open(f"/admin/ingest/run/{run.pk}/change/", java_script_enabled=False)
    page.get_by_role("link", name="Approve and delete 182 of 202 rows…").click()
    expect(page.get_by_role("heading", name=f"Approve run {run.pk}?")).to_be_visible()
    expect(page.get_by_text("182 of 202 rows (90%) will be deleted")).to_be_visible()
    page.get_by_role("link", name="Cancel").click()
    page.get_by_role("link", name="Approve and delete 182 of 202 rows…").click()
    push = page.get_by_role("button", name="Approve and delete 182 of 202 rows")
    expect(push).to_have_accessible_description(re.compile("To revert it, undo run"))
    push.click()
    expect(page.get_by_text(f"Run {run.pk} approved and queued for loading.")).to_be_visible()
    handlers.on_schedule()
    assert rows("SELECT count(*) FROM people") == [(20,)]


def test_the_confirmations_are_accessible_and_fit(site: Site) -> None:
    Dataset.objects.create(name="people", mode="snapshot")
    site.load("people.csv", "id,name\n" + "".join(f"{number},Ann\n" for number in range(202)))
    run = site.load("people.csv", "id,name\n" + "".join(f"{number},Ann\n" for number in range(20)))
    page = site.open(f"/admin/ingest/run/{run.pk}/approve/")
    site.check(page)
    for action in ("Undo selected runs…", "Approve selected held runs…"):
        page.goto("/admin/ingest/run/")
        page.get_by_role("checkbox", name="Select all runs on this page").check()
        page.get_by_label("Action").select_option(label=action)
        page.get_by_role("button", name="Go").click()
        expect(page.get_by_text("1 run in 1 dataset will be")).to_be_visible()
        expect(page.get_by_text("1 selected run can’t be")).to_be_visible()
        site.check(page)
    page.get_by_role("button", name="Approve 1 run and delete 182 rows").click()
    expect(page.get_by_text("1 run approved and queued for loading.")).to_be_visible()


def test_the_page_of_every_state_is_accessible_and_fits(site: Site, history: list[Run]) -> None:
    page = site.open("/admin/")
    for run in history:
        page.goto(f"/admin/ingest/run/{run.pk}/change/")
        if run.status in ("failed", "queued", "running"):
            site.check(page)
