"""A space may be the delimiter of a dataset's files."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ingest", "0020_questions_of_reading"),
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
