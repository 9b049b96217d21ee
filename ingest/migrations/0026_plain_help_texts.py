"""Help texts and labels in plain English; nothing in the database changes."""

import uuid

import django.contrib.postgres.functions
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import ingest.validators


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("ingest", "0025_channel_names"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="message",
            options={"ordering": ["-id"], "verbose_name": "notification"},
        ),
        migrations.AlterField(
            model_name="dataset",
            name="asks_approval",
            field=models.BooleanField(
                default=False,
                help_text="Hold every run that would change the table until it is approved.",
                verbose_name="require approval",
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="declared_key",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="Columns on which rows are matched.",
                validators=[ingest.validators.texts_only],
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="delimiter",
            field=models.CharField(
                blank=True,
                choices=[(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar"), (" ", "space")],
                help_text="Separates cells. Detected if empty.",
                max_length=1,
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="due",
            field=models.DateTimeField(
                editable=False, help_text="When the dataset becomes late if no file arrives.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="encoding",
            field=models.CharField(
                blank=True,
                help_text="For example cp1252. Detected if empty.",
                max_length=40,
                null=True,
                validators=[ingest.validators.encoding_only],
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="escape",
            field=models.CharField(
                blank=True,
                choices=[('"', "double quote"), ("'", "single quote"), ("\\", "backslash")],
                help_text="Escapes a quote within quotes. Detected if empty.",
                max_length=1,
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="evidence",
            field=models.TextField(blank=True, editable=False, help_text="Why these keys were chosen."),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="expected_by",
            field=models.TimeField(
                blank=True, help_text="Time of day (UTC) by which a file is expected, such as 09:00.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="expected_every",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="How often a file is expected, in hours, days or weeks. The dataset is late if none arrives.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(1000),
                ],
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="expected_unit",
            field=models.CharField(
                blank=True,
                choices=[("hour", "hours"), ("day", "days"), ("week", "weeks")],
                default="day",
                help_text="Unit.",
                max_length=4,
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="exports",
            field=models.JSONField(
                default=list, editable=False, help_text="SHA-256 of the latest exports of a table without a key."
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="grace_minutes",
            field=models.PositiveSmallIntegerField(
                blank=True,
                default=0,
                help_text="Grace period before the dataset counts as late.",
                validators=[django.core.validators.MaxValueValidator(10080)],
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="has_header",
            field=models.BooleanField(
                blank=True,
                help_text="Whether the first record names the columns. Detected if unknown.",
                null=True,
                verbose_name="header row",
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="headers",
            field=models.JSONField(blank=True, default=dict, editable=False, help_text="Columns by file header."),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="identities",
            field=models.JSONField(
                blank=True,
                editable=False,
                help_text='Keys chosen by the first file, such as [["id"], ["email"]]; [] for none.',
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="ignore_email_case",
            field=models.BooleanField(
                default=False,
                help_text="Match e-mails in the key regardless of case (A–Z) and surrounding spaces.",
                verbose_name="ignore e-mail case",
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="last_loaded",
            field=models.DateTimeField(
                editable=False, help_text="When a file was last loaded, even if it changed nothing.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="mode",
            field=models.CharField(
                choices=[
                    ("upsert", "upsert: rows with the same key are updated"),
                    ("append", "append: every record is inserted as a new row"),
                    ("snapshot", "snapshot: the table mirrors the file"),
                ],
                default="upsert",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="name",
            field=models.CharField(
                help_text="Name of the table in the schema datasets.",
                max_length=63,
                unique=True,
                validators=[ingest.validators.table_name_only],
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="newest",
            field=models.ForeignKey(
                editable=False,
                help_text="The run whose load the table holds. Empty after an operator has changed the table.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="ingest.run",
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="notify_emails",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="Addresses to notify when a file fails, is held or is late. NOTIFY_EMAILS if empty.",
                validators=[ingest.validators.emails_only],
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="null_tokens",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="Cells loaded as NULL, such as NA.",
                validators=[ingest.validators.texts_only],
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="open_to",
            field=models.ManyToManyField(
                blank=True,
                help_text="Groups that can see the dataset and its runs. Everyone if empty.",
                related_name="datasets",
                through="ingest.Opening",
                to="auth.group",
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="patterns",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="File patterns to load into this dataset, such as customers-*.csv or eu/orders/*.csv.",
                validators=[ingest.validators.texts_only],
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="preamble",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="Number of lines to skip in each file, such as titles and comments. Detected if empty.",
                null=True,
                validators=[django.core.validators.MaxValueValidator(1000)],
                verbose_name="lines above the header",
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="quote",
            field=models.CharField(
                blank=True,
                choices=[
                    ('"', "double quote"),
                    ("'", "single quote"),
                    ("none", "none: quotes are ordinary characters"),
                ],
                help_text="Encloses cells. Detected if empty.",
                max_length=4,
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="reject_count",
            field=models.PositiveIntegerField(default=10, help_text="…and more than this number of records."),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="reject_share",
            field=models.FloatField(
                default=0.1,
                help_text="A run fails if more than this share of its records is rejected…",
                validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(1)],
            ),
        ),
        migrations.AlterField(
            model_name="dataset",
            name="table_rows",
            field=models.BigIntegerField(
                editable=False, help_text="Rows in the table after its last run. Empty until counted.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="loginlimit",
            name="key",
            field=models.CharField(
                help_text="Digest of the account or address that the limit applies to.",
                max_length=64,
                primary_key=True,
                serialize=False,
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="not_before",
            field=models.DateTimeField(
                default=django.utils.timezone.now,
                help_text="Time of the next attempt. Empty if delivery failed permanently.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="recipients",
            field=models.JSONField(default=list, help_text="E-mail addresses."),
        ),
        migrations.AlterField(
            model_name="progress",
            name="rows",
            field=models.BigIntegerField(
                help_text="Rows sent by COPY, as counted by PostgreSQL. Empty in other stages.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="progress",
            name="stage",
            field=models.CharField(default="queued", help_text="Stage of the run, then of the loader.", max_length=20),
        ),
        migrations.AlterField(
            model_name="progress",
            name="stages",
            field=models.JSONField(
                default=list, help_text="Stages so far: [stage, seconds]; the last one is in progress."
            ),
        ),
        migrations.AlterField(
            model_name="reconciliation",
            name="after",
            field=models.CharField(blank=True, help_text="The last key that was checked.", max_length=1024),
        ),
        migrations.AlterField(
            model_name="reconciliation",
            name="lease_until",
            field=models.DateTimeField(help_text="A worker holds it until then.", null=True),
        ),
        migrations.AlterField(
            model_name="reconciliation",
            name="received",
            field=models.BigIntegerField(default=0, help_text="Checked versions that became runs."),
        ),
        migrations.AlterField(
            model_name="reconciliation",
            name="seen",
            field=models.BigIntegerField(default=0, help_text="Versions checked."),
        ),
        migrations.AlterField(
            model_name="reject",
            name="raw",
            field=models.BinaryField(help_text="The whole record, byte for byte as in the file."),
        ),
        migrations.AlterField(
            model_name="run",
            name="answered",
            field=models.DateTimeField(help_text="When a failed or held run no longer needed attention.", null=True),
        ),
        migrations.AlterField(
            model_name="run",
            name="answered_by",
            field=models.CharField(
                blank=True, help_text="User who acknowledged the run, or the run that resolved it.", max_length=200
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="approved",
            field=models.JSONField(help_text="Safeguards that an operator has approved, with their counts.", null=True),
        ),
        migrations.AlterField(
            model_name="run",
            name="brakes",
            field=models.JSONField(default=dict, help_text="Safeguards that held the run: name -> count."),
        ),
        migrations.AlterField(
            model_name="run",
            name="corrects",
            field=models.ForeignKey(
                db_index=False,
                help_text="The run whose rejects the file corrects.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="corrections",
                to="ingest.run",
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="decided",
            field=models.CharField(
                blank=True, help_text="What was decided about a preview, and by whom.", max_length=200
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="deletion_withheld",
            field=models.BooleanField(default=False, help_text="Nothing was deleted, because a key couldn't be read."),
        ),
        migrations.AlterField(
            model_name="run",
            name="fingerprint",
            field=models.CharField(
                blank=True, help_text="Digest of policy, key, mode and loader version.", max_length=64
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="forced",
            field=models.BooleanField(
                default=False, help_text="Load the file even if the newest run has already loaded it."
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="partial",
            field=models.BooleanField(
                default=False, help_text="Reading stopped before the end of the file, so the counts are minimums."
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="pattern",
            field=models.TextField(
                blank=True, help_text="Pattern that matched the file to the dataset. Empty if its name did."
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="public_id",
            field=models.UUIDField(
                db_default=django.contrib.postgres.functions.RandomUUID(),
                default=uuid.uuid4,
                editable=False,
                help_text="Identifies the run in its reject file; can't be guessed.",
                unique=True,
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="question",
            field=models.JSONField(
                default=list, help_text="Possible readings of the file to choose from, the likeliest first."
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="reading",
            field=models.JSONField(help_text="The reading chosen for the file.", null=True),
        ),
        migrations.AlterField(
            model_name="run",
            name="reason",
            field=models.TextField(
                blank=True, help_text="One sentence for the operator: what happened, where, and what to do."
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="rejects_key",
            field=models.CharField(
                blank=True, help_text="Key of the full reject list in the bucket, if there are many.", max_length=1024
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="repeated_by",
            field=models.ForeignKey(
                db_index=False,
                help_text="The run that replaced it when an older version of the file arrived late.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="ingest.run",
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="sample",
            field=models.JSONField(
                default=dict, help_text="Rows that would have been changed, if the load was rolled back."
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="snapshot",
            field=models.BooleanField(default=False, help_text="Whether the table was made to mirror the file."),
        ),
        migrations.AlterField(
            model_name="run",
            name="stages",
            field=models.JSONField(default=list, help_text="Stages of the last attempt: [stage, seconds]."),
        ),
        migrations.AlterField(
            model_name="run",
            name="stayed",
            field=models.JSONField(default=list, help_text="Rows that an undo left unchanged: [key, reason]."),
        ),
        migrations.AlterField(
            model_name="run",
            name="table_bytes",
            field=models.BigIntegerField(
                help_text="Size of the table after the commit, with indexes and TOAST.", null=True
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="table_rows",
            field=models.BigIntegerField(help_text="Rows in the table after the commit.", null=True),
        ),
        migrations.AlterField(
            model_name="run",
            name="token",
            field=models.BigIntegerField(
                default=0, help_text="Incremented by every claim, so that an older holder stops."
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="traceback",
            field=models.TextField(blank=True, help_text="Traceback for developers."),
        ),
        migrations.AlterField(
            model_name="run",
            name="unclear",
            field=models.BooleanField(default=False, help_text="Held until someone chooses how the file is read."),
        ),
        migrations.AlterField(
            model_name="run",
            name="undoable",
            field=models.BooleanField(
                default=False, help_text="Whether the previous rows are kept, so that the run can be undone."
            ),
        ),
        migrations.AlterField(
            model_name="run",
            name="undone",
            field=models.BooleanField(default=False, help_text="Whether an undo has reverted the run."),
        ),
        migrations.AlterField(
            model_name="run",
            name="who",
            field=models.CharField(
                blank=True,
                help_text="User who uploaded the file or requested the run. Empty for files put in the bucket.",
                max_length=150,
            ),
        ),
        migrations.AlterField(
            model_name="trouble",
            name="code",
            field=models.CharField(
                blank=True, help_text="Digest of the cause, shared by all of its runs.", max_length=16
            ),
        ),
        migrations.AlterField(
            model_name="trouble",
            name="count",
            field=models.PositiveIntegerField(default=1, help_text="Number of runs."),
        ),
        migrations.AlterField(
            model_name="trouble",
            name="reason",
            field=models.TextField(help_text="Reason of the first run."),
        ),
        migrations.AlterField(
            model_name="trouble",
            name="run",
            field=models.ForeignKey(
                help_text="The newest run.",
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="ingest.run",
            ),
        ),
        migrations.AlterField(
            model_name="trouble",
            name="seen",
            field=models.DateTimeField(default=django.utils.timezone.now, help_text="When it last occurred."),
        ),
        migrations.AlterField(
            model_name="upload",
            name="fingerprint",
            field=models.CharField(blank=True, help_text="Digest that recognizes the same file.", max_length=128),
        ),
        migrations.AlterField(
            model_name="upload",
            name="modified",
            field=models.BigIntegerField(
                default=0, help_text="Modification time on the user's computer, in milliseconds since 1970."
            ),
        ),
        migrations.AlterField(
            model_name="upload",
            name="pins",
            field=models.JSONField(
                default=dict, help_text="File format set by the sender, for a dataset that has not loaded a file yet."
            ),
        ),
        migrations.AlterField(
            model_name="upload",
            name="upload_id",
            field=models.CharField(
                blank=True, help_text="S3's id of the upload. Empty for a copy within S3.", max_length=1024
            ),
        ),
        migrations.AlterField(
            model_name="upload",
            name="who",
            field=models.CharField(help_text="User who sent the file, or its last part.", max_length=150),
        ),
    ]
