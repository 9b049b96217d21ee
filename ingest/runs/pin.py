"""Pin how a dataset's files are read, and read the files of its open questions again."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from ingest.datasets.pins import set_pins
from ingest.models import Dataset
from ingest.runs.questions import read_again


def pin(dataset: Dataset, pins: Mapping[str, Any]) -> int:
    """Save ``pins`` (by the names in ``Dataset.PINS``; None: detected) and queue the dataset's open questions again.

    Returns how many questions there are. Raises RunFailed if a value is invalid.
    """
    with transaction.atomic():
        set_pins(dataset, pins)
        return read_again(dataset)
