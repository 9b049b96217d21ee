from django.apps.registry import Apps
from django.core.validators import MaxValueValidator
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def mark_questions(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Mark the runs that are held as a question."""
    held = apps.get_model("ingest", "Run").objects.filter(status="held")
    held.exclude(question=[]).update(unclear=True)


class Migration(migrations.Migration):
    dependencies = [
        ("ingest", "0021_login_limits"),
    ]

    operations = [
        migrations.AddField(
            model_name="dataset",
            name="is_draft",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="Created for a file, and neither loaded nor configured since.",
            ),
        ),
        migrations.AddField(
            model_name="run",
            name="unclear",
            field=models.BooleanField(
                default=False,
                help_text="Held as a question: somebody has to choose how its file is read.",
            ),
        ),
        migrations.AddField(
            model_name="upload",
            name="pins",
            field=models.JSONField(
                default=dict,
                help_text="How its file is read, as its sender set it for a dataset that has loaded nothing yet.",
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="preamble",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="Of each file, such as titles and comments; empty: found out.",
                null=True,
                validators=[MaxValueValidator(1000)],
                verbose_name="lines above the header",
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="has_header",
            field=models.BooleanField(
                blank=True,
                help_text="Whether the first record of a file names its columns; unknown: found out.",
                null=True,
                verbose_name="header",
            ),
        ),
        migrations.AlterField(
            model_name="trouble",
            name="kind",
            field=models.CharField(
                choices=[("failed", "Failed"), ("held", "Held"), ("question", "Question"), ("late", "Late")],
                max_length=8,
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("unclear", True)), fields=["dataset", "id"], name="ingest_run_question"
            ),
        ),
        migrations.RunPython(mark_questions, migrations.RunPython.noop),
    ]
