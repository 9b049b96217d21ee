"""The list of runs: what needs somebody stands there with its reason, is found, and is dealt with in one go."""

from django.contrib.admin.models import LogEntry
from playwright.sync_api import expect

from ingest import handlers
from ingest.models import Run
from ingest.runs.execute import claim_and_execute
from ingest.runs.receive import receive as receive_object
from tests.e2e.conftest import NARROW, Site
from tests.e2e.test_live import receive


def test_failed_runs_are_found_and_retried_together(site: Site) -> None:
    for name in ("north", "south"):
        site.load(f"{name}.csv", b"")
    site.load("good.csv", "id,name\n1,Ann\n")
    page = site.open("/admin/ingest/run/")
    expect(page.get_by_text("the file is empty").first).to_be_visible()
    page.get_by_label("Status").select_option("attention")
    page.wait_for_url("**status=attention*")
    expect(page.locator("table.runs tbody tr")).to_have_count(2)
    page.get_by_label("Select all runs on this page").check()
    page.get_by_label("Action").select_option("retry")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_text("2 runs queued for retry.")).to_be_visible()
    assert Run.objects.filter(status="waiting").count() == LogEntry.objects.count() == 2
    assert handlers.on_schedule() == {"carried": 2}
    page.get_by_role("link", name="Clear filters").click()
    expect(page.locator("table.runs tbody tr")).to_have_count(3)
    page.wait_for_load_state()  # the keys' script comes after the rows
    page.keyboard.press("/")
    page.keyboard.type("GOO")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=GOO*")
    expect(page.locator("table.runs tbody tr")).to_have_count(1)


def test_rows_that_go_on_show_their_counts_without_the_page_being_loaded_again(site: Site, source) -> None:
    waits, run = receive_object(source("data/others.csv")), receive(site, b"id,name\n1,Ann\n2,Bob\n")
    page = site.open("/admin/ingest/run/")
    row = page.locator(f'tr[data-run="{run.pk}"]')
    row.get_by_role("checkbox").check()
    page.evaluate("window.stayed = true")
    claim_and_execute(run.pk)
    expect(row.locator('[data-label="inserted"]')).to_have_text("2")
    expect(row.get_by_text("succeeded")).to_be_visible()
    expect(page.locator("#announce")).to_have_text("1 run: succeeded.")
    expect(row.get_by_role("checkbox")).to_be_checked()
    place = row.bounding_box()
    receive_object(source("data/newer.csv"))
    expect(page.get_by_role("link", name="1 newer run")).to_be_visible()
    expect(page.locator("#announce")).to_have_text("1 newer run: reload the page to see.")
    assert row.bounding_box() == place, "no row moves under the reader's mouse"
    assert page.evaluate("window.stayed")
    site.check(page)
    Run.objects.filter(pk=waits.pk).update(status="failed", reason="The disk is full.")
    expect(page.get_by_text("The disk is full.")).to_be_visible()
    expect(page.get_by_text("All runs on this page have finished.")).to_be_visible()
    page.get_by_role("link", name="1 newer run").click()
    expect(page.locator("table.runs tbody tr")).to_have_count(3)


def test_a_list_with_every_state_is_accessible_and_fits(site: Site, history: list[Run]) -> None:
    page = site.open("/admin/ingest/run/")
    site.check(page)
    page = site.open("/admin/ingest/run/", size=NARROW)
    expect(page.locator("table.runs tbody tr").first).to_be_visible()
