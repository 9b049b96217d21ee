"""Where a file goes: into the dataset whose pattern it matches, else into the one of its name (BEHAVIOUR 2).

A closed dataset comes first, by pattern or by name: who may not see it can't draw its files elsewhere by a pattern.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from django.conf import settings
from django.db.models import Exists, OuterRef, Q

from ingest.loader.errors import RunFailed
from ingest.loader.names import table_name
from ingest.models import Dataset, Opening
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Supposed:
    """A dataset as somebody thinks of having it, in the place of the one that stands."""

    dataset: Dataset
    is_closed: bool


def destination(key: str) -> tuple[Dataset, str]:
    """The dataset into which the file ``key`` goes, made if there is none yet, and the pattern that sends it there.

    A preview has the dataset that its file would go into; the pattern is empty where the file's name leads there.
    Raises RunFailed where nothing is left of the name.
    """
    found = destinations([key])[key]
    if isinstance(found, RunFailed):
        raise found
    return found.dataset or Dataset.objects.get_or_create(name=found.name)[0], found.pattern


def destinations(keys: Iterable[str], supposed: Supposed | None = None) -> dict[str, Destination | RunFailed]:
    """Where each of the files goes, asked in one query; nothing is made. RunFailed where nothing is left of a name."""
    names = {key: _named(key) for key in keys}
    wanted = [name for name in names.values() if isinstance(name, str)]
    openings = Opening.objects.filter(dataset_id=OuterRef("pk"))
    candidates = list(Dataset.objects.filter(~Q(patterns=[]) | Q(name__in=wanted)).annotate(is_closed=Exists(openings)))
    closed = [dataset for dataset in candidates if dataset.is_closed]
    if supposed:
        candidates = [*(each for each in candidates if each.pk != supposed.dataset.pk), supposed.dataset]
        closed = [each for each in closed if each.pk != supposed.dataset.pk]
        closed += [supposed.dataset] if supposed.is_closed else []
    return {
        key: _claimed(key, name, closed) or _claimed(key, name, candidates) or _new(name) for key, name in names.items()
    }


def _claimed(key: str, name: str | RunFailed, datasets: Iterable[Dataset]) -> Destination | None:
    """The one of ``datasets`` to which the file belongs, by a pattern before by its name."""
    by_name = (Destination(name=each.name, dataset=each, pattern="") for each in datasets if each.name == name)
    return _matched(key, datasets) or next(by_name, None)


def _new(name: str | RunFailed) -> Destination | RunFailed:
    return name if isinstance(name, RunFailed) else Destination(name=name, dataset=None, pattern="")


def _named(key: str) -> str | RunFailed:
    try:
        return table_name(key_of_load(key))
    except RunFailed as refused:
        return refused


def _matched(key: str, datasets: Iterable[Dataset]) -> Destination | None:
    """The longest pattern that matches; of equal ones the older dataset's."""
    behind_prefix = key_of_load(key).removeprefix(settings.PREFIX)
    matches = [
        (len(pattern), -(dataset.pk or sys.maxsize), Destination(name=dataset.name, dataset=dataset, pattern=pattern))
        for dataset in datasets
        for pattern in dataset.patterns
        if fnmatchcase(behind_prefix, pattern)
    ]
    return max(matches, key=lambda match: match[:2])[2] if matches else None
