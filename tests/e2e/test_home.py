"""Home, as an operator opens it in the morning: what needs somebody, the last days, today, and where each leads."""

from datetime import timedelta

from django.utils import timezone

from ingest.models import Dataset, Message, Run, Trouble
from tests.app.pages import member
from tests.e2e.conftest import Site

LONG = "a_dataset_of_a_name_as_long_as_postgresql_lets_a_table_be_named"


def test_the_first_day_leads_to_the_first_file(site: Site) -> None:
    page = site.open(user=member("operator"))
    page.get_by_role("heading", name="Upload your first file").wait_for()
    site.check(page)


def test_the_morning_begins_with_what_needs_somebody(site: Site) -> None:
    broken = site.door.load("broken.csv", "")  # fails, however files are read
    site.door.load("people.csv", "id,name\n1,Ann\n2,Ben\n")
    Dataset.objects.create(name="asked_first", asks_approval=True)
    site.door.load("asked_first.csv", "id\n1\n")
    Dataset.objects.create(name=LONG, due=timezone.now() - timedelta(hours=3))
    past = site.door.load(f"{LONG}.csv", "id\n1\n")
    Run.objects.filter(pk=past.pk).update(received=timezone.now() - timedelta(days=4))
    Dataset.objects.filter(name=LONG).update(due=timezone.now() - timedelta(hours=3))
    told = {"channel": "email", "event": "opened", "recipients": [f"somebody.of.{LONG[:40]}@x.example"]}
    Message.objects.create(trouble=Trouble.objects.latest("pk"), error="The server is down.", attempts=3, **told)
    page = site.open(user=member("admin"))
    needs = page.get_by_role("region", name="Needs attention")
    assert (
        needs.get_by_role("link", name="broken.csv").get_attribute("href") == f"/admin/ingest/run/{broken.pk}/change/"
    )
    assert needs.get_by_text("late", exact=True).is_visible()
    site.check(page)
    needs.get_by_role("link", name="1 notification couldn’t be delivered").click()
    page.get_by_text("Not delivered: The server is down.").wait_for()
    site.check(page)
    page.go_back()
    page.get_by_role("region", name="Today").get_by_role("link", name="2", exact=True).first.click()
    page.wait_for_url("**/ingest/run/?day=*")
    page.go_back()
    page.get_by_role("group", name="broken, day by day").get_by_role("link").click()
    page.wait_for_url("**/ingest/run/?dataset=broken&day=*")
    page.get_by_text("broken.csv").first.wait_for()
