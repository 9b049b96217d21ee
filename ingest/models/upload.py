"""Uploads: files that a browser sends to the bucket, and who sent them."""

from django.db import models
from django.db.models import Q


class Upload(models.Model):
    """A file that is uploaded from a browser; once it is finished, the record of who sent that version.

    Only S3 knows which parts it has received. An unfinished upload belongs to the user who started it, in any
    browser; another user has to take it over first.
    """

    key = models.CharField(max_length=1024)
    size = models.BigIntegerField()
    modified = models.BigIntegerField(
        default=0, help_text="Modification time on the user's computer, in milliseconds since 1970."
    )
    fingerprint = models.CharField(max_length=128, blank=True, help_text="Digest that recognizes the same file.")
    part_size = models.BigIntegerField(default=0)
    upload_id = models.CharField(
        max_length=1024, blank=True, help_text="S3's id of the upload. Empty for a copy within S3."
    )
    who = models.CharField(max_length=150, help_text="User who sent the file, or its last part.")
    started = models.DateTimeField()
    finished = models.DateTimeField(null=True)
    version_id = models.CharField(max_length=1024, blank=True)
    etag = models.CharField(max_length=1024, blank=True)

    pins = models.JSONField(
        default=dict, help_text="File format set by the sender, for a dataset that has not loaded a file yet."
    )

    class Meta:
        default_permissions = ()  # who may add a run may upload
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["key", "size", "fingerprint"],
                condition=Q(finished__isnull=True),
                name="ingest_upload_unfinished_once",
            ),
        ]
        indexes = [
            models.Index(fields=["key", "size"], name="ingest_upload_key"),
            models.Index(fields=["started"], condition=Q(finished__isnull=True), name="ingest_upload_unfinished"),
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def part_sizes(self) -> dict[int, int]:
        """The size of each part, by its number from 1."""
        whole, rest = divmod(self.size, self.part_size)
        sizes = dict.fromkeys(range(1, whole + 1), self.part_size)
        return {**sizes, whole + 1: rest} if rest else sizes
