"""Dataset: what is loaded where, and by which rules."""

from collections.abc import Mapping

from django.contrib.auth.models import Group
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from ingest.loader.dialect import Pinned
from ingest.loader.target import Mode, Target
from ingest.models.visible import VisibleQuerySet
from ingest.validators import encoding_only, table_name_only, texts_only


class DatasetQuerySet(VisibleQuerySet):
    """Datasets, asked about as a whole."""

    belongs_to = "pk"


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
    open_to = models.ManyToManyField(
        Group,
        through="Opening",
        blank=True,
        related_name="datasets",
        help_text="The groups that see it and its runs; none: everybody.",
    )

    objects = DatasetQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        permissions = [("close_dataset", "Can close a dataset to all but some groups, and sees closed ones")]
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


class Opening(models.Model):
    """A closed dataset is open to a group; the group can't be removed before, or the dataset would be open to all."""

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="openings")
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="openings")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["dataset", "group"], name="ingest_opening_once")]

    def __str__(self) -> str:
        return f"{self.dataset} is open to {self.group}"
