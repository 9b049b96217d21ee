"""A space may be the delimiter of a dataset's files."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ingest", "0023_ignore_email_case"),
    ]

    operations = [
        migrations.AlterField(
            model_name="dataset",
            name="delimiter",
            field=models.CharField(
                blank=True,
                choices=[(",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "bar"), (" ", "space")],
                help_text="Between the cells; empty: found out.",
                max_length=1,
                null=True,
            ),
        ),
    ]
