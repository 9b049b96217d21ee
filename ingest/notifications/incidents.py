"""Troubles: what goes wrong is told once for each cause, not for each file, and when it is over."""

import hashlib
import re
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Lower, Now

from ingest.models import Dataset, Message, Run, Trouble
from ingest.notifications.delivery import deliver

Kind = Trouble.Kind
_AT_ONCE = 500  # troubles that one look opens or closes; the next look takes the others
_CHANGING = re.compile(r"'[^']*'|\"[^\"]*\"|\([^)]*\)|s3://\S+|\d[\d.,:%]*")


def cause_of(reason: str) -> str:
    """What is the same in the sentences of one cause: all but numbers, what is quoted, and what is in brackets."""
    return hashlib.sha256(_CHANGING.sub("", reason).encode()).hexdigest()[:16]


def record_incident(run: Run, kind: str, reason: str) -> None:
    """Within the transaction that ends ``run``: note that it failed or is held; if that is new, it is told at once."""
    messages = _record_incident(kind, cause_of(reason), reason, dataset=run.dataset, run=run)
    if messages:
        transaction.on_commit(lambda: deliver(messages), robust=True)


def refresh_incidents() -> None:
    """What no run's end tells: datasets that have become late, and troubles that are over.

    For the schedule, which delivers the messages afterwards.
    """
    told = Trouble.objects.filter(dataset=OuterRef("pk"), kind=Kind.LATE, closed=None)
    for dataset in Dataset.objects.late().filter(~Exists(told))[:_AT_ONCE]:
        last = dataset.last_loaded
        before = f"the last one was received on {last:%Y-%m-%d at %H:%M} UTC" if last else "none has been received yet"
        _record_incident(Kind.LATE, "", f"A file is expected {dataset.rule}; {before}.", dataset=dataset)
    for trouble in _over()[:_AT_ONCE]:
        _close(trouble, tell=True)
    for trouble in _settled()[:_AT_ONCE]:
        _close(trouble, tell=False)


_LOADED_SINCE = Q(dataset__last_loaded__gt=F("seen"))
_IN_TIME = Q(kind=Kind.LATE) & (Q(dataset__due=None) | Q(dataset__due__gte=Now()))


def _over() -> QuerySet[Trouble]:
    """Troubles after which a file was loaded.

    A failure some minutes after the last one only: good and bad files that come in turns are one trouble. And only once
    no failed run of the dataset is open: an empty file is a delivery, and shows nothing of whether files can be loaded.
    """
    quiet = Q(kind=Kind.FAILED, seen__lt=Now() - timedelta(minutes=settings.NOTIFY_QUIET_MINUTES))
    waiting = Run.objects.unacknowledged().filter(dataset=OuterRef("dataset"))
    held, failed = waiting.filter(status=Run.Status.HELD), waiting.filter(status=Run.Status.FAILED)
    over = (quiet & ~Exists(failed)) | Q(~Exists(held), kind__in=[Kind.HELD, Kind.QUESTION]) | _IN_TIME
    return _open().filter(_LOADED_SINCE).filter(over)


def _settled() -> QuerySet[Trouble]:
    """Troubles that nobody waits for any more, though no file was loaded: acknowledged, discarded, the rule is gone."""
    waiting = Run.objects.unacknowledged()
    unfinished = Run.objects.filter(dataset=OuterRef("dataset"), status__in=Run.UNFINISHED)
    answered = ~Exists(waiting.filter(dataset=OuterRef("dataset"))) & ~Exists(unfinished)
    nameless = Q(~Exists(waiting.filter(dataset=None)), dataset=None)
    by_runs = ~Q(kind=Kind.LATE) & (Q(answered, dataset__isnull=False) | nameless)
    return _open().filter(~_LOADED_SINCE).filter(by_runs | _IN_TIME)


def _open() -> QuerySet[Trouble]:
    return Trouble.objects.filter(closed=None).select_related("dataset").order_by("pk")


def _record_incident(
    kind: str, code: str, reason: str, *, dataset: Dataset | None, run: Run | None = None
) -> list[int]:
    """The messages (their ids) if nobody has been told of this cause; else it is only counted."""
    same = Trouble.objects.filter(dataset=dataset, kind=kind, code=code, closed=None)
    once_more = {"count": F("count") + 1, "seen": Now(), "run": run}
    if same.update(**once_more):
        return []
    try:
        with transaction.atomic():
            trouble = Trouble.objects.create(dataset=dataset, kind=kind, code=code, reason=reason, run=run)
            return _write(trouble, Message.Event.OPENED)
    except IntegrityError:  # another run of the same cause was faster
        same.update(**once_more)
        return []


def _close(trouble: Trouble, *, tell: bool) -> None:
    with transaction.atomic():
        unchanged = Trouble.objects.filter(pk=trouble.pk, closed=None, seen=trouble.seen)
        if unchanged.update(closed=Now()) and tell:
            _write(trouble, Message.Event.CLOSED)


def recipients(dataset: Dataset | None) -> list[str]:
    """Who is told of what concerns ``dataset`` by e-mail: its own people, else everybody's.

    Of a closed one without people of its own, nobody whose account may not see it: its name alone says something.
    Addresses without an account are the deployer's to answer for, as webhook and topic are.
    """
    if dataset and dataset.notify_emails:
        return list(dict.fromkeys(dataset.notify_emails))
    if dataset is None or not dataset.openings.exists():
        return list(settings.NOTIFY_EMAILS)
    accounts = get_user_model().objects.annotate(address=Lower("email"))
    told = accounts.filter(address__in=[address.lower() for address in settings.NOTIFY_EMAILS])
    outside = {user.address for user in told if not _may_see(user, dataset)}
    return [address for address in settings.NOTIFY_EMAILS if address.lower() not in outside]


def _may_see(user: Any, dataset: Dataset) -> bool:
    return user.has_perm("ingest.view_dataset") and Dataset.objects.visible_to(user).filter(pk=dataset.pk).exists()


def _write(trouble: Trouble, event: str) -> list[int]:
    """The messages (their ids), one for each channel that there is."""
    channels = {
        Message.Channel.EMAIL: recipients(trouble.dataset) if settings.EMAIL_HOST else [],
        Message.Channel.WEBHOOK: settings.NOTIFY_WEBHOOK_URL,
        Message.Channel.SNS: settings.NOTIFY_TOPIC_ARN,
    }
    messages = Message.objects.bulk_create(
        Message(trouble=trouble, event=event, channel=channel, recipients=to if channel == "email" else [])
        for channel, to in channels.items()
        if to
    )
    return [message.pk for message in messages]
