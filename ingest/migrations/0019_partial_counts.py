from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ingest", "0018_run_statuses"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="partial",
            field=models.BooleanField(
                default=False,
                help_text="Reading stopped before the end of the file: the counts are the least numbers.",
            ),
        ),
    ]
