"""The rows of our own: what is loaded where (Dataset), on its way (Run, Progress), and what did not go in (Reject)."""

import hashlib
from collections.abc import Iterable, Mapping

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from ingest.loader.dialect import Pinned
from ingest.loader.source import SourceObject
from ingest.loader.target import Mode, Target
from ingest.validators import encoding_only, table_name_only, texts_only

_LONGEST_IDENTITY = 200  # bytes; the unique index over bucket, key and identity must stay under 2,704


class Dataset(models.Model):
    """One destination table with its policy."""

    class Mode(models.TextChoices):
        UPSERT = Mode.UPSERT.value, "upsert: rows with the same key are updated"
        APPEND = Mode.APPEND.value, "append: every record is a new row"
        SNAPSHOT = Mode.SNAPSHOT.value, "snapshot: the file is the whole truth"

    class Policy(models.TextChoices):
        EVOLVE = "evolve", "evolve: new columns are added, types are widened"
        STRICT = "strict", "strict: a file that doesn't fit fails"

    class Delimiter(models.TextChoices):
        COMMA = ",", "comma"
        SEMICOLON = ";", "semicolon"
        TAB = "\t", "tab"
        BAR = "|", "bar"

    name = models.CharField(
        max_length=63, unique=True, validators=[table_name_only], help_text="The table, in the schema datasets."
    )
    mode = models.CharField(max_length=8, choices=Mode, default=Mode.UPSERT)
    policy = models.CharField(max_length=6, choices=Policy, default=Policy.EVOLVE)
    declared_key = models.JSONField(
        default=list, blank=True, validators=[texts_only], help_text="Columns by which rows are the same."
    )
    identities = models.JSONField(
        null=True, blank=True, editable=False, help_text='Chosen by the first file: [["id"], ["email"]]; [] is none.'
    )
    evidence = models.TextField(blank=True, editable=False, help_text="Why these identities.")
    headers = models.JSONField(default=dict, blank=True, editable=False, help_text="Header of a file -> column.")
    null_tokens = models.JSONField(
        default=list, blank=True, validators=[texts_only], help_text="Cells that mean NULL, such as NA."
    )
    encoding = models.CharField(
        max_length=40, null=True, blank=True, validators=[encoding_only], help_text="Such as cp1252; empty: found out."
    )
    delimiter = models.CharField(
        max_length=1, null=True, blank=True, choices=Delimiter, help_text="Between the cells; empty: found out."
    )
    has_header = models.BooleanField(
        null=True, blank=True, help_text="Whether the first record of a file names its columns; unknown: found out."
    )
    patterns = models.JSONField(
        default=list,
        blank=True,
        validators=[texts_only],
        help_text="Files that belong here, such as customers-*.csv or eu/orders/*.csv.",
    )
    reject_share = models.FloatField(
        default=0.10,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="A run fails when more than this share of its records is rejected…",
    )
    reject_count = models.PositiveIntegerField(default=10, help_text="…and more than this many of them.")
    asks_approval = models.BooleanField(
        default=False, help_text="Every run that would change the table is held for somebody to approve it."
    )
    newest = models.ForeignKey(
        "Run",
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The run whose load stands in the table; none once an operator has changed the table since.",
    )
    created = models.DateTimeField(auto_now_add=True, editable=False)

    class Meta:
        ordering = ["name"]
        indexes = [
            models.Index(fields=["name"], name="ingest_dataset_patterned", condition=~Q(patterns=[])),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def pinned(self) -> Pinned:
        """What is settled about the dataset's files."""
        return Pinned(encoding=self.encoding, delimiter=self.delimiter, has_header=self.has_header)

    def target(
        self, run_id: int, *, approved: Mapping[str, int] | None = None, previous_records: int | None = None
    ) -> Target:
        """This dataset as the loader sees it, for one run; ``approved`` are the brakes that an operator took off it."""
        return Target(
            table=self.name,
            run_id=run_id,
            mode=Mode(self.mode),
            strict=self.policy == self.Policy.STRICT,
            declared_key=tuple(self.declared_key),
            identities=None if self.identities is None else tuple(tuple(key) for key in self.identities),
            headers=self.headers,
            null_tokens=tuple(self.null_tokens),
            reject_share=self.reject_share,
            reject_count=self.reject_count,
            asks_approval=self.asks_approval,
            approved=approved,
            previous_records=previous_records,
        )


class Run(models.Model):
    """One source object on its way into one dataset; history once it is finished."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        WAITING = "waiting"
        RUNNING = "running"
        HELD = "held"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        SUPERSEDED = "superseded"

    class Kind(models.TextChoices):
        LOAD = "load"
        PREVIEW = "preview"
        UNDO = "undo"

    dataset = models.ForeignKey(Dataset, null=True, on_delete=models.PROTECT, related_name="runs")
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
    forced = models.BooleanField(default=False, help_text="Load even what the newest run has loaded already.")

    token = models.BigIntegerField(default=0, help_text="Raised by every claim: an older holder stops at it.")
    attempts = models.PositiveIntegerField(default=0)
    interruptions = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True)
    received = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True)
    finished = models.DateTimeField(null=True)

    records = models.BigIntegerField(null=True, help_text="Empty until the run has an outcome.")
    inserted = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    duplicate = models.BigIntegerField(default=0)
    rejected = models.BigIntegerField(default=0)
    deleted = models.BigIntegerField(default=0)
    columns = models.JSONField(default=list)
    dialect = models.JSONField(default=dict)
    ddl = models.JSONField(default=list)
    notes = models.JSONField(default=list)
    reason = models.TextField(blank=True, help_text="One sentence for the operator: what, where, what to do.")
    traceback = models.TextField(blank=True, help_text="The story for the developer.")
    deletion_withheld = models.BooleanField(default=False, help_text="Nothing was deleted, since a key can't be read.")
    brakes = models.JSONField(default=dict, help_text="What held the run: brake -> count.")
    approved = models.JSONField(null=True, help_text="The brakes that an operator has approved, with their counts.")
    snapshot = models.BooleanField(default=False, help_text="Whether the file was taken for the whole truth.")
    sha256 = models.CharField(max_length=64, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True, help_text="Policy, key, mode and loader it ran under.")

    undoable = models.BooleanField(default=False, help_text="Whether its table's rows are kept as they were before it.")
    undone = models.BooleanField(default=False, help_text="Whether an undo has taken back what was left of it.")
    undoes = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="undos")
    stayed = models.JSONField(default=list, help_text="Rows that an undo has left as they are: [key, why].")

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("retry_run", "Can retry a run"),
            ("undo_run", "Can undo a run"),
            ("approve_run", "Can approve or discard a held run"),
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
                condition=~Q(status="succeeded") | Q(records__isnull=False, finished__isnull=False),
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
            models.Index(fields=["finished"], name="ingest_run_undoable", condition=Q(undoable=True)),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} (run {self.pk})"

    @property
    def source(self) -> SourceObject:
        """The exact bytes that this run reads."""
        return SourceObject(
            bucket=self.bucket,
            key=self.key,
            size=self.size,
            etag=self.etag,
            version_id=self.version_id,
            sequencer=self.sequencer,
        )

    @property
    def file_name(self) -> str:
        """The key's last part."""
        return self.key.rsplit("/", 1)[-1]

    @classmethod
    def identity_of(cls, source: SourceObject) -> str:
        """What stands in ``source_identity``: the source's own identity, or its digest where it is too long."""
        identity = source.identity
        if len(identity.encode()) <= _LONGEST_IDENTITY:
            return identity
        return f"sha256:{hashlib.sha256(identity.encode()).hexdigest()}"

    @classmethod
    def order_of(cls, source: SourceObject) -> str:
        """The sequencer in a form that sorts as BEHAVIOUR 1 compares: padding with zeros, so none at the end count."""
        return source.sequencer.lower().rstrip("0")


class Progress(models.Model):
    """Where a run stands and until when its holder is taken to be alive.

    A row of its own, since the run's row is locked while the run loads (BEHAVIOUR 8).
    """

    class Stage(models.TextChoices):
        """The stages up to the load, which tells its own."""

        QUEUED = "queued"
        FETCH = "fetch"
        WAIT = "wait"
        UNPACK = "unpack"
        DECODE = "decode"
        UNDO = "undo"

    run = models.OneToOneField(Run, primary_key=True, on_delete=models.CASCADE, related_name="progress")
    token = models.BigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    stage = models.CharField(max_length=20, default=Stage.QUEUED, help_text="Ours, then those of the loader.")
    bytes_done = models.BigIntegerField(default=0)
    bytes_total = models.BigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "progress"

    def __str__(self) -> str:
        return f"run {self.pk}: {self.stage}"


class Reject(models.Model):
    """A record that did not go in, with its reason."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="rejects")
    line = models.BigIntegerField()
    column = models.TextField(blank=True)
    value = models.TextField(blank=True)
    code = models.CharField(max_length=20)
    reason = models.TextField()
    raw = models.BinaryField(help_text="The whole record as it stands in the file: any bytes at all.")

    class Meta:
        ordering = ["run", "line", "id"]
        indexes = [models.Index(fields=["run", "line", "id"], name="ingest_reject_lines")]

    def __str__(self) -> str:
        return f"line {self.line:,}: {self.code}"


def storable(text: str) -> str:
    """``text`` as PostgreSQL can hold it: no NUL, no half surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def storable_list(texts: Iterable[str]) -> list[str]:
    """Each of ``texts`` as PostgreSQL can hold it."""
    return [storable(text) for text in texts]
