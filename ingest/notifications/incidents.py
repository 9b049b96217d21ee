"""Record incidents, so that people are notified once per cause rather than per file, and once when it is over."""

import hashlib
import re
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from ingest.models import Dataset, Message, Run, Trouble
from ingest.notifications.channels import configured_channels
from ingest.notifications.delivery import deliver

Kind = Trouble.Kind
_MAX_INCIDENTS = 500  # that one refresh opens or closes; the next one does the others
_VARIABLE_PARTS = re.compile(r"'[^']*'|\"[^\"]*\"|\([^)]*\)|s3://\S+|\d[\d.,:%]*")


def cause_of(reason: str) -> str:
    """Return a digest of what the sentences of one cause have in common: all but numbers, quotes and brackets."""
    return hashlib.sha256(_VARIABLE_PARTS.sub("", reason).encode()).hexdigest()[:16]


def record_incident(run: Run, kind: str, reason: str) -> None:
    """Record within its transaction that ``run`` failed or is held; a new incident is sent when it commits."""
    messages = _record_incident(kind, cause_of(reason), reason, dataset=run.dataset, run=run)
    if messages:
        transaction.on_commit(lambda: deliver(messages), robust=True)


def refresh_incidents() -> None:
    """Open incidents for late datasets, and close those that are over.

    For the schedule, which delivers the messages afterwards.
    """
    open_late = Trouble.objects.filter(dataset=OuterRef("pk"), kind=Kind.LATE, closed=None)
    for dataset in Dataset.objects.late().filter(~Exists(open_late))[:_MAX_INCIDENTS]:
        last = dataset.last_loaded
        before = f"the last one was received on {last:%Y-%m-%d at %H:%M} UTC" if last else "none has been received yet"
        _record_incident(Kind.LATE, "", f"A file is expected {dataset.rule}; {before}.", dataset=dataset)
    for trouble in _over()[:_MAX_INCIDENTS]:
        _close(trouble, notify=True)
    for trouble in _settled()[:_MAX_INCIDENTS]:
        _close(trouble, notify=False)


_LOADED_SINCE = Q(dataset__last_loaded__gt=F("seen"))
_IN_TIME = Q(kind=Kind.LATE) & (Q(dataset__due=None) | Q(dataset__due__gte=Now()))


def _over() -> QuerySet[Trouble]:
    """Return incidents that are over because a file was loaded since.

    A failure is only over some minutes after the last one, so that alternating good and bad files are one incident, and
    only if no failed run of the dataset is open: an empty file counts as a load, but proves nothing about others.
    """
    quiet = Q(kind=Kind.FAILED, seen__lt=Now() - timedelta(minutes=settings.NOTIFY_QUIET_MINUTES))
    waiting = Run.objects.unacknowledged().filter(dataset=OuterRef("dataset"))
    held, failed = waiting.filter(status=Run.Status.HELD), waiting.filter(status=Run.Status.FAILED)
    over = (quiet & ~Exists(failed)) | Q(~Exists(held), kind__in=[Kind.HELD, Kind.QUESTION]) | _IN_TIME
    return _open().filter(_LOADED_SINCE).filter(over)


def _settled() -> QuerySet[Trouble]:
    """Return incidents that are over without a load: acknowledged, discarded, or their rule was removed."""
    waiting = Run.objects.unacknowledged()
    unfinished = Run.objects.filter(dataset=OuterRef("dataset"), status__in=Run.UNFINISHED)
    acknowledged = ~Exists(waiting.filter(dataset=OuterRef("dataset"))) & ~Exists(unfinished)
    nameless = Q(~Exists(waiting.filter(dataset=None)), dataset=None)
    by_runs = ~Q(kind=Kind.LATE) & (Q(acknowledged, dataset__isnull=False) | nameless)
    return _open().filter(~_LOADED_SINCE).filter(by_runs | _IN_TIME)


def _open() -> QuerySet[Trouble]:
    return Trouble.objects.filter(closed=None).select_related("dataset").order_by("pk")


def _record_incident(
    kind: str, code: str, reason: str, *, dataset: Dataset | None, run: Run | None = None
) -> list[int]:
    """Count the incident, or open a new one if its cause is new; return the ids of the new messages."""
    same = Trouble.objects.filter(dataset=dataset, kind=kind, code=code, closed=None)
    increment = {"count": F("count") + 1, "seen": Now(), "run": run}
    if same.update(**increment):
        return []
    try:
        with transaction.atomic():
            trouble = Trouble.objects.create(dataset=dataset, kind=kind, code=code, reason=reason, run=run)
            return _write(trouble, Message.Event.OPENED)
    except IntegrityError:  # another run of the same cause was faster
        same.update(**increment)
        return []


def _close(trouble: Trouble, *, notify: bool) -> None:
    with transaction.atomic():
        unchanged = Trouble.objects.filter(pk=trouble.pk, closed=None, seen=trouble.seen)
        if unchanged.update(closed=Now()) and notify:
            _write(trouble, Message.Event.CLOSED)


def _write(trouble: Trouble, event: str) -> list[int]:
    """Write a message for each channel that is configured, and return their ids."""
    recipients = {channel.name: channel.recipients(trouble.dataset) for channel in configured_channels()}
    messages = Message.objects.bulk_create(
        Message(trouble=trouble, event=event, channel=name, recipients=addresses)
        for name, addresses in recipients.items()
        if addresses is not None
    )
    return [message.pk for message in messages]
