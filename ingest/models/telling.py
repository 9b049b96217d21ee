"""Trouble and Message: what people are told of, once for each cause, and what was sent of it."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from ingest.models.dataset import Dataset
from ingest.models.run import Run
from ingest.models.visible import VisibleQuerySet


class MessageQuerySet(VisibleQuerySet):
    """Messages, asked about as a whole."""

    belongs_to = "trouble__dataset"

    def undelivered(self) -> Self:
        """Those of which at least one attempt failed, and none succeeded; by an index that holds no delivered ones."""
        return self.filter(sent=None).exclude(error="")


class Trouble(models.Model):
    """A cause that runs fail or are held by, or a dataset that is late; open until it is over.

    A question is a run that is held until somebody chooses how its file is read.
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
    """What is sent of a trouble, by one channel; written with what it tells, sent after that has committed."""

    class Event(models.TextChoices):
        OPENED = "opened"
        CLOSED = "closed"

    class Channel(models.TextChoices):
        EMAIL = "email"
        WEBHOOK = "webhook"
        SNS = "sns"

    trouble = models.ForeignKey(Trouble, on_delete=models.CASCADE, related_name="messages")
    event = models.CharField(max_length=6, choices=Event)
    channel = models.CharField(max_length=7, choices=Channel)
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
