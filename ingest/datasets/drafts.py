"""Drafts: datasets that were created for a file of which nothing has been loaded; they go with their last run."""

from collections.abc import Iterable
from contextlib import suppress

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.db.models.functions import Coalesce, Now

from ingest.models import Dataset, Run, Trouble

_LEAVES_NOTHING = (Run.Status.DISCARDED, Run.Status.SUPERSEDED)


def remove_left(dataset: Dataset) -> bool:
    """Delete ``dataset`` if it is a draft whose every run was given up; return whether it was.

    Its runs stay as history, without a dataset.
    """
    runs = Run.objects.filter(dataset=dataset)
    if not dataset.is_draft or runs.exclude(status__in=_LEAVES_NOTHING).exists():
        return False
    return delete(dataset, runs.values_list("pk", flat=True))


def delete(draft: Dataset, run_ids: Iterable[int]) -> bool:
    """Delete ``draft``, and let the runs go on without it; return False, and change nothing, if another has come."""
    with suppress(IntegrityError, ProtectedError), transaction.atomic():  # another file of that name may just have come
        Run.objects.filter(pk__in=run_ids).update(dataset=None)
        # What people were told of it stays, and what is still to be sent.
        Trouble.objects.filter(dataset=draft).update(dataset=None, closed=Coalesce("closed", Now()))
        draft.delete()
        return True
    return False
