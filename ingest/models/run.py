"""Runs, one for each source object and load, and their progress."""

import hashlib
import uuid
from typing import Self

from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper

from ingest.loader.outcome.source_object import SourceObject
from ingest.models.dataset import Dataset
from ingest.models.labels import label_of, look_of
from ingest.models.visible import VisibleQuerySet

_LONGEST_IDENTITY = 200  # bytes; the unique index over bucket, key and identity must stay under 2,704


_TROUBLING = Q(status__in=["failed", "held"], answered__isnull=True, kind__in=["load", "undo"])


class RunQuerySet(VisibleQuerySet):
    """Queries for runs."""

    def unacknowledged(self) -> Self:
        """Failed and held ones that nobody has answered: not tried again, not followed by a newer success, not
        acknowledged. Previews don't count, since somebody looks at them anyway. By an index that holds no others.
        """
        return self.filter(_TROUBLING)


class Run(models.Model):
    """The load of one source object into one dataset; history once it is finished."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        WAITING = "waiting"
        RUNNING = "running"
        HELD = "held"
        SUCCEEDED = "succeeded"
        EMPTY = "empty"
        FAILED = "failed"
        DISCARDED = "discarded"
        SUPERSEDED = "superseded"

    class Kind(models.TextChoices):
        LOAD = "load"
        PREVIEW = "preview"
        UNDO = "undo"

    public_id = models.UUIDField(
        default=uuid.uuid4,
        db_default=RandomUUID(),
        unique=True,
        editable=False,
        help_text="Identifies the run in its reject file; can't be guessed.",
    )
    dataset = models.ForeignKey(Dataset, null=True, on_delete=models.PROTECT, related_name="runs")
    pattern = models.TextField(
        blank=True, help_text="Pattern that matched the file to the dataset. Empty if its name did."
    )
    kind = models.CharField(max_length=7, choices=Kind, default=Kind.LOAD)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)

    bucket = models.CharField(max_length=255)
    key = models.CharField(max_length=1024)
    version_id = models.CharField(max_length=1024, blank=True)
    etag = models.CharField(max_length=1024, blank=True)
    size = models.BigIntegerField()
    sequencer = models.CharField(max_length=1024, blank=True)
    source_identity = models.CharField(max_length=_LONGEST_IDENTITY)
    version_order = models.CharField(max_length=1024, blank=True, db_collation="C")
    load_number = models.PositiveIntegerField(default=1)
    forced = models.BooleanField(default=False, help_text="Load the file even if the newest run has already loaded it.")
    who = models.CharField(
        max_length=150,
        blank=True,
        help_text="User who uploaded the file or requested the run. Empty for files put in the bucket.",
    )

    token = models.BigIntegerField(default=0, help_text="Incremented by every claim, so that an older holder stops.")
    attempts = models.PositiveIntegerField(default=0)
    interruptions = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    received = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True)
    finished = models.DateTimeField(null=True)

    records = models.BigIntegerField(null=True, help_text="Empty until the run has an outcome.")
    partial = models.BooleanField(
        default=False, help_text="Reading stopped before the end of the file, so the counts are minimums."
    )
    inserted = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    duplicate = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    rejects_key = models.CharField(
        max_length=1024, blank=True, help_text="Key of the full reject list in the bucket, if there are many."
    )
    deleted = models.BigIntegerField(default=0)
    table_rows = models.BigIntegerField(null=True, help_text="Rows in the table after the commit.")
    table_bytes = models.BigIntegerField(
        null=True, help_text="Size of the table after the commit, with indexes and TOAST."
    )
    stages = models.JSONField(default=list, help_text="Stages of the last attempt: [stage, seconds].")
    sample = models.JSONField(default=dict, help_text="Rows that would have been changed, if the load was rolled back.")
    columns = models.JSONField(default=list)
    dialect = models.JSONField(default=dict)
    ddl = models.JSONField(default=list)
    notes = models.JSONField(default=list)
    reason = models.TextField(
        blank=True, help_text="One sentence for the operator: what happened, where, and what to do."
    )
    traceback = models.TextField(blank=True, help_text="Traceback for developers.")
    deletion_withheld = models.BooleanField(
        default=False, help_text="Nothing was deleted, because a key couldn't be read."
    )
    brakes = models.JSONField(default=dict, help_text="Safeguards that held the run: name -> count.")
    question = models.JSONField(
        default=list, help_text="Possible readings of the file to choose from, the likeliest first."
    )
    unclear = models.BooleanField(default=False, help_text="Held until someone chooses how the file is read.")
    reading = models.JSONField(null=True, help_text="The reading chosen for the file.")
    approved = models.JSONField(null=True, help_text="Safeguards that an operator has approved, with their counts.")
    snapshot = models.BooleanField(default=False, help_text="Whether the table was made to mirror the file.")
    sha256 = models.CharField(max_length=64, blank=True)
    fingerprint = models.CharField(
        max_length=64, blank=True, help_text="Digest of policy, key, mode and loader version."
    )

    answered = models.DateTimeField(null=True, help_text="When a failed or held run no longer needed attention.")
    answered_by = models.CharField(
        max_length=200, blank=True, help_text="User who acknowledged the run, or the run that resolved it."
    )

    undoable = models.BooleanField(
        default=False, help_text="Whether the previous rows are kept, so that the run can be undone."
    )
    undone = models.BooleanField(default=False, help_text="Whether an undo has reverted the run.")
    undoes = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="undos")
    corrects = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.SET_NULL,
        related_name="corrections",
        db_index=False,
        help_text="The run whose rejects the file corrects.",
    )
    repeated_by = models.ForeignKey(
        "self",
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="The run that replaced it when an older version of the file arrived late.",
    )
    stayed = models.JSONField(default=list, help_text="Rows that an undo left unchanged: [key, reason].")
    decided = models.CharField(max_length=200, blank=True, help_text="What was decided about a preview, and by whom.")

    FATES = ("inserted", "updated", "unchanged", "duplicate", "rejected")
    """The possible results of a record: counts that add up to ``records``, in the order in which they are shown."""
    UNFINISHED = (Status.QUEUED, Status.WAITING, Status.RUNNING)
    """Statuses in which a run continues by itself."""
    COMMITTED = (Status.SUCCEEDED, Status.EMPTY)
    """Statuses of a run whose load was committed, or whose preview was completed; an empty file has no records."""
    WIDE = ("columns", "ddl", "notes", "dialect", "traceback", "stayed", "sample", "stages", "question")
    """Fields that may be large and aren't shown in lists."""

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("retry_run", "Can retry a run"),
            ("undo_run", "Can undo a run"),
            ("approve_run", "Can approve or discard a held run"),
            ("acknowledge_run", "Can acknowledge a failed or held run"),
            ("view_traceback", "Can see the traceback of a failed run"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["bucket", "key", "source_identity", "load_number"], name="ingest_run_source_once"
            ),
            models.CheckConstraint(
                name="ingest_run_books_balance",
                condition=Q(records__isnull=True)
                | Q(records=F("inserted") + F("updated") + F("unchanged") + F("duplicate") + F("rejected")),
            ),
            models.CheckConstraint(
                name="ingest_run_succeeded_with_outcome",
                condition=~Q(status__in=["succeeded", "empty"]) | Q(records__isnull=False, finished__isnull=False),
            ),
            models.CheckConstraint(
                name="ingest_run_counts_positive",
                condition=Q(
                    inserted__gte=0, updated__gte=0, unchanged__gte=0, duplicate__gte=0, rejected__gte=0, deleted__gte=0
                ),
            ),
        ]
        indexes = [
            models.Index(fields=["status", "-id"], name="ingest_run_status"),
            models.Index(fields=["dataset", "-id"], name="ingest_run_dataset"),
            models.Index(fields=["key", "version_order"], name="ingest_run_versions"),
            models.Index(
                fields=["id"],
                name="ingest_run_unfinished",
                condition=Q(status__in=["queued", "waiting", "running"]),
            ),
            models.Index(fields=["received"], name="ingest_run_received"),
            models.Index(fields=["kind", "-id"], name="ingest_run_kind", condition=~Q(kind="load")),
            models.Index(fields=["who", "-id"], name="ingest_run_who", condition=~Q(who="")),
            GinIndex(OpClass(Upper("key"), name="gin_trgm_ops"), name="ingest_run_key_parts"),
            models.Index(fields=["-id"], name="ingest_run_unanswered", condition=_TROUBLING),
            models.Index(fields=["dataset", "id"], name="ingest_run_unanswered_dataset", condition=_TROUBLING),
            models.Index(fields=["dataset", "id"], name="ingest_run_question", condition=Q(unclear=True)),
            models.Index(fields=["dataset", "received"], name="ingest_run_dataset_day"),
            models.Index(
                fields=["dataset", "status", "received"],
                name="ingest_run_troubled_day",
                condition=Q(status__in=["failed", "held"]),
            ),
            models.Index(
                fields=["dataset", "received"],
                name="ingest_run_rejecting_day",
                condition=Q(status="succeeded", rejected__gt=0),
            ),
            models.Index(fields=["dataset", "id"], name="ingest_run_altering", condition=~Q(ddl=[])),
            models.Index(fields=["-id"], name="ingest_run_rejecting", condition=Q(status="succeeded", rejected__gt=0)),
            models.Index(fields=["corrects"], name="ingest_run_corrects", condition=Q(corrects__isnull=False)),
            models.Index(fields=["finished"], name="ingest_run_undoable", condition=Q(undoable=True)),
            models.Index(fields=["finished"], name="ingest_run_whole_rejects", condition=~Q(rejects_key="")),
        ]

    def __str__(self) -> str:
        """Include the kind, since an undo of a file isn't a load of it."""
        kind = "" if self.kind == self.Kind.LOAD else f"{self.kind}, "
        return f"{self.file_name} ({kind}run {self.pk})"

    @property
    def source(self) -> SourceObject:
        """The version of the file that this run reads."""
        return SourceObject(
            bucket=self.bucket,
            key=self.key,
            size=self.size,
            etag=self.etag,
            version_id=self.version_id,
            sequencer=self.sequencer,
        )

    @property
    def has_changed_rows(self) -> bool:
        """Whether the run changed rows of its table that can be undone."""
        return bool(self.inserted or self.updated or self.deleted)

    @property
    def is_question(self) -> bool:
        """Whether the run is held until someone chooses how to read its file."""
        return self.unclear and self.status == self.Status.HELD

    @property
    def label(self) -> str:
        """The status as shown to people; programs read ``status`` itself."""
        return label_of(self.status, self.rejected, asks=self.is_question)

    @property
    def look(self) -> str:
        """The name of the status's colour, in ``status-…`` of the style sheet and on a terminal."""
        return look_of(self.status, self.rejected)

    @property
    def file_name(self) -> str:
        """The key's last part."""
        return self.key.rsplit("/", 1)[-1]

    @classmethod
    def identity_of(cls, source: SourceObject) -> str:
        """Return the value of ``source_identity``: the source's own identity, or its digest if it is too long."""
        identity = source.identity
        if len(identity.encode()) <= _LONGEST_IDENTITY:
            return identity
        return f"sha256:{hashlib.sha256(identity.encode()).hexdigest()}"

    @classmethod
    def order_of(cls, source: SourceObject) -> str:
        """Return the sequencer in a form that sorts as in file-rules#version-order, where trailing zeros don't
        count.
        """
        return source.sequencer.lower().rstrip("0")


class Progress(models.Model):
    """The progress of a run and the lease of its worker.

    This is a separate row, because the run's own row is locked while it is loaded (file-rules#claim).
    """

    class Stage(models.TextChoices):
        """The stages before the load, which has its own."""

        QUEUED = "queued"
        FETCH = "fetch"
        WAIT = "wait"
        UNPACK = "unpack"
        DECODE = "decode"
        UNDO = "undo"

    run = models.OneToOneField(Run, primary_key=True, on_delete=models.CASCADE, related_name="progress")
    token = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    stage = models.CharField(max_length=20, default=Stage.QUEUED, help_text="Stage of the run, then of the loader.")
    bytes_done = models.BigIntegerField(default=0)
    bytes_total = models.BigIntegerField(default=0)
    rows = models.BigIntegerField(
        null=True, help_text="Rows sent by COPY, as counted by PostgreSQL. Empty in other stages."
    )
    stages = models.JSONField(default=list, help_text="Stages so far: [stage, seconds]; the last one is in progress.")

    class Meta:
        verbose_name_plural = "progress"

    def __str__(self) -> str:
        return f"run {self.pk}: {self.stage}"
