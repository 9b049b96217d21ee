"""The form of a dataset's policy: each field explained, and what the rows refuse told at its field."""

import re
from typing import Any

from django import forms
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction

from ingest import runs
from ingest.admin import shown
from ingest.loader.errors import IngestError
from ingest.models import Dataset

FIELDS = (
    *("name", "mode", "policy", "asks_approval", "declared_key"),
    *(*Dataset.RULE, "notify_emails"),
    *("patterns", "encoding", "delimiter", "has_header", "null_tokens", "reject_share", "reject_count"),
)
_ENDS_UNDO = {
    "mode": "A change from or to append ends the undo of all runs so far.",
    "declared_key": "A change is tried on every row first, and ends the undo of all runs so far.",
    "type": "Tried on every value first; a narrower type ends the undo of all runs so far.",
}
_MOST_LINES = 200
_LONGEST_LINE = 200


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
            raise ValidationError(f"At most {_MOST_LINES} lines of at most {_LONGEST_LINE} characters.")
        return lines

    def run_validators(self, value: list[str]) -> None:
        """Those of a text, on each line."""
        for line in value:
            super().run_validators(line)

    def has_changed(self, initial: object, data: object) -> bool:
        """Whether the lines differ, however they end."""
        return self.to_python(self.prepare_value(initial)) != self.to_python(data)


class DatasetForm(forms.ModelForm):
    """The policy of a dataset."""

    declared_key = LinesField(help_text="Columns by which rows are the same, one a line; none: the first file chooses.")
    null_tokens = LinesField(help_text="Cells that mean NULL, one a line, such as NA.")
    patterns = LinesField(
        help_text="Files that belong here, one a line, such as customers-*.csv or eu/orders/*.csv; the longest wins."
    )
    notify_emails = LinesField(
        label="Tell by e-mail",
        help_text="Besides those who are always told, one address a line: when a file fails, is held or is late.",
    )

    open_to = forms.ModelMultipleChoiceField(
        Group.objects.order_by("name"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Tick groups to close it, its runs and its rows to everybody else; with none it is open to all. "
        "Who may close datasets sees it anyway.",
    )
    column = forms.ChoiceField(required=False, help_text="A column of the table, if its type is to change.")
    type = forms.ChoiceField(required=False, choices=[("", "---------"), *((kind, kind) for kind in runs.TYPES)])

    class Meta:
        model = Dataset
        fields = FIELDS

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in ("declared_key", "mode", "type"):
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
        return told

    def _post_clean(self) -> None:
        """What the rows must allow is tried once all else is right, and what they refuse is told at its field."""
        super()._post_clean()
        if self.errors or not self.instance.pk:
            return
        field = "declared_key"
        try:
            with transaction.atomic():  # both or neither
                if {"mode", "declared_key"} & set(self.changed_data):
                    told = self.cleaned_data
                    runs.change_key(self.instance.pk, mode=told["mode"], declared_key=told["declared_key"])
                field = "type"
                if self.cleaned_data.get("column"):
                    runs.change_type(self.instance.pk, self.cleaned_data["column"], self.cleaned_data["type"])
        except IngestError as refused:
            self.add_error(field, str(refused))


def _columns(dataset: Dataset) -> list[tuple[str, str]]:
    try:
        columns = runs.columns_of(dataset.pk) if dataset.pk else {}
    except IngestError:  # a table that the loader can't read has nothing to choose
        columns = {}
    return [(name, f"{shown.printable(name)} ({kind})") for name, kind in columns.items()]
