"""Two more states of a run: empty (no records) and discarded (an operator gave it up)."""

from django.db import migrations, models
from django.db.models import Q

_STATUSES = (
    ("queued", "Queued"),
    ("waiting", "Waiting"),
    ("running", "Running"),
    ("held", "Held"),
    ("succeeded", "Succeeded"),
    ("empty", "Empty"),
    ("failed", "Failed"),
    ("discarded", "Discarded"),
    ("superseded", "Superseded"),
)
# A held run keeps its brakes when it is discarded, and a retry clears both them and the reason.
_DISCARDED_HELD = Q(kind__in=["load", "undo"], status="failed", reason__startswith="Discarded by ") & ~Q(brakes={})
_DISCARDED_PREVIEW = Q(kind="preview", status="succeeded", decided__startswith="Discarded")
_EMPTY = Q(kind__in=["load", "preview"], status="succeeded", records=0)


def tell_apart(apps, schema_editor):
    """Give the runs there are the states that they would end in today."""
    runs = apps.get_model("ingest", "Run").objects
    runs.filter(_DISCARDED_HELD | _DISCARDED_PREVIEW).update(status="discarded")
    runs.filter(_EMPTY).update(status="empty")


def put_back(apps, schema_editor):
    """Give them the states that there were before."""
    runs = apps.get_model("ingest", "Run").objects
    runs.filter(Q(status="empty") | Q(status="discarded", kind="preview")).update(status="succeeded")
    runs.filter(status="discarded").update(status="failed")


class Migration(migrations.Migration):
    dependencies = [
        ("ingest", "0017_corrected_rejects"),
    ]

    operations = [
        migrations.AlterField(
            model_name="run",
            name="status",
            field=models.CharField(choices=_STATUSES, default="queued", max_length=10),
        ),
        migrations.RemoveConstraint(model_name="run", name="ingest_run_succeeded_with_outcome"),
        migrations.AddConstraint(
            model_name="run",
            constraint=models.CheckConstraint(
                condition=~Q(status__in=["succeeded", "empty"]) | Q(records__isnull=False, finished__isnull=False),
                name="ingest_run_succeeded_with_outcome",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                fields=["dataset", "received"],
                name="ingest_run_rejecting_day",
                condition=Q(status="succeeded", rejected__gt=0),
            ),
        ),
        migrations.RunPython(tell_apart, put_back),
    ]
