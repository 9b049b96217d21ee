"""Datasets: one table each, with the rules by which files are loaded into it."""

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Any, Self

from django.apps import apps
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from ingest import freshness
from ingest.loader.outcome.target import Mode, Target
from ingest.loader.planning.identities import EMAILS
from ingest.loader.source.dialect.dialect import Pinned
from ingest.models.visible import VisibleQuerySet
from ingest.validators import emails_only, encoding_only, table_name_only, texts_only

MOST_LINES_ABOVE = 1_000
"""Lines above the header that can be pinned."""


class DatasetQuerySet(VisibleQuerySet):
    """Queries for datasets."""

    belongs_to = "pk"

    def late(self) -> Self:
        """Return those whose file is overdue by their rule, in one index lookup."""
        return self.filter(due__lt=Now())

    def listed(self) -> Self:
        """Return those that lists show: all but drafts that have nothing but a question.

        A question is a run that is held until someone chooses how to read its file.
        """
        runs = apps.get_model("ingest", "Run").objects.filter(dataset=OuterRef("pk"))
        asks = Exists(runs.filter(status="held", unclear=True))
        failed = Exists(runs.filter(status="failed"))
        return self.exclude(Q(asks) & ~Q(failed), is_draft=True)


class Dataset(models.Model):
    """A destination table with its policy."""

    class Mode(models.TextChoices):
        UPSERT = Mode.UPSERT.value, "upsert: rows with the same key are updated"
        APPEND = Mode.APPEND.value, "append: every record is inserted as a new row"
        SNAPSHOT = Mode.SNAPSHOT.value, "snapshot: the table mirrors the file"

    class Policy(models.TextChoices):
        EVOLVE = "evolve", "evolve: new columns are added, types are widened"
        STRICT = "strict", "strict: a file that doesn't fit fails"

    class Unit(models.TextChoices):
        HOUR = freshness.Unit.HOUR.value, "hours"
        DAY = freshness.Unit.DAY.value, "days"
        WEEK = freshness.Unit.WEEK.value, "weeks"

    class Delimiter(models.TextChoices):
        COMMA = ",", "comma"
        SEMICOLON = ";", "semicolon"
        TAB = "\t", "tab"
        BAR = "|", "bar"
        SPACE = " ", "space"

    class Quote(models.TextChoices):
        DOUBLE = '"', "double quote"
        SINGLE = "'", "single quote"
        NONE = "none", "none: quotes are ordinary characters"

    class Escape(models.TextChoices):
        DOUBLE = '"', "double quote"
        SINGLE = "'", "single quote"
        BACKSLASH = "\\", "backslash"

    name = models.CharField(
        max_length=63, unique=True, validators=[table_name_only], help_text="Name of the table in the schema datasets."
    )
    mode = models.CharField(max_length=8, choices=Mode, default=Mode.UPSERT)
    policy = models.CharField(max_length=6, choices=Policy, default=Policy.EVOLVE)
    declared_key = models.JSONField(
        default=list, blank=True, validators=[texts_only], help_text="Columns on which rows are matched."
    )
    ignore_email_case = models.BooleanField(
        "ignore e-mail case",
        default=False,
        help_text="Match e-mails in the key regardless of case (A–Z) and surrounding spaces.",
    )
    identities = models.JSONField(
        null=True,
        blank=True,
        editable=False,
        help_text='Keys chosen by the first file, such as [["id"], ["email"]]; [] for none.',
    )
    evidence = models.TextField(blank=True, editable=False, help_text="Why these keys were chosen.")
    headers = models.JSONField(default=dict, blank=True, editable=False, help_text="Columns by file header.")
    null_tokens = models.JSONField(
        default=list, blank=True, validators=[texts_only], help_text="Cells loaded as NULL, such as NA."
    )
    encoding = models.CharField(
        max_length=40,
        null=True,
        blank=True,
        validators=[encoding_only],
        help_text="For example cp1252. Detected if empty.",
    )
    delimiter = models.CharField(
        max_length=1, null=True, blank=True, choices=Delimiter, help_text="Separates cells. Detected if empty."
    )
    quote = models.CharField(
        max_length=4, null=True, blank=True, choices=Quote, help_text="Encloses cells. Detected if empty."
    )
    escape = models.CharField(
        max_length=1,
        null=True,
        blank=True,
        choices=Escape,
        help_text="Escapes a quote within quotes. Detected if empty.",
    )
    preamble = models.PositiveSmallIntegerField(
        "lines above the header",
        null=True,
        blank=True,
        validators=[MaxValueValidator(MOST_LINES_ABOVE)],
        help_text="Number of lines to skip in each file, such as titles and comments. Detected if empty.",
    )
    has_header = models.BooleanField(
        "header row",
        null=True,
        blank=True,
        help_text="Whether the first record names the columns. Detected if unknown.",
    )
    patterns = models.JSONField(
        default=list,
        blank=True,
        validators=[texts_only],
        help_text="File patterns to load into this dataset, such as customers-*.csv or eu/orders/*.csv.",
    )
    reject_share = models.FloatField(
        default=0.10,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
        help_text="A run fails if more than this share of its records is rejected…",
    )
    reject_count = models.PositiveIntegerField(default=10, help_text="…and more than this number of records.")
    asks_approval = models.BooleanField(
        "require approval", default=False, help_text="Hold every run that would change the table until it is approved."
    )
    expected_every = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(1_000)],
        help_text="How often a file is expected, in hours, days or weeks. The dataset is late if none arrives.",
    )
    expected_unit = models.CharField(max_length=4, choices=Unit, default=Unit.DAY, blank=True, help_text="Unit.")
    expected_by = models.TimeField(
        null=True, blank=True, help_text="Time of day (UTC) by which a file is expected, such as 09:00."
    )
    grace_minutes = models.PositiveSmallIntegerField(
        default=0,
        blank=True,
        validators=[MaxValueValidator(10_080)],
        help_text="Grace period before the dataset counts as late.",
    )
    notify_emails = models.JSONField(
        default=list,
        blank=True,
        validators=[emails_only],
        help_text="Addresses to notify when a file fails, is held or is late. NOTIFY_EMAILS if empty.",
    )
    last_loaded = models.DateTimeField(
        null=True, editable=False, help_text="When a file was last loaded, even if it changed nothing."
    )
    due = models.DateTimeField(null=True, editable=False, help_text="When the dataset becomes late if no file arrives.")
    newest = models.ForeignKey(
        "Run",
        null=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="The run whose load the table holds. Empty after an operator has changed the table.",
    )
    altered = models.DateTimeField(
        null=True, editable=False, help_text="When an operator last changed the table's key or the type of a column."
    )
    table_rows = models.BigIntegerField(
        null=True, editable=False, help_text="Rows in the table after its last run. Empty until counted."
    )
    exports = models.JSONField(
        default=list, editable=False, help_text="SHA-256 of the latest exports of a table without a key."
    )
    created = models.DateTimeField(auto_now_add=True, editable=False)
    is_draft = models.BooleanField(
        default=False, editable=False, help_text="Created for a file, and neither loaded nor configured since."
    )
    open_to = models.ManyToManyField(
        Group,
        through="Opening",
        blank=True,
        related_name="datasets",
        help_text="Groups that can see the dataset and its runs. Everyone if empty.",
    )

    RULE = ("expected_every", "expected_unit", "expected_by", "grace_minutes")
    """The fields that say how often a file is expected."""
    PINS = ("delimiter", "quote", "escape", "preamble", "has_header", "encoding")
    """The fields that pin how files are read; None is detected from each file."""

    objects = DatasetQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        permissions = [("close_dataset", "Can close a dataset to all but some groups, and sees closed ones")]
        indexes = [
            models.Index(fields=["due"], name="ingest_dataset_due", condition=Q(due__isnull=False)),
            models.Index(fields=["name"], name="ingest_dataset_patterned", condition=~Q(patterns=[])),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **options: Any) -> None:
        """Save the row together with ``due``, which follows from its other fields."""
        rule = self.rule
        self.due = freshness.due(rule, self.last_loaded or self.created or timezone.now()) if rule else None
        if options.get("update_fields") is not None:
            options["update_fields"] = {*options["update_fields"], "due"}
        super().save(*args, **options)

    def clean(self) -> None:
        """Reject an incomplete freshness rule, and an escape that can't be used with the quote."""
        self.check_escape()
        if self.expected_every and self.expected_unit != self.Unit.HOUR and self.expected_by is None:
            raise ValidationError({"expected_by": "Enter the time of day (UTC) by which a file is expected."})
        if self.expected_by is not None and not self.expected_every:
            raise ValidationError({"expected_every": "Enter how often a file is expected, or clear the time."})

    def check_escape(self) -> None:
        """Raise ValidationError for an escape that can't be used with the quote."""
        quote, escape = self.quote or self.Quote.DOUBLE, self.escape
        if escape and quote == self.Quote.NONE:
            raise ValidationError({"escape": "Leave the escape empty: without quotes there is nothing to escape."})
        if escape and escape not in (quote, self.Escape.BACKSLASH):
            raise ValidationError({"escape": "Choose the quote itself (it is doubled within quotes) or the backslash."})

    @property
    def rule(self) -> freshness.Rule | None:
        """How often a file is expected, or None."""
        if not self.expected_every:
            return None
        return freshness.Rule(
            every=self.expected_every,
            unit=freshness.Unit(self.expected_unit),
            by=self.expected_by or time(),
            grace=timedelta(minutes=self.grace_minutes),
        )

    @property
    def is_caseless(self) -> bool:
        """Whether e-mails are matched regardless of case: this is enabled, and the key has one."""
        columns = {column for key in self.identities or () for column in key}
        return self.ignore_email_case and (self.identities is None or bool(columns & EMAILS))

    @property
    def pinned(self) -> Pinned:
        """What is pinned about how the dataset's files are read."""
        return Pinned(
            encoding=self.encoding or None,
            delimiter=self.delimiter or None,
            quote="" if self.quote == self.Quote.NONE else self.quote or None,
            escape=self.escape or None,
            preamble=self.preamble,
            has_header=self.has_header,
        )

    def target(
        self,
        run_id: int,
        *,
        approved: Mapping[str, int] | None = None,
        previous_records: int | None = None,
        last_records: int | None = None,
        sha256: str = "",
    ) -> Target:
        """Return the dataset for the loader and one run; ``approved`` are the safeguards that an operator overrode.

        ``sha256`` is the file's: an export of a table without a key is known by it.
        """
        return Target(
            table=self.name,
            run_id=run_id,
            mode=Mode(self.mode),
            strict=self.policy == self.Policy.STRICT,
            declared_key=tuple(self.declared_key),
            identities=None if self.identities is None else tuple(tuple(key) for key in self.identities),
            ignore_email_case=self.ignore_email_case,
            headers=self.headers,
            null_tokens=tuple(self.null_tokens),
            reject_share=self.reject_share,
            reject_count=self.reject_count,
            export=sha256 in self.exports,
            asks_approval=self.asks_approval,
            approved=approved,
            previous_records=previous_records,
            last_records=last_records,
        )


class Opening(models.Model):
    """Opens a closed dataset to a group. The group can't be deleted first, or the dataset would be open to all."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="openings")
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="openings")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["dataset", "group"], name="ingest_opening_once")]

    def __str__(self) -> str:
        return f"{self.dataset} is open to {self.group}"
