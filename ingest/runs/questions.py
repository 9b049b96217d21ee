"""Questions: runs held until someone chooses how to read their file, and the runs that wait for them."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from ingest.models import Dataset, Run
from ingest.runs.reset import reset_fields

Status, Kind = Run.Status, Run.Kind

OF_ENCODING = "of_encoding"
"""Marks the readings offered and chosen where the question is the file's encoding."""
_ANSWERED = Q(status__in=Run.UNFINISHED, reading__isnull=False)
_BLOCKING = Q(status=Status.HELD, unclear=True) | _ANSWERED
"""Runs that other first files wait for: open questions, and answered ones that aren't loaded yet."""


def blocking_question(run: Run) -> Run | None:
    """Return the run of an earlier first file that ``run`` has to wait for, if any.

    The first file gives a table its columns, types and key, so its question is settled before the next file is loaded.
    """
    if run.kind != Kind.LOAD or run.dataset is None or run.dataset.headers:
        return None
    return _earlier().filter(dataset=run.dataset_id, pk__lt=run.pk).order_by("pk").only("pk", "status").first()


def waits_for_question() -> Q:
    """Return the condition for runs that wait for a question of a dataset that hasn't loaded anything."""
    earlier = _earlier().filter(dataset=OuterRef("dataset"), pk__lt=OuterRef("pk"))
    return Q(Exists(earlier), kind=Kind.LOAD, dataset__headers={})


def _earlier() -> QuerySet[Run]:
    return Run.objects.filter(_BLOCKING, kind=Kind.LOAD)


def read_again(dataset: Dataset) -> int:
    """Queue the dataset's open questions again after its pins changed; return how many there are.

    What was approved before their files were read stays approved.
    """
    questions = Run.objects.filter(dataset=dataset, status=Status.HELD, unclear=True)
    return questions.update(**reset_fields())


def choice(run: Run, reading: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``reading`` as it is stored on its run, with the dataset's pins at that time.

    If the run's encoding was chosen before, it stays marked as chosen.
    """
    chosen = {OF_ENCODING: True} if (run.reading or {}).get(OF_ENCODING) else {}
    return {**chosen, **reading, "pins": _pins(run.dataset)}


def forget_outdated_choice(run: Run) -> None:
    """Forget the reading chosen for the run's file if the dataset's pins have changed since."""
    if run.reading is not None and run.reading.get("pins", []) != _pins(run.dataset):
        run.reading = None


def _pins(dataset: Dataset | None) -> list[Any]:
    return [getattr(dataset, name) for name in Dataset.PINS] if dataset else []
