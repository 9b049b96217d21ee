"""django-import-export: a model, its resource as the admin would use it, rows matched by id and saved one by one."""

import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import django
import tablib
from django.conf import settings


def _configure(url: str) -> None:
    parts = urlsplit(url)
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path[1:],
        "USER": parts.username,
        "HOST": parse_qs(parts.query)["host"][0],
        "OPTIONS": {"options": "-c search_path=datasets"},
    }
    settings.configure(DATABASES={"default": database}, INSTALLED_APPS=["import_export"], USE_TZ=False)
    django.setup()


def load(url: str, file: Path) -> None:
    """Import ``file`` in one transaction, unchanged rows left alone; prints the totals that it keeps."""
    _configure(url)
    from django.db import models
    from import_export import resources

    class Person(models.Model):
        id = models.BigIntegerField(primary_key=True)
        first_name = models.TextField()
        last_name = models.TextField()
        email = models.TextField(unique=True)
        city = models.TextField()
        note = models.TextField()
        created_at = models.DateTimeField()
        amount = models.DecimalField(max_digits=20, decimal_places=2)
        active = models.BooleanField()

        class Meta:
            app_label = "import_export"  # of an app that is installed, as Django demands
            db_table = "people"

        def __str__(self) -> str:
            return self.email

    class People(resources.ModelResource):
        class Meta:
            model = Person
            skip_unchanged = True
            report_skipped = True
            use_transactions = True

    rows = tablib.Dataset().load(file.read_text(encoding="utf-8"), format="csv")
    told = People().import_data(rows, raise_errors=False)
    print(dict(told.totals), "errors:", [(row.number, str(row.errors[0].error)) for row in told.error_rows][:3])
    if told.has_errors():
        sys.exit(1)


if __name__ == "__main__":
    load(sys.argv[1], Path(sys.argv[2]))
