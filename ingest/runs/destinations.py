"""Where a file goes: into the dataset whose pattern it matches, else into the one of its name (BEHAVIOUR 2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from django.conf import settings
from django.db.models import Q

from ingest.loader.errors import RunFailed
from ingest.loader.names import table_name
from ingest.models import Dataset
from ingest.runs.previewing import key_of_load


@dataclass(frozen=True, kw_only=True, slots=True)
class Destination:
    """Where one file goes."""

    name: str
    """Of the dataset."""
    dataset: Dataset | None
    """None where the file would be the first of a new one."""
    pattern: str
    """That the file matches; empty where its name leads there."""


def destination(key: str) -> Dataset:
    """The dataset into which the file ``key`` goes, made if there is none yet.

    A preview has the dataset that its file would go into. Raises RunFailed where nothing is left of the name.
    """
    found = destinations([key])[key]
    if isinstance(found, RunFailed):
        raise found
    return found.dataset or Dataset.objects.get_or_create(name=found.name)[0]


def destinations(keys: Iterable[str]) -> dict[str, Destination | RunFailed]:
    """Where each of the files goes, asked in one query; nothing is made. RunFailed where nothing is left of a name."""
    names = {key: _named(key) for key in keys}
    wanted = [name for name in names.values() if isinstance(name, str)]
    candidates = list(Dataset.objects.filter(~Q(patterns=[]) | Q(name__in=wanted)))
    by_name = {dataset.name: dataset for dataset in candidates}
    patterned = [dataset for dataset in candidates if dataset.patterns]
    found: dict[str, Destination | RunFailed] = {}
    for key, name in names.items():
        matched = _matched(key, patterned)
        if matched:
            found[key] = matched
        elif isinstance(name, RunFailed):
            found[key] = name
        else:
            found[key] = Destination(name=name, dataset=by_name.get(name), pattern="")
    return found


def _named(key: str) -> str | RunFailed:
    try:
        return table_name(key_of_load(key))
    except RunFailed as refused:
        return refused


def _matched(key: str, datasets: Iterable[Dataset]) -> Destination | None:
    """The longest pattern that matches; of equal ones the older dataset's."""
    behind_prefix = key_of_load(key).removeprefix(settings.PREFIX)
    matches = [
        (len(pattern), -dataset.pk, Destination(name=dataset.name, dataset=dataset, pattern=pattern))
        for dataset in datasets
        for pattern in dataset.patterns
        if fnmatchcase(behind_prefix, pattern)
    ]
    return max(matches, key=lambda match: match[:2])[2] if matches else None
