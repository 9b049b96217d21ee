"""Pins that an operator sets: the dataset's open questions are read again with them."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from ingest.datasets.pins import set_pins
from ingest.models import Dataset
from ingest.runs.questions import read_again


def pin(dataset: Dataset, pins: Mapping[str, Any]) -> int:
    """Set ``pins`` (names of ``Dataset.PINS``; None: found out) and save them; the dataset's questions are read again.

    Returns how many those are. Raises RunFailed, with a sentence, where a value can't be.
    """
    with transaction.atomic():
        set_pins(dataset, pins)
        return read_again(dataset)
