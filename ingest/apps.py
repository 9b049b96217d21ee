"""The Django application."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.db.models.signals import post_migrate


class AdminConfig(admin_apps.AdminConfig):
    """Django's admin, as our own site of it."""

    default = False
    default_site = "pipeline_site.admin.Site"


class IngestConfig(AppConfig):
    """Registers models and system checks."""

    default = True
    name = "ingest"
    verbose_name = "Files and tables"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, and have the groups made after each migration."""
        from ingest import checks, groups  # noqa: F401

        post_migrate.connect(groups.make_groups, sender=self, dispatch_uid="ingest.groups")
