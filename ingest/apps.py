"""The Django application."""

from django.apps import AppConfig


class IngestConfig(AppConfig):
    """Registers models and system checks."""

    name = "ingest"
    verbose_name = "Files and tables"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from ingest import checks  # noqa: F401
