"""Reconciliation: a walk over the bucket for files whose event was lost."""

from django.db import models


class Reconciliation(models.Model):
    """One walk over the bucket, which may take several invocations, each continuing after the last key."""

    bucket = models.CharField(max_length=255)
    begun = models.DateTimeField(auto_now_add=True)
    ended = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True, help_text="A worker holds it until then.")
    after = models.CharField(max_length=1024, blank=True, help_text="The last key that was checked.")
    seen = models.BigIntegerField(default=0, help_text="Versions checked.")
    received = models.BigIntegerField(default=0, help_text="Checked versions that became runs.")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.bucket} from {self.begun:%Y-%m-%d %H:%M}"
