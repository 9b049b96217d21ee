"""A file that can be read in several ways: seen and settled before it is sent, or chosen on its run's page."""

from playwright.sync_api import expect

from ingest import handlers
from ingest.models import Dataset, Run
from tests.app.conftest import rows
from tests.e2e.conftest import Site
from tests.e2e.test_upload import ADDRESS, choose, row, status

STRAY = 'id,note\n1,a\n2,"starts\n3,b\n4,c\n5,ends 12"\n6,d\n'


def test_an_unclear_file_is_settled_before_it_is_sent_and_a_later_one_on_its_page(site: Site) -> None:
    page = site.open(ADDRESS)
    choose(page, ("people.csv", STRAY))
    status(page, "people.csv", "needs confirmation")
    expect(row(page, "people.csv")).to_contain_text("Its run will be held until someone chooses how it is read.")
    page.get_by_text("File format of new tables").click()
    page.locator("[data-pin=quote]").select_option("none")
    people = row(page, "people.csv")
    expect(people).to_contain_text("Read as: comma between cells, no quotes, header on line 1, UTF-8")
    expect(people.locator(".warning-text")).to_have_count(0)
    people.get_by_text("Read as:").click()
    expect(people.locator(".basis-pinned")).to_have_text("pinned")
    site.check(page)
    people.get_by_role("button", name="Upload").click()
    status(page, "people.csv", "succeeded")
    assert rows("SELECT count(*) FROM people") == [(6,)]
    assert Dataset.objects.get().quote == "none"

    Dataset.objects.update(quote=None, delimiter=None)
    choose(page, ("people.csv", STRAY.replace("starts", "begins")))
    row(page, "people.csv").last.get_by_role("button", name="Upload").click()
    expect(row(page, "people.csv").last.locator(".status")).to_have_text("held · question")
    with page.context.expect_page() as opened:
        row(page, "people.csv").last.get_by_role("link", name="Choose how this file is read").click()
    run = opened.value
    expect(run.get_by_role("heading", name="How should this file be read?")).to_be_in_viewport()
    site.check(run)
    run.get_by_role("button", name="Always use reading 2").click()
    expect(run.get_by_text("queued for loading with reading 2.")).to_be_visible()
    handlers.on_schedule()
    expect(run.locator(".run-head .status")).to_have_text("succeeded")
    run.get_by_text("Read as: comma between cells, no quotes").click()
    expect(run.locator(".basis-pinned").first).to_be_visible()
    site.check(run)
    assert rows("SELECT note FROM people WHERE id = 2") == [('"begins',)]
    assert Run.objects.count() == 2
