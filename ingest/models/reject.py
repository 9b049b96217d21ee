"""Rejects: records that could not be loaded."""

from django.db import models

from ingest.models.run import Run
from ingest.models.visible import VisibleQuerySet


class RejectQuerySet(VisibleQuerySet):
    """Queries for rejects."""

    belongs_to = "run__dataset"


class Reject(models.Model):
    """A record that could not be loaded, with the reason."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="rejects")
    line = models.BigIntegerField()
    column = models.TextField(blank=True)
    value = models.TextField(blank=True)
    code = models.CharField(max_length=20)
    reason = models.TextField()
    raw = models.BinaryField(help_text="The whole record, byte for byte as in the file.")

    objects = RejectQuerySet.as_manager()

    class Meta:
        ordering = ["run", "line", "id"]
        indexes = [models.Index(fields=["run", "line", "id"], name="ingest_reject_lines")]

    def __str__(self) -> str:
        return f"line {self.line:,}: {self.code}"
