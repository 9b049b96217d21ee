"""Questions: runs that are held until somebody chooses how their file is read, and what waits behind them."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from ingest.models import Dataset, Run
from ingest.runs.reset import reset_fields

Status, Kind = Run.Status, Run.Kind

OF_ENCODING = "of_encoding"
"""Marks what is offered, and chosen, where the question is in which encoding a file is."""
_CHOSEN = Q(status__in=Run.UNFINISHED, reading__isnull=False)
_IN_FRONT = Q(status=Status.HELD, unclear=True) | _CHOSEN
"""Runs that further first files wait behind: questions, and those that have been answered and aren't loaded yet."""


def in_front_of(run: Run) -> Run | None:
    """Return the earlier first file that ``run`` waits behind; None if its dataset has loaded one, or none is unclear.

    The first file gives a table its columns, types and key: so it is settled before the next one.
    """
    if run.kind != Kind.LOAD or run.dataset is None or run.dataset.headers:
        return None
    return _earlier().filter(dataset=run.dataset_id, pk__lt=run.pk).order_by("pk").only("pk", "status").first()


def is_behind() -> Q:
    """Return the condition on runs that wait behind a question of a dataset that has loaded nothing."""
    earlier = _earlier().filter(dataset=OuterRef("dataset"), pk__lt=OuterRef("pk"))
    return Q(Exists(earlier), kind=Kind.LOAD, dataset__headers={})


def _earlier() -> QuerySet[Run]:
    return Run.objects.filter(_IN_FRONT, kind=Kind.LOAD)


def read_again(dataset: Dataset) -> int:
    """Have the files of the dataset's questions read again, now that its pins have changed; return how many they are.

    What was approved of such a run before its file was looked at stays approved.
    """
    asked = Run.objects.filter(dataset=dataset, status=Status.HELD, unclear=True)
    return asked.update(**reset_fields())


def choice(run: Run, reading: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``reading`` as it is kept on the run it was chosen for, with the pins under which it was.

    Where the run's encoding was chosen before, ``reading`` has it too, and it is still told as chosen.
    """
    chosen = {OF_ENCODING: True} if (run.reading or {}).get(OF_ENCODING) else {}
    return {**chosen, **reading, "pins": _pins(run.dataset)}


def forget_overtaken_choice(run: Run) -> None:
    """Forget the reading that was chosen for the run's file if the dataset's pins have been changed since."""
    if run.reading is not None and run.reading.get("pins", []) != _pins(run.dataset):
        run.reading = None


def _pins(dataset: Dataset | None) -> list[Any]:
    return [getattr(dataset, name) for name in Dataset.PINS] if dataset else []
