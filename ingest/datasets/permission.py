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
    found = destinations(keys)
    numbers = {goes.dataset.pk for goes in found.values() if isinstance(goes, Destination) and goes.dataset}
    seen = _visible(numbers, user)

    def checked(goes: Destination | RunFailed) -> Destination | RunFailed:
        if isinstance(goes, Destination) and goes.dataset and goes.dataset.pk not in seen:
            return RunFailed("This file goes to a dataset that is closed to you: ask for access, or rename the file.")
        return goes

    return {key: checked(goes) for key, goes in found.items()}


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

    Or nobody ("": the file was put in the bucket), or somebody at the command line, who may write anywhere in it.
    An account that is gone has access to nothing.
    """
    if not who or who.endswith(AT_THE_COMMAND_LINE):
        return True
    user = account_of(who)
    return user is not None and bool(_visible({dataset.pk}, user))


def account_of(who: str) -> Any | None:
    """Return the account of the sender of a file; None where there is none, or none any more."""
    accounts = get_user_model()
    return accounts.objects.filter(**{accounts.USERNAME_FIELD: who}).first()


def _visible(numbers: set[int], user: Any | None) -> set[int]:
    """Return the datasets that are open to ``user``."""
    if user is None or not numbers:
        return numbers
    return set(Dataset.objects.visible_to(user).filter(pk__in=numbers).values_list("pk", flat=True))
