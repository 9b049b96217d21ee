"""Who may do what, as they meet it: an admin gives access, a viewer looks, and what is closed isn't there."""

from django.contrib.auth.models import Group, User

from ingest.models import Dataset
from tests.app.pages import member
from tests.e2e.conftest import Site

PASSWORD = "seven friendly otters"


def test_an_admin_adds_an_operator_who_logs_in(site: Site) -> None:
    page = site.open("/admin/auth/user/add/", user=member("admin"))
    site.check(page)
    page.get_by_label("Username").fill("olu")
    page.locator("#id_password1").fill(PASSWORD)
    page.locator("#id_password2").fill(PASSWORD)
    page.get_by_label("operator").check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("was added successfully").wait_for()
    assert User.objects.get(username="olu").is_staff
    page.get_by_role("button", name="Log out").click()
    page.goto("/admin/")
    page.get_by_label("Username").fill("olu")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("navigation", name="Main").get_by_text("Runs").wait_for()
    assert page.get_by_role("navigation", name="Main").get_by_text("Accounts").count() == 0


def test_an_admin_closes_a_dataset_and_for_a_viewer_it_is_gone(site: Site) -> None:
    site.door.load("salaries.csv", "id,pay\n1,100\n")
    site.door.load("people.csv", "id,name\n1,Ann\n")
    Group.objects.create(name="hr")
    dataset = Dataset.objects.get(name="salaries")
    viewer = site.open("/admin/ingest/dataset/", user=member("viewer"))
    assert viewer.get_by_role("link", name="salaries").is_visible()
    page = site.open(f"/admin/ingest/dataset/{dataset.pk}/change/", user=member("admin"))
    page.get_by_label("hr").check()
    page.get_by_role("button", name="Save and continue").click()
    page.get_by_text("was changed successfully").wait_for()
    for address in ("/admin/", "/admin/ingest/dataset/", "/admin/ingest/run/"):
        viewer.goto(address)
        viewer.get_by_text("people").first.wait_for()
        assert viewer.get_by_text("salaries").count() == 0, address
    viewer.goto(f"/admin/ingest/dataset/{dataset.pk}/change/")
    viewer.get_by_text("doesn’t exist").wait_for()
    colleague = site.open(f"/admin/ingest/dataset/{dataset.pk}/change/", user=member("viewer", "hr"))
    colleague.get_by_role("heading", name="salaries").wait_for()
    assert colleague.get_by_role("button", name="Save").count() == 0
    site.check(colleague)


def test_an_admin_reads_who_did_what(site: Site) -> None:
    site.door.load("people.csv", "id,name\n1,Ann\n")
    page = site.open("/admin/ingest/run/", user=member("admin"))
    page.goto("/admin/auth/group/add/")
    page.get_by_label("Name").fill("hr")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto("/admin/")
    page.get_by_role("region", name="Audit log").get_by_role("link", name="hr").wait_for()
    page.get_by_role("link", name="View audit log").click()
    page.get_by_text("Added.").wait_for()
    site.check(page)
