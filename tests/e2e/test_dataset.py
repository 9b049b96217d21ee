"""A dataset, from the list to its page: what stands in its table, where it came from, and its policy."""

from datetime import time, timedelta

from django.contrib.auth.models import Group
from django.utils import timezone

from ingest.models import Dataset, Run
from tests.app.pages import member
from tests.e2e.conftest import NARROW, Site
from tests.e2e.test_home import LONG


def test_a_dataset_tells_what_it_is_and_is_made_strict(site: Site) -> None:
    first = site.door.load("people.csv", "id,Full Name\n1,Ann\n2,Ben\n3,Cleo\n")
    Run.objects.filter(pk=first.pk).update(finished=timezone.now() - timedelta(days=3))
    second = site.door.load("people.csv", "id,Full Name,email\n4,Dan,d@x.org\n5,Eve,e@x.org\n")
    site.door.load(f"{LONG}.csv", "id\n1\n")
    dataset = Dataset.objects.get(name="people")
    dataset.expected_every, dataset.expected_by = 1, time(9)
    dataset.save()
    dataset.open_to.add(Group.objects.create(name="sales"))
    page = site.open("/admin/ingest/dataset/", user=member("operator", "sales"))
    site.check(page)
    page.get_by_role("link", name="people").click()
    page.get_by_role("heading", name="Rows and size over time").wait_for()
    columns = page.get_by_role("region", name="Columns")
    assert columns.get_by_role("row", name="full_name").get_by_text("Full Name").is_visible()
    assert columns.get_by_role("row", name="email").get_by_role("link", name=f"run {second.pk}").is_visible()
    assert columns.get_by_role("row", name="full_name").get_by_role("link", name=f"run {first.pk}").is_visible()
    assert page.get_by_text("A file is expected every day by 09:00 (UTC).").is_visible()
    site.check(page)
    page.get_by_role("button", name="Make strict").click()
    page.get_by_text("people is now strict").wait_for()
    assert page.get_by_role("button", name="Make strict").count() == 0
    assert page.locator("#id_policy").input_value() == "strict"


def test_a_key_that_ends_undo_is_changed_after_the_runs_were_named(site: Site) -> None:
    site.load("people.csv", "id,code\n1,a\n2,b\n")
    dataset = Dataset.objects.get()
    page = site.open(f"/admin/ingest/dataset/{dataset.pk}/change/")
    page.get_by_label("Declared key").fill("code")
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_role("heading", name="1 run can no longer be undone after this change").wait_for()
    assert page.get_by_text("id → code").is_visible()
    site.check(page)
    page.get_by_role("link", name="Cancel").click()
    assert page.get_by_label("Declared key").input_value() == ""
    page.get_by_label("Declared key").fill("code")
    page.get_by_role("button", name="Save and continue editing").click()
    page.get_by_role("button", name="Save and end the undo of 1 run").click()
    page.get_by_text("was changed successfully").wait_for()
    assert page.get_by_label("Declared key").input_value() == "code"
    assert not Run.objects.filter(undoable=True).exists()


def test_the_list_of_datasets_fits_a_phone(site: Site) -> None:
    for name in (LONG, "people"):
        Dataset.objects.create(name=name)
    page = site.open("/admin/ingest/dataset/", size=NARROW)
    site.check(page)
