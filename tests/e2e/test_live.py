"""A run that goes on while somebody looks: its page follows, and shows the result by itself."""

from django.db.models.functions import Now
from playwright.sync_api import expect

from ingest.loader.outcome.source_object import SourceObject
from ingest.models import Progress, Run
from ingest.runs.claim import claim
from ingest.runs.execute import execute
from ingest.runs.receive import receive as receive_object
from tests.e2e.conftest import Site


def receive(site: Site, content: bytes) -> Run:
    """A run of a file of which no event tells the worker."""
    answer = site.door.aws.client("s3").put_object(Bucket=site.door.aws.bucket, Key="aside/people.csv", Body=content)
    version = {"etag": answer["ETag"].strip('"'), "version_id": answer["VersionId"]}
    return receive_object(
        SourceObject(bucket=site.door.aws.bucket, key="aside/people.csv", size=len(content), sequencer="01", **version)
    )


def test_a_run_goes_from_stage_to_stage_and_ends_while_somebody_looks(site: Site) -> None:
    run = receive(site, b"id,name\n1,Ann\n2,Bob\n")
    page = site.open(f"/admin/ingest/run/{run.pk}/change/")
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    page.evaluate("window.stayed = true")
    claimed = claim(run.pk)
    Progress.objects.filter(pk=run.pk).update(
        stage="copy", bytes_done=300 << 20, bytes_total=400 << 20, rows=3_000_000,
        stages=[["fetch", 2.5], ["split", 4.0], ["copy", 30.0]],
    )  # fmt: skip
    expect(page.get_by_text("Copying rows")).to_be_visible()
    for said in ("300.0 MiB of 400.0 MiB", "3,000,000 rows, 100,000 rows/s", "about 10 seconds left in this stage"):
        expect(page.get_by_text(said)).to_be_visible()
    assert page.get_by_role("progressbar").evaluate("bar => bar.value / bar.max") == 0.75
    Progress.objects.filter(pk=run.pk).update(bytes_done=1)
    page.wait_for_timeout(1500)
    assert page.get_by_role("progressbar").evaluate("bar => bar.value / bar.max") == 0.75, "it never goes backwards"
    site.check(page)
    execute(claimed)
    expect(page.get_by_role("heading", name="2 records: results")).to_be_visible()
    expect(page.locator("#announce")).to_contain_text("Run succeeded.")
    assert page.evaluate("window.stayed"), "without loading the page again"


def test_nothing_is_asked_while_nobody_looks_and_trouble_is_said(site: Site) -> None:
    run = receive(site, b"id\n1\n")
    Run.objects.filter(pk=run.pk).update(status="running", started=Now(), attempts=1)
    page = site.open(f"/admin/ingest/run/{run.pk}/change/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        "Object.defineProperty(document, 'hidden', {value: true, configurable: true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    page.wait_for_timeout(1500)
    asked.clear()
    page.wait_for_timeout(2500)
    assert not asked
    page.route("**/live/", lambda route: route.abort())
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.get_by_text("The server isn't responding. Retrying…")).to_be_visible()
    page.unroute("**/live/")
    Run.objects.filter(pk=run.pk).update(status="failed", finished=Now(), reason="The disk is full.")
    expect(page.get_by_text("The disk is full.").last).to_be_visible()
    site.forgive("live/")
