"""The datasets: which tables there are, under which policy, and what stands in them."""

import re
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ingest.admin import shown
from ingest.admin.pages import Page
from ingest.models import Dataset

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

    class Meta:
        model = Dataset
        fields = ("name", "mode", "policy", "declared_key", "null_tokens", "patterns", "reject_share", "reject_count")


@admin.register(Dataset)
class DatasetPage(Page):
    """The list of datasets, and the page of one."""

    form = DatasetForm
    list_display = ("name", "mode", "policy", "identities_", "last_loaded", "created")
    list_filter = ("mode", "policy")
    list_select_related = ("newest",)
    search_fields = ("name",)
    search_help_text = "A part of the table's name"
    fieldsets = (
        (None, {"fields": ("name", "mode", "policy", "runs_")}),
        ("Which rows are the same", {"fields": ("declared_key", "identities_", "evidence")}),
        ("Reading", {"fields": ("patterns", "null_tokens", "reject_share", "reject_count")}),
        ("What stands in the table", {"fields": ("last_loaded", "headers_", "created")}),
    )
    _found = ("runs_", "identities_", "evidence", "last_loaded", "headers_", "created")

    def get_readonly_fields(self, request: HttpRequest, obj: Dataset | None = None) -> tuple[str, ...]:
        """What runs have found; mode and key too once they have chosen, since the rows would have to allow it."""
        fixed = ("name",) if obj else ()
        chosen = ("mode", "declared_key") if obj and obj.identities is not None else ()
        return (*self._found, *fixed, *chosen)

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Never: its runs are history."""
        return False

    def save_model(self, request: HttpRequest, obj: Dataset, form: forms.ModelForm, change: bool) -> None:
        """Write only what was edited: a run may have learnt something about the dataset in the meantime."""
        if change:
            obj.save(update_fields=[name for name in form.changed_data if name in form.fields])
        else:
            obj.save()

    @admin.display(description="rows are the same by")
    def identities_(self, dataset: Dataset) -> str:
        if dataset.identities is None:
            return "not chosen yet"
        return " or ".join(", ".join(key) for key in dataset.identities) or "nothing: rows are appended"

    @admin.display(description="last loaded", ordering="newest__finished")
    def last_loaded(self, dataset: Dataset) -> object:
        return dataset.newest.finished if dataset.newest else None

    @admin.display(description="runs")
    def runs_(self, dataset: Dataset) -> SafeString | str:
        if not dataset.pk:
            return ""
        address = f"{reverse('admin:ingest_run_changelist')}?dataset={dataset.name}"
        return format_html('<a href="{}">The runs of {}</a>', address, dataset.name)

    @admin.display(description="columns")
    def headers_(self, dataset: Dataset) -> SafeString:
        columns = [(shown.printable(header), column) for header, column in dataset.headers.items()]
        return render_to_string("ingest/headers.html", {"columns": columns})
