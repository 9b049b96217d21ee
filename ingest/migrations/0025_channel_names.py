"""A notification channel is a module, not a choice of the field: its name may be longer, and no row changes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ingest", "0024_space_between_cells"),
    ]

    operations = [
        migrations.AlterField(
            model_name="message",
            name="channel",
            field=models.CharField(help_text="The name of a module in notifications/channels.", max_length=32),
        ),
    ]
