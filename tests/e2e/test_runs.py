"""The list of runs: what needs somebody stands there with its reason, is found, and is dealt with in one go."""

from django.contrib.admin.models import LogEntry
from playwright.sync_api import expect

from ingest import handlers
from ingest.models import Run
from tests.e2e.conftest import NARROW, Site


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
    expect(page.get_by_text("is tried again.")).to_have_count(2)
    assert Run.objects.filter(status="waiting").count() == LogEntry.objects.count() == 2
    assert handlers.on_schedule() == {"carried": 2}
    page.get_by_role("link", name="All runs", exact=True).click()
    expect(page.locator("table.runs tbody tr")).to_have_count(3)
    page.wait_for_load_state()  # the keys' script comes after the rows
    page.keyboard.press("/")
    page.keyboard.type("GOO")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=GOO*")
    expect(page.locator("table.runs tbody tr")).to_have_count(1)


def test_a_list_with_every_state_is_accessible_and_fits(site: Site, history: list[Run]) -> None:
    page = site.open("/admin/ingest/run/")
    site.check(page)
    page = site.open("/admin/ingest/run/", size=NARROW)
    expect(page.locator("table.runs tbody tr").first).to_be_visible()
