"""A preview: what a load would do, then the load with the very same numbers, or none."""

from playwright.sync_api import Page, expect

from ingest.models import Run
from tests.app.conftest import counts, rows
from tests.e2e.conftest import Site
from tests.local.processes import comes_true

PEOPLE = "id,name\n1,Ann\n2,Bob\n"
CHANGED = "id,name,age\n1,Anna,40\n3,Cy,\nx\n3,Cyd,41\n"


def test_what_was_previewed_is_loaded_with_the_same_numbers(site: Site) -> None:
    site.load("people.csv", PEOPLE)
    preview = site.load("_preview/people.csv", CHANGED)
    page = site.open(f"/admin/ingest/run/{preview.pk}/change/")
    expect(page.get_by_text("Nothing was loaded: this is a preview.")).to_be_visible()
    for said in ("Anna", "Cyd", "alter table", "Rows are matched on id"):
        expect(page.locator("#run")).to_contain_text(said, ignore_case=True)
    foreseen = _fates(page)
    site.check(page)
    page.get_by_role("button", name="Load", exact=True).click()
    expect(page.get_by_text("File queued for loading")).to_be_visible()
    expect(page.get_by_text("Loaded by admin")).to_be_visible()
    page.goto("/admin/ingest/run/?kind=load")
    first = page.locator("table.runs tbody tr").first
    expect(first).to_contain_text("succeeded")
    loads = Run.objects.filter(kind="load", status="succeeded")
    assert comes_true(lambda: loads.count() == 2), "the previewed file isn't loaded after two minutes"
    load = Run.objects.filter(kind="load").latest("pk")
    page.goto(f"/admin/ingest/run/{load.pk}/change/")
    assert _fates(page) == foreseen
    assert counts(load) == counts(preview)
    assert load.who == "admin0"
    assert rows("SELECT id, name, age FROM people ORDER BY id") == [(1, "Anna", 40), (2, "Bob", None), (3, "Cyd", 41)]


def test_a_preview_that_is_discarded_leaves_nothing_in_the_bucket(site: Site) -> None:
    preview = site.load("_preview/people.csv", PEOPLE)
    page = site.open(f"/admin/ingest/run/{preview.pk}/change/")
    page.get_by_role("button", name="Discard").click()
    expect(page.get_by_text(f"Preview of run {preview.pk} discarded.")).to_be_visible()
    expect(page.get_by_role("button", name="Load", exact=True)).to_have_count(0)
    listed = site.door.aws.client("s3").list_object_versions(Bucket=site.door.aws.bucket, Prefix="data/_preview/")
    assert not listed.get("Versions")
    page.get_by_role("link", name="Download file").click()
    expect(page.get_by_text("is no longer in the bucket")).to_be_visible()


def _fates(page: Page) -> list[str]:
    return page.locator(".record-counts").inner_text().split()
