"""A run whose reading stopped never looks exact: its counts are the least numbers wherever they are told."""

import io

from django.core.management import call_command
from django.urls import reverse

from ingest.models import Run
from ingest.rejects.csv_file import reject_file
from tests.app.conftest import Door
from tests.app.pages import staff

BAD = "id,name\n" + "".join(f"{number}\n" for number in range(1_000_000, 1_000_000 + (1 << 17)))


def test_a_run_that_was_given_up_tells_its_counts_as_the_least(client, door: Door):
    run = door.load("people.csv", BAD)
    assert (run.status, run.partial, run.records) == (Run.Status.FAILED, True, None)
    assert 10_000 < run.rejected < 1 << 17
    assert f"At least {run.rejected:,} of the first {run.rejected:,} records were rejected" in run.reason
    assert f"reading stopped at line {run.rejected + 2:,}" in run.reason
    staff(client, superuser=True)
    page = client.get(reverse("admin:ingest_run_change", args=[run.pk])).content.decode()
    assert f"At least {run.rejected:,} rejected records" in page
    assert f"at least {run.rejected:,}" in client.get(reverse("admin:ingest_run_changelist")).content.decode()
    out = io.StringIO()
    call_command("runs", stdout=out)
    assert f"at least {run.rejected:,}" in out.getvalue()
    header, first, *rest = "".join(reject_file(run)).splitlines()
    assert (header, first.split(",")[:3]) == ("id,name,_line,_code,_reason,_dataset,_run", ["1000000", "", "2"])
    assert len(rest) == run.rejected - 1
