from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ingest", "0015_size_over_time"),
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
