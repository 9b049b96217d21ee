"""Permission: whether a person may load into a dataset, asked at each step that leads to a load.

A step is asked about the dataset into which the file goes at that moment: a pattern may have been given, or a dataset
closed, since the step before. Whatever was allowed when it was asked for is then carried out: a run keeps its dataset,
and closing that one later doesn't call it back. Nobody (None) is the system itself, or the command line, where the
database's password has been asked for.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model

from ingest.loader.errors import RunFailed
from ingest.models import Dataset
from ingest.runs.destinations import Destination, destinations


def permitted(keys: Sequence[str], user: Any) -> dict[str, Destination | RunFailed]:
    """Where each of the files goes; RunFailed where that is nowhere, or a dataset that is closed to ``user``."""
    found = destinations(keys)
    numbers = {goes.dataset.pk for goes in found.values() if isinstance(goes, Destination) and goes.dataset}
    seen = _seen(numbers, user)

    def checked(goes: Destination | RunFailed) -> Destination | RunFailed:
        if isinstance(goes, Destination) and goes.dataset and goes.dataset.pk not in seen:
            return RunFailed(f"The dataset {goes.name} is closed to you: ask for access, or rename the file.")
        return goes

    return {key: checked(goes) for key, goes in found.items()}


def refuse_closed(dataset: Dataset | None, user: Any | None) -> None:
    """Raise RunFailed if ``dataset`` is closed to ``user``."""
    if dataset is not None and not _seen({dataset.pk}, user):
        raise RunFailed(f"The dataset {dataset.name} is closed to you: ask for access.")


def refuse_sender(dataset: Dataset, who: str) -> None:
    """Raise RunFailed if ``dataset`` is closed to the person of this name, who has sent a file that goes there now."""
    user = get_user_model().objects.filter(username=who).first() if who else None
    if not _seen({dataset.pk}, user):
        raise RunFailed(
            f"The file goes to the dataset {dataset.name}, which is closed to {who}, who uploaded it; nothing was "
            "loaded. Ask somebody who has access to retry this run, or upload the file under another name."
        )


def _seen(numbers: set[int], user: Any | None) -> set[int]:
    """Those of the datasets that aren't closed to ``user``."""
    if user is None or not numbers:
        return numbers
    return set(Dataset.objects.visible_to(user).filter(pk__in=numbers).values_list("pk", flat=True))
