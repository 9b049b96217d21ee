"""Pins: settings of a dataset for how its files are read, set by command, on upload, or by answering a question."""

import re
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from ingest.loader.outcome.errors import RunFailed
from ingest.models import Dataset
from ingest.models.dataset import MOST_LINES_ABOVE


def set_pins(dataset: Dataset, pins: Mapping[str, Any]) -> None:
    """Set ``pins`` and save them. Raises RunFailed if a value is invalid."""
    for name, value in pins.items():
        setattr(dataset, name, value)
    refuse_impossible(dataset)
    dataset.save(update_fields=list(pins))


def may_pin(dataset: Dataset | None, user: Any | None) -> bool:
    """Return whether ``user`` may pin how the files of ``dataset`` are read when uploading one.

    Only with the first file: of a new dataset, or of one that was created for a file of its name.
    """
    if dataset is None or dataset.headers:
        return dataset is None
    return dataset.is_draft or (user is not None and bool(user.has_perm("ingest.change_dataset")))


def refuse_impossible(dataset: Dataset) -> None:
    """Raise RunFailed if one of the dataset's pins is invalid."""
    above = dataset.preamble
    if isinstance(above, bool) or (isinstance(above, str) and not re.fullmatch("-?[0-9]+", above)):
        raise RunFailed(f"Lines above the header: {above!r:.40} is not a whole number.")
    others = [field.name for field in Dataset._meta.fields if field.name not in Dataset.PINS]
    try:
        dataset.clean_fields(exclude=others)
        dataset.check_escape()
    except ValidationError as refused:
        name, (sentence, *_) = next(iter(refused.message_dict.items()))
        raise RunFailed(f"{Dataset._meta.get_field(name).verbose_name.capitalize()}: {sentence}") from None


def pins_of(reading: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pins that make the next files be read like ``reading``; without quotes, the quote is "none".

    Quotes around whole lines, a header in a comment, and a delimiter declared in the first line can't be pinned: the
    next files are recognized by their header. Answering a question about the encoding pins only the encoding.
    """
    if "delimiter" not in reading:
        return {"encoding": reading["encoding"]}
    if reading.get("wrapped") or reading["delimiter"] not in Dataset.Delimiter.values:
        return {}
    pins = {
        "delimiter": reading["delimiter"],
        "quote": reading["quote"] or Dataset.Quote.NONE,
        "escape": reading["escape"] if reading["quote"] else None,
        "has_header": reading["has_header"],
    }
    is_pinnable = not reading.get("commented") and reading["preamble"] <= MOST_LINES_ABOVE
    return {**pins, "preamble": reading["preamble"]} if is_pinnable else pins
