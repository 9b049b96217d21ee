"""The form of a dataset's policy: each field explained, and what the rows refuse told at its field."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction

from ingest.admin import shown
from ingest.datasets.alter import (
    TYPES,
    UndoableRuns,
    change_key,
    change_type,
    columns_of,
    ignore_email_case,
    undoable_runs,
)
from ingest.datasets.pattern_impact import RECENT_DAYS, PatternImpact, check_pattern, pattern_impact
from ingest.loader.outcome.errors import IngestError
from ingest.models import Dataset

FIELDS = (
    *("name", "mode", "policy", "asks_approval", "declared_key", "ignore_email_case"),
    *(*Dataset.RULE, "notify_emails"),
    *("patterns", "encoding", "delimiter", "quote", "escape", "preamble", "has_header"),
    *("null_tokens", "reject_share", "reject_count"),
)
_ENDS_UNDO = {
    "mode": "After a change to or from append, earlier runs can no longer be undone.",
    "declared_key": "A change is checked against every row first; earlier runs can then no longer be undone.",
    "ignore_email_case": "A change is checked against every row first; earlier runs can then no longer be undone.",
    "type": "Checked against every value first. After a narrower type, earlier runs can no longer be undone.",
}
_SHOWN = 5
"""Datasets and files of which a pattern would draw some that are named; the others are counted."""
_MOST_LINES = 200
_LONGEST_LINE = 200


CONFIRMED = "ends_undo"
"""The field of a confirmation: what the end of undo was confirmed for."""
_NAMED = 10
"""Runs that a confirmation lists; the rest is counted."""


class _NeedsConfirmation(Exception):
    """The change ends the undo of runs, which nobody has confirmed."""


class LinesField(forms.CharField):
    """A list of texts, one a line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"widget": forms.Textarea(attrs={"rows": 3}), "strip": False, "required": False, **options})

    def prepare_value(self, value: object) -> object:
        """As it stands in the box."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: object) -> list[str]:
        """The lines that aren't empty. Raises ValidationError if there are too many, or one is too long."""
        lines = [line for line in re.split(r"\r\n|\r|\n", super().to_python(value)) if line.strip()]
        if len(lines) > _MOST_LINES or any(len(line) > _LONGEST_LINE for line in lines):
            raise ValidationError(f"Enter at most {_MOST_LINES} lines of at most {_LONGEST_LINE} characters.")
        return lines

    def run_validators(self, value: list[str]) -> None:
        """Those of a text, on each line."""
        for line in value:
            super().run_validators(line)

    def has_changed(self, initial: object, data: object) -> bool:
        """Whether the lines differ, however they end."""
        return self.to_python(self.prepare_value(initial)) != self.to_python(data)


class AnswerField(forms.CharField):
    """What somebody answers to a question of the form; nothing of the dataset."""

    def has_changed(self, initial: object, data: object) -> bool:
        """Never, so that no log says so."""
        return False


class DatasetForm(forms.ModelForm):
    """The policy of a dataset."""

    declared_key = LinesField(help_text="Key columns, one per line. If empty, the first file decides.")
    null_tokens = LinesField(label="NULL tokens", help_text="Cells loaded as NULL, one per line, such as NA.")
    patterns = LinesField(
        help_text="File patterns to load into this dataset, one per line, such as customers-*.csv or eu/orders/*.csv. "
        f"Matched against the path below {settings.PREFIX}; the longest matching pattern wins."
    )
    draws = AnswerField(required=False, label="Load these files here", widget=forms.HiddenInput)
    """Asked only where patterns would take files from others; it tells to which patterns somebody has said yes."""
    notify_emails = LinesField(
        label="Notify by e-mail",
        help_text="Addresses to notify when a file fails, is held or is late, one per line. If empty, those in "
        "NOTIFY_EMAILS are notified, except accounts that can’t see this dataset.",
    )

    open_to = forms.ModelMultipleChoiceField(
        Group.objects.order_by("name"),
        required=False,
        label="Visible to",
        widget=forms.CheckboxSelectMultiple,
        help_text="Select groups to hide the dataset, its runs and its rows from everyone else. If none is selected, "
        "everyone can see them. Admins always have access.",
    )
    column = forms.ChoiceField(required=False, help_text="Column to change.")
    type = forms.ChoiceField(required=False, choices=[("", "---------"), *((kind, kind) for kind in TYPES)])

    class Meta:
        model = Dataset
        fields = FIELDS

    user: Any = None
    """Who fills it in: no other's datasets are named. The page gives it."""

    ends_undo: dict[str, Any] | None = None
    """What is to be confirmed: the runs whose undo the change ends, and a mark of exactly this change."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in _ENDS_UNDO:
            if name in self.fields and self.instance.pk:
                field = self.fields[name]
                field.help_text = f"{field.help_text} {_ENDS_UNDO[name]}".strip()
        if "column" in self.fields:
            self.fields["column"].choices = [("", "---------"), *_columns(self.instance)]

    def clean(self) -> dict[str, Any]:
        """A column and its type are chosen together."""
        told = super().clean() or self.cleaned_data
        told["expected_unit"] = told.get("expected_unit") or Dataset.Unit.DAY
        told["grace_minutes"] = told.get("grace_minutes") or 0
        if bool(told.get("column")) != bool(told.get("type")) and not self.errors:
            self.add_error("column", "Choose both a column and its new type, or neither.")
        if {"patterns", "open_to"} & set(self.changed_data) and told.get("patterns"):
            self._check_patterns(told)
        return told

    def _check_patterns(self, told: dict[str, Any]) -> None:
        """Refuse what matches no file, and ask before files are drawn here that go elsewhere today."""
        for pattern in told["patterns"]:
            try:
                check_pattern(pattern)
            except IngestError as refused:
                self.add_error("patterns", shown.printable(str(refused), 500))
        if self.errors:
            return
        supposed = Dataset(pk=self.instance.pk, name=told.get("name") or self.instance.name, patterns=told["patterns"])
        is_closed = bool(told["open_to"]) if "open_to" in told else bool(supposed.pk and supposed.open_to.exists())
        mark = hashlib.sha256(repr((supposed.name, supposed.patterns, is_closed)).encode()).hexdigest()
        if told.get("draws") == mark:
            return
        found = pattern_impact(supposed, is_closed=is_closed, user=self.user)
        if found:
            self.data = self.data.copy()
            self.data["draws"] = ""
            self.fields["draws"].widget = forms.CheckboxInput(attrs={"value": mark})
            self.add_error("patterns", _told_of(found))

    def _post_clean(self) -> None:
        """What the rows must allow is tried once all else is right, and what they refuse is told at its field."""
        super()._post_clean()
        if self.errors or not self.instance.pk:
            return
        try:
            self._change_table()
        except _NeedsConfirmation:
            self.add_error(None, "After this change, earlier runs can no longer be undone. Confirm it first.")

    def _change_table(self) -> None:
        """Change key, mode, matching and type, all or none.

        Raises _AsksFirst, and changes nothing, where that ends undo.
        """
        field = "declared_key"
        try:
            with transaction.atomic():
                before = undoable_runs(self.instance.pk, _NAMED)
                if {"mode", "declared_key"} & set(self.changed_data):
                    told = self.cleaned_data
                    change_key(self.instance.pk, mode=told["mode"], declared_key=told["declared_key"])
                if "ignore_email_case" in self.changed_data:
                    field = "ignore_email_case"
                    ignore_email_case(self.instance.pk, self.cleaned_data[field])
                field = "type"
                if self.cleaned_data.get("column"):
                    change_type(self.instance.pk, self.cleaned_data["column"], self.cleaned_data["type"])
                self._check_confirmed(before)
        except IngestError as refused:
            self.add_error(field, str(refused))

    def _check_confirmed(self, before: UndoableRuns) -> None:
        """Raise _AsksFirst if the change has ended the undo of runs other than those that were confirmed."""
        if not before.count or undoable_runs(self.instance.pk, 0).count == before.count:
            return
        told = [self.cleaned_data.get(name) for name in ("mode", "declared_key", "ignore_email_case", "column", "type")]
        runs_meant = [before.count, [run.pk for run in before.newest]]
        mark = hashlib.sha256(repr((self.instance.pk, told, runs_meant)).encode()).hexdigest()
        if self.data.get(CONFIRMED) != mark:
            self.ends_undo = {"before": before, "mark": mark, "was_asked": CONFIRMED in self.data}
            raise _NeedsConfirmation


def _told_of(found: PatternImpact) -> str:
    parts = []
    if found.datasets:
        parts.append(f"files of dataset{'s'[: len(found.datasets) > 1]} {_some(found.datasets)}")
    if found.files:
        files = [f"{shown.printable(path, 80)} (now {name})" for path, name in found.files]
        parts.append(f"files received in the last {RECENT_DAYS} days: {_some(files)}")
    return (
        f"These patterns would take files from other datasets: {'; '.join(parts)}. Narrow the patterns, or select "
        "“Load these files here” and save again."
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _columns(dataset: Dataset) -> list[tuple[str, str]]:
    try:
        columns = columns_of(dataset.pk) if dataset.pk else {}
    except IngestError:  # a table that the loader can't read has nothing to choose
        columns = {}
    return [(name, f"{shown.printable(name)} ({kind})") for name, kind in columns.items()]
