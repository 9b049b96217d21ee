"""The Django application."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.db.models.signals import post_migrate


class AdminConfig(admin_apps.AdminConfig):
    """Django's admin, with our own site."""

    default = False
    default_site = "pipeline_site.admin.Site"


class IngestConfig(AppConfig):
    """Registers models and system checks."""

    default = True
    name = "ingest"
    verbose_name = "Files and tables"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks and the index expressions, and create groups and the reader role after migrations."""
        from django.contrib.postgres.indexes import OpClass
        from django.db.models.expressions import OrderBy
        from django.db.models.functions import Collate
        from django.db.models.indexes import IndexExpression

        from ingest import checks, groups, reader_role  # noqa: F401

        IndexExpression.register_wrappers(
            OrderBy, OpClass, Collate
        )  # nothing else of django.contrib.postgres is needed
        post_migrate.connect(groups.make_groups, sender=self, dispatch_uid="ingest.groups")
        post_migrate.connect(reader_role.make_reader, sender=self, dispatch_uid="ingest.reader_role")
