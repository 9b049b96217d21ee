import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now


def note_altered(apps, schema_editor):
    """Tables that were changed by hand before that was noted: their newest load is none, as after an undo."""
    apps.get_model("ingest", "Dataset").objects.filter(newest=None).update(altered=Now())


class Migration(migrations.Migration):
    dependencies = [
        ("ingest", "0015_size_over_time"),
    ]

    operations = [
        migrations.AddField(
            model_name="dataset",
            name="altered",
            field=models.DateTimeField(
                editable=False,
                help_text="When an operator last changed the table's key or the type of a column.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="run",
            name="repeated_by",
            field=models.ForeignKey(
                db_index=False,
                help_text="The run that took its place when an older version of its file arrived late.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="ingest.run",
            ),
        ),
        migrations.RunPython(note_altered, migrations.RunPython.noop),
    ]
