"""Send messages by each channel, and retry those that fail with growing pauses, so that none is lost."""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F
from django.db.models.functions import Now
from django.urls import reverse

from ingest.loader.outcome.errors import RunInterrupted
from ingest.models import Message, Trouble
from ingest.notifications.channel import Channel, Notification
from ingest.notifications.channels import CHANNELS
from ingest.notifications.redaction import scrub

_LOG = logging.getLogger("ingest.messages")

_MAX_MESSAGES = 500  # of one call of deliver()
_MAX_COMBINED = 100  # messages in one notification
_MAX_ATTEMPTS = 40
"""With the pauses below: a day and a half."""
_FIRST_PAUSE, _LONGEST_PAUSE = 30, 3600  # seconds
_MAX_ERROR_LENGTH = 500  # characters
_TITLES = {
    ("failed", "opened"): "{}: a file was not loaded",
    ("failed", "closed"): "{}: files are loaded again",
    ("held", "opened"): "{}: a file is held for a decision",
    ("held", "closed"): "{}: no files are held anymore",
    ("question", "opened"): "{}: choose how a file is read",
    ("question", "closed"): "{}: no files are held anymore",
    ("late", "opened"): "{}: a file is late",
    ("late", "closed"): "{}: the file has arrived",
}


def deliver(ids: Sequence[int] | None = None, *, until: Callable[[], bool] = lambda: False) -> int:
    """Send the messages that are due, and return how many were sent.

    ``ids`` limits it to these messages; ``until`` is asked before each notification whether to stop.

    Messages of one channel to the same recipients are combined: when a whole source stops, a hundred datasets are late
    at once. A channel that fails raises nothing: its messages wait for the next call.
    """
    due = Message.objects.filter(sent=None, not_before__lte=Now()).select_related("trouble__dataset", "trouble__run")
    if ids is not None:
        due = due.filter(pk__in=ids)
    sent = 0
    failing: set[str] = set()
    for batch in _batch(due.order_by("not_before", "pk")[:_MAX_MESSAGES]):
        channel = batch[0].channel
        if until():
            break
        claimed = [message for message in batch if channel not in failing and _claim(message)]
        if claimed and _send(claimed):
            sent += len(claimed)
        elif claimed:
            failing.add(channel)
    return sent


def _batch(messages: Iterable[Message]) -> list[list[Message]]:
    """Group the messages into those that are sent as one."""
    groups: dict[object, list[Message]] = {}
    for message in messages:
        channel = CHANNELS.get(message.channel)
        separate = message.pk if channel and not channel.combines_messages else None
        groups.setdefault((message.channel, *message.recipients, separate), []).append(message)
    return [
        group[start : start + _MAX_COMBINED]
        for group in groups.values()
        for start in range(0, len(group), _MAX_COMBINED)
    ]


def _claim(message: Message) -> bool:
    """Claim this attempt, and set when the next one is due in case this worker dies during it."""
    pause = min(_FIRST_PAUSE * 2 ** min(message.attempts, 10), _LONGEST_PAUSE)
    unclaimed = Message.objects.filter(pk=message.pk, sent=None, attempts=message.attempts)
    return bool(unclaimed.update(attempts=F("attempts") + 1, not_before=Now() + timedelta(seconds=pause)))


def _send(messages: list[Message]) -> bool:
    stored, name = Message.objects.filter(pk__in=[message.pk for message in messages]), messages[0].channel
    try:
        _channel(name).send(_notification(messages))
    except Exception as error:  # whatever a channel raises, the others go on
        reason = scrub(str(error) or type(error).__name__)[:_MAX_ERROR_LENGTH]
        _LOG.warning(
            "%s messages, from %s on, could not be sent by %s: %s", len(messages), messages[0].pk, name, reason
        )
        stored.update(error=reason)
        stored.filter(attempts__gte=_MAX_ATTEMPTS).update(not_before=None)
        return False
    stored.update(sent=Now(), error="")
    _LOG.info("%s messages, from %s on, were sent by %s.", len(messages), messages[0].pk, name)
    return True


def _channel(name: str) -> Channel:
    if name not in CHANNELS:
        raise RunInterrupted(f"This version has no notification channel {name!r}: deploy one that has it.")
    return CHANNELS[name]


def _notification(messages: list[Message]) -> Notification:
    subject, text = _letter(messages)
    return Notification(subject, text, recipients=messages[0].recipients, payloads=[_told(each) for each in messages])


def _letter(messages: list[Message]) -> tuple[str, str]:
    """The title and the text of one or several."""
    first = title_of(messages[0])
    title = first if len(messages) == 1 else f"{first}, and {len(messages) - 1} more"
    return title, "\n\n--\n\n".join(map(_text, messages))


def title_of(message: Message) -> str:
    """What a message is about, in a line."""
    trouble = message.trouble
    return _TITLES[trouble.kind, message.event].format(trouble.dataset or _file(trouble) or "a file")


def _text(message: Message) -> str:
    told, trouble = _told(message), message.trouble
    lines = [told["title"], "", told["reason"]]
    if message.event == Message.Event.CLOSED and told["kind"] != Trouble.Kind.LATE:
        runs = "1 run" if told["count"] == 1 else f"{told['count']:,} runs"
        lines.append(f"It affected {runs} since {told['since']}.")
    elif told["file"]:
        lines += [*_readings(trouble), f"File: {told['file']}"]
        lines.append("You will not be notified of further runs with this cause, only when it is resolved.")
    return "\n".join([*lines, *filter(None, ["", told["link"]])])


def _readings(trouble: Trouble) -> list[str]:
    """The readings that a question offers, as long as it is open, and how to choose one without a browser."""
    run = trouble.run
    if not run or not run.is_question:
        return []
    offered = [f"Reading {number}: {offer['label']}" for number, offer in enumerate(run.question, 1)]
    return [*offered, f"Choose one on the run's page, or with: manage.py approve {run.pk} --reading N"]


def _told(message: Message) -> dict[str, Any]:
    """All that is told, for machines."""
    trouble = message.trouble
    return {
        "id": message.pk,
        "event": message.event,
        "kind": trouble.kind,
        "dataset": trouble.dataset.name if trouble.dataset else None,
        "title": title_of(message),
        "reason": trouble.reason,
        "run": trouble.run_id,
        "file": _file(trouble),
        "count": trouble.count,
        "since": f"{trouble.opened:%Y-%m-%dT%H:%M:%SZ}",
        "link": _link(trouble),
    }


def _file(trouble: Trouble) -> str:
    return (
        "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in trouble.run.key) if trouble.run else ""
    )


def _link(trouble: Trouble) -> str:
    """The page to look at; empty where the site's own address isn't set."""
    return settings.SITE_URL.rstrip("/") + page_of(trouble) if settings.SITE_URL else ""


def page_of(trouble: Trouble) -> str:
    """The page to look at, on this site."""
    if trouble.kind == Trouble.Kind.LATE:
        return reverse("admin:ingest_dataset_change", args=[trouble.dataset_id])
    if trouble.run_id:
        return reverse("admin:ingest_run_change", args=[trouble.run_id])
    return reverse("admin:index")
