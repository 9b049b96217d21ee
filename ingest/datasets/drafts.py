"""Drafts: datasets created for a file of which nothing was loaded yet. They are deleted with their last run."""

from collections.abc import Iterable
from contextlib import suppress

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.db.models.functions import Coalesce, Now

from ingest.models import Dataset, Run, Trouble

_ENDED_WITHOUT_LOAD = (Run.Status.DISCARDED, Run.Status.SUPERSEDED)


def remove_if_abandoned(dataset: Dataset) -> bool:
    """Delete ``dataset`` if it is a draft and all its runs were discarded or superseded; return whether it was.

    Its runs stay as history, without a dataset.
    """
    runs = Run.objects.filter(dataset=dataset)
    if not dataset.is_draft or runs.exclude(status__in=_ENDED_WITHOUT_LOAD).exists():
        return False
    return delete(dataset, runs.values_list("pk", flat=True))


def delete(draft: Dataset, run_ids: Iterable[int]) -> bool:
    """Delete ``draft`` and detach the runs from it. Returns False, and changes nothing, if it has other runs."""
    with (
        suppress(IntegrityError, ProtectedError),
        transaction.atomic(),
    ):  # another file of that name may just have arrived
        Run.objects.filter(pk__in=run_ids).update(dataset=None)
        # Incidents and their messages are kept, also those that are still to be sent.
        Trouble.objects.filter(dataset=draft).update(dataset=None, closed=Coalesce("closed", Now()))
        draft.delete()
        return True
    return False
