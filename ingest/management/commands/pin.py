"""Settle how the files of a dataset are read."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError

from ingest.datasets.pins import refuse_impossible
from ingest.loader.outcome.errors import RunFailed
from ingest.management.speaking import OutputCommand
from ingest.management.tables import plain
from ingest.models import Dataset
from ingest.runs.pin import pin

_DETECT = "detect"
_WORDS = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "\\t": "\t",
    "bar": "|",
    "pipe": "|",
    "double": '"',
    "single": "'",
    "backslash": "\\",
    "yes": True,
    "no": False,
}
"""What can be written for a value that a shell makes hard to write."""


class Command(OutputCommand):
    """`manage.py pin DATASET --delimiter semicolon --lines-above 4`: before its first file, or for its next ones."""

    help = (
        "Set the file format of a dataset, before its first file or for later ones. Files held as a question are read "
        "again. Without options, show the current settings."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The dataset, and an option for each setting."""
        parser.add_argument("dataset", help="name of the dataset; created if it does not exist")
        told = f"; {_DETECT}: detect it from each file"
        parser.add_argument("--delimiter", help=f"comma, semicolon, tab or bar{told}")
        parser.add_argument("--quote", help=f"double, single or none{told}")
        parser.add_argument("--escape", help=f"double or single (the quote is doubled), or backslash{told}")
        parser.add_argument("--lines-above", dest="preamble", metavar="N", help=f"lines above the header{told}")
        parser.add_argument("--header", dest="has_header", metavar="yes|no", help=f"whether files have a header{told}")
        parser.add_argument("--encoding", help=f"for example cp1252{told}")

    def handle(self, *args: Any, **options: Any) -> None:
        """Set and show them. Raises CommandError for a name or a value that can't be."""
        given = {name: _value(name, options[name]) for name in Dataset.PINS if options[name] is not None}
        dataset = Dataset.objects.filter(name=options["dataset"]).first()
        try:
            dataset = dataset or _created(options["dataset"], given)
            count = pin(dataset, given) if given else 0
        except RunFailed as refused:
            raise CommandError(plain(str(refused))) from None
        self.stdout.write(f"{dataset.name}: {_told(dataset)}")
        if count:
            files = "1 held file is" if count == 1 else f"{count:,} held files are"
            self.stdout.write(f"{files} read again with these settings.")


def _value(name: str, text: str) -> Any:
    if text == _DETECT:
        return None
    return text if name == "encoding" else _WORDS.get(text, text)


def _created(name: str, given: dict[str, Any]) -> Dataset:
    """The dataset for files that are still to come. Raises RunFailed for a value, CommandError for a name."""
    if not given:
        raise CommandError(plain(f"Dataset {name} does not exist."))
    dataset = Dataset(name=name, **given)
    refuse_impossible(dataset)
    try:
        dataset.full_clean()
    except ValidationError as refused:
        raise CommandError(plain(" ".join(refused.messages))) from None
    dataset.save()
    return dataset


def _told(dataset: Dataset) -> str:
    """Each setting and its value, in words."""
    values = {name: getattr(dataset, name) for name in Dataset.PINS}
    names = {name: str(Dataset._meta.get_field(name).verbose_name) for name in values}
    told = [f"{names[name]} {_shown(name, value)}" for name, value in values.items() if value not in (None, "")]
    return ", ".join(told) or "everything is detected from each file"


def _shown(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    choices = dict(Dataset._meta.get_field(name).choices or ())
    return plain(str(choices.get(value, value)).partition(":")[0])
