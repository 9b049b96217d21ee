"""List the datasets."""

from typing import Any

from ingest.management.speaking import OutputCommand
from ingest.models import Dataset


class Command(OutputCommand):
    """`manage.py datasets`: each table with its policy and when it was loaded last."""

    help = "List the datasets. Drafts, which have only a run held as a question, are left out."

    def handle(self, *args: Any, **options: Any) -> None:
        """The table."""
        rows = [
            [
                dataset.name,
                dataset.mode,
                dataset.policy,
                _identities(dataset),
                f"{dataset.last_loaded:%Y-%m-%d %H:%M:%S}" if dataset.last_loaded else "",
            ]
            for dataset in Dataset.objects.listed().order_by("name")
        ]
        self.show(("dataset", "mode", "policy", "key", "last loaded (UTC)"), rows)


def _identities(dataset: Dataset) -> str:
    if dataset.identities is None:
        return "not chosen yet"
    told = " or ".join(", ".join(key) for key in dataset.identities) or "none"
    return f"{told} (e-mail case ignored)" if dataset.is_caseless else told
