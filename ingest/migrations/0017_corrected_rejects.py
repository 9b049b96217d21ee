import uuid

import django.contrib.postgres.functions
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ingest", "0016_late_versions"),
    ]

    operations = [
        migrations.AddField(
            model_name="dataset",
            name="exports",
            field=models.JSONField(
                default=list, editable=False, help_text="SHA-256 of the last exports of a table without a key."
            ),
        ),
        # The database gives each row that is there an id of its own, in the one pass that adds the column.
        migrations.AddField(
            model_name="run",
            name="public_id",
            field=models.UUIDField(
                db_default=django.contrib.postgres.functions.RandomUUID(),
                default=uuid.uuid4,
                editable=False,
                help_text="By which its reject file names it: nobody can guess it.",
                unique=True,
            ),
        ),
        migrations.AddField(
            model_name="run",
            name="corrects",
            field=models.ForeignKey(
                db_index=False,
                help_text="The run whose rejects its file corrects.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="corrections",
                to="ingest.run",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("corrects__isnull", False)), fields=["corrects"], name="ingest_run_corrects"
            ),
        ),
    ]
