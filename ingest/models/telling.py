"""Incidents (``Trouble``), one for each cause, and the messages sent about them."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from ingest.models.dataset import Dataset
from ingest.models.run import Run
from ingest.models.visible import VisibleQuerySet


class MessageQuerySet(VisibleQuerySet):
    """Queries for messages."""

    belongs_to = "trouble__dataset"

    def undelivered(self) -> Self:
        """Return those that failed at least once and were never sent, by an index without the sent ones."""
        return self.filter(sent=None).exclude(error="")


class Trouble(models.Model):
    """An incident: a cause for which runs fail or are held, or a late dataset; open until it is over.

    A question is a run that is held until someone chooses how to read its file.
    """

    class Kind(models.TextChoices):
        FAILED = "failed"
        HELD = "held"
        QUESTION = "question"
        LATE = "late"

    dataset = models.ForeignKey(Dataset, null=True, on_delete=models.CASCADE, related_name="troubles")
    kind = models.CharField(max_length=8, choices=Kind)
    code = models.CharField(max_length=16, blank=True, help_text="Digest of the cause, shared by all of its runs.")
    reason = models.TextField(help_text="Reason of the first run.")
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="+", help_text="The newest run.")
    count = models.PositiveIntegerField(default=1, help_text="Number of runs.")
    opened = models.DateTimeField(auto_now_add=True)
    seen = models.DateTimeField(default=timezone.now, help_text="When it last occurred.")
    closed = models.DateTimeField(null=True)

    objects = VisibleQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "kind", "code"],
                name="ingest_trouble_open_once",
                condition=Q(closed__isnull=True),
                nulls_distinct=False,
            )
        ]
        indexes = [
            models.Index(fields=["kind", "seen"], name="ingest_trouble_open", condition=Q(closed__isnull=True)),
            models.Index(fields=["closed"], name="ingest_trouble_over", condition=Q(closed__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.dataset or 'a file'}: {self.kind}"


class Message(models.Model):
    """A message about an incident on one channel; written in the incident's transaction, sent after it commits."""

    class Event(models.TextChoices):
        OPENED = "opened"
        CLOSED = "closed"

    trouble = models.ForeignKey(Trouble, on_delete=models.CASCADE, related_name="messages")
    event = models.CharField(max_length=6, choices=Event)
    channel = models.CharField(max_length=32, help_text="The name of a module in notifications/channels.")
    recipients = models.JSONField(default=list, help_text="E-mail addresses.")
    created = models.DateTimeField(auto_now_add=True)
    attempts = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(
        default=timezone.now, null=True, help_text="Time of the next attempt. Empty if delivery failed permanently."
    )
    sent = models.DateTimeField(null=True)
    error = models.TextField(blank=True, help_text="Why the last attempt failed.")

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        verbose_name = "notification"
        indexes = [
            models.Index(fields=["not_before"], name="ingest_message_unsent", condition=Q(sent__isnull=True)),
            models.Index(fields=["created"], name="ingest_message_created"),
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.trouble} {self.event}"
