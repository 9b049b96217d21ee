"""Check at each step that leads to a load whether the person may load into the dataset.

The check is on the dataset that the file goes to at that moment: since the previous step a pattern may have changed, or
a dataset may have been closed. A request that was allowed is executed: a queued run keeps its dataset, and closing the
dataset doesn't cancel it. The user None is the system or the command line, which already has the database's password.

No refusal names the dataset: a pattern may lead a file of any name to one that the person must not know of.
"""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth import get_user_model

from ingest.datasets.routing import Destination, destinations
from ingest.loader.outcome.errors import RunFailed
from ingest.models import Dataset

AT_THE_COMMAND_LINE = " at the command line"
"""After the name of whoever uses a command; no account has a name with spaces."""


def permitted(keys: Sequence[str], user: Any) -> dict[str, Destination | RunFailed]:
    """Return where each file goes; RunFailed if nowhere, or into a dataset that is closed to ``user``."""
    by_key = destinations(keys)
    dataset_ids = {to.dataset.pk for to in by_key.values() if isinstance(to, Destination) and to.dataset}
    visible = _visible(dataset_ids, user)

    def checked(destination: Destination | RunFailed) -> Destination | RunFailed:
        if isinstance(destination, Destination) and destination.dataset and destination.dataset.pk not in visible:
            return RunFailed("This file goes to a dataset that is closed to you: ask for access, or rename the file.")
        return destination

    return {key: checked(destination) for key, destination in by_key.items()}


def require_access(dataset: Dataset | None, user: Any | None) -> None:
    """Raise RunFailed if ``dataset`` is closed to ``user``."""
    if dataset is not None and not _visible({dataset.pk}, user):
        raise RunFailed("Its dataset is closed to you: ask for access.")


def require_sender_access(dataset: Dataset, who: str) -> None:
    """Raise RunFailed if ``dataset`` is closed to the user named ``who``, who uploaded a file that now goes there."""
    if not sender_may_load(dataset, who):
        raise RunFailed(
            f"{who} uploaded this file but has no access to the dataset where it goes now. Nothing was loaded. Ask "
            "someone with access to retry this run, or upload the file under another name."
        )


def sender_may_load(dataset: Dataset, who: str) -> bool:
    """Return whether the sender of a file may load it into ``dataset``: an account that has access to it.

    Files without a sender ("": put in the bucket) and from the command line are always allowed, since whoever put them
    there may write anywhere in the bucket. A deleted account has access to nothing.
    """
    if not who or who.endswith(AT_THE_COMMAND_LINE):
        return True
    user = account_of(who)
    return user is not None and bool(_visible({dataset.pk}, user))


def account_of(who: str) -> Any | None:
    """Return the account of the sender of a file, or None if there is none, or it was deleted."""
    accounts = get_user_model()
    return accounts.objects.filter(**{accounts.USERNAME_FIELD: who}).first()


def _visible(dataset_ids: set[int], user: Any | None) -> set[int]:
    """Return those of the datasets that are open to ``user``."""
    if user is None or not dataset_ids:
        return dataset_ids
    return set(Dataset.objects.visible_to(user).filter(pk__in=dataset_ids).values_list("pk", flat=True))
