"""The end of undo: what a change of key, mode or type costs, as its confirmation says it."""

from typing import Any

from ingest.admin import shown
from ingest.admin.datasets.form import DatasetForm
from ingest.datasets.alter import columns_of
from ingest.models import Dataset


def ending(dataset: Dataset, form: DatasetForm) -> dict[str, Any]:
    """Return what the confirmation says of ``dataset``, as it is stored, and of the change that ``form`` asks for."""
    before = form.ends_undo["before"]
    return {
        "changes": _changes(dataset, form.cleaned_data),
        "number": before.count,
        "runs": [(run, shown.printable(run.file_name, 80)) for run in before.newest],
        "unlisted": before.count - len(before.newest),
    }


def _changes(dataset: Dataset, told: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What is changed, from what, to what."""
    key = " or ".join(", ".join(names) for names in dataset.identities or ()) or "none"
    wanted = ", ".join(told.get("declared_key") or ()) or "chosen by the first file"
    found = []
    if told.get("mode") != dataset.mode:
        found.append(("Mode", dataset.mode, str(told["mode"])))
    if told.get("declared_key") != dataset.declared_key:
        found.append(("Key", key, wanted))
    if told.get("ignore_email_case") != dataset.ignore_email_case:
        ways = ("exact", "regardless of case and surrounding spaces")
        found.append(("E-mail matching", ways[dataset.ignore_email_case], ways[not dataset.ignore_email_case]))
    if column := told.get("column"):
        types = columns_of(dataset.pk)
        found.append((f"Type of {column}", types.get(column, ""), str(told["type"])))
    return [tuple(shown.printable(text, 120) for text in each) for each in found]
