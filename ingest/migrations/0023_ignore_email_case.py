from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ingest", "0022_drafts_and_questions"),
    ]

    operations = [
        migrations.AddField(
            model_name="dataset",
            name="ignore_email_case",
            field=models.BooleanField(
                default=False,
                help_text="Match e-mails in the key regardless of upper and lower case (A–Z) and surrounding spaces.",
                verbose_name="ignore e-mail case",
            ),
        ),
    ]
