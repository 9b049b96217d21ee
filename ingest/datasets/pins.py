"""Pin: settle how a dataset's files are read, by command, on the upload page, or with the answer to a question."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from ingest.loader.outcome.errors import RunFailed
from ingest.models import Dataset
from ingest.models.dataset import MOST_LINES_ABOVE


def set_pins(dataset: Dataset, pins: Mapping[str, Any]) -> None:
    """Set ``pins`` and save them. Raises RunFailed, with a sentence, where a value can't be."""
    for name, value in pins.items():
        setattr(dataset, name, value)
    refuse_impossible(dataset)
    dataset.save(update_fields=list(pins))


def may_pin(dataset: Dataset | None, user: Any | None) -> bool:
    """Return whether ``user`` may set how the files of ``dataset`` are read with an upload.

    That is for the first file: of a dataset that is yet to be created, or that was created for a file of its name.
    """
    if dataset is None or dataset.headers:
        return dataset is None
    return dataset.is_draft or (user is not None and bool(user.has_perm("ingest.change_dataset")))


def refuse_impossible(dataset: Dataset) -> None:
    """Raise RunFailed, with a sentence, if one of the dataset's pins can't be what files are written with."""
    above = dataset.preamble
    if isinstance(above, bool) or (isinstance(above, str) and not (above.isascii() and above.isdecimal())):
        raise RunFailed(f"Lines above the header: {above!r:.40} is not a whole number.")
    others = [field.name for field in Dataset._meta.fields if field.name not in Dataset.PINS]
    try:
        dataset.clean_fields(exclude=others)
        dataset.check_escape()
    except ValidationError as refused:
        name, (sentence, *_) = next(iter(refused.message_dict.items()))
        raise RunFailed(f"{Dataset._meta.get_field(name).verbose_name.capitalize()}: {sentence}") from None


def pins_of(reading: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pins by which the next files are read as ``reading`` says; "none" for a reading without quotes.

    Quotes around whole lines, a header in a comment, and a delimiter that a first line names can't be pinned: the next
    files are known by their header. The answer to a question about the encoding alone pins that alone.
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
    is_settled = not reading.get("commented") and reading["preamble"] <= MOST_LINES_ABOVE
    return {**pins, "preamble": reading["preamble"]} if is_settled else pins
