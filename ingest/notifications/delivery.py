"""Deliver: messages go out by e-mail, webhook and SNS, are tried again with growing pauses, and are never lost."""

import hashlib
import hmac
import json
import logging
import smtplib
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

import urllib3
from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F
from django.db.models.functions import Now
from django.urls import reverse

from ingest.aws import topics
from ingest.loader.outcome.errors import IngestError, RunInterrupted
from ingest.models import Message, Trouble
from ingest.notifications.redaction import scrub

_LOG = logging.getLogger("ingest.messages")

_AT_ONCE = 500
_IN_ONE = 100  # messages in one letter
_MOST_ATTEMPTS = 40
"""With the pauses below a day and a half."""
_FIRST_PAUSE, _LONGEST_PAUSE = 30, 3600  # seconds
_WEBHOOK_SECONDS = 5
_LONGEST_ERROR = 500  # characters
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
    """Send what is due, of the messages ``ids`` or of all, until ``until`` says stop; gives how many were sent.

    Several e-mails to the same people are one, and so are several to the topic: when a whole source stops, a hundred
    datasets are late at once. Raises nothing for a channel that doesn't take a message: it is left alone until the
    next time, and the message sent then.
    """
    due = Message.objects.filter(sent=None, not_before__lte=Now()).select_related("trouble__dataset", "trouble__run")
    if ids is not None:
        due = due.filter(pk__in=ids)
    sent = 0
    down: set[str] = set()
    for several in _batch(due.order_by("not_before", "pk")[:_AT_ONCE]):
        channel = several[0].channel
        if until():
            break
        claimed = [message for message in several if channel not in down and _claim(message)]
        if claimed and _send(claimed):
            sent += len(claimed)
        elif claimed:
            down.add(channel)
    return sent


def _batch(messages: Iterable[Message]) -> list[list[Message]]:
    """The messages that go out as one: the webhook's each by itself, for programs."""
    letters: dict[object, list[Message]] = {}
    for message in messages:
        alone = message.pk if message.channel == Message.Channel.WEBHOOK else None
        letters.setdefault((message.channel, *message.recipients, alone), []).append(message)
    return [several[at : at + _IN_ONE] for several in letters.values() for at in range(0, len(several), _IN_ONE)]


def _claim(message: Message) -> bool:
    """Take this attempt, and write when the next one is due, should this worker die in it."""
    pause = min(_FIRST_PAUSE * 2 ** min(message.attempts, 10), _LONGEST_PAUSE)
    ours = Message.objects.filter(pk=message.pk, sent=None, attempts=message.attempts)
    return bool(ours.update(attempts=F("attempts") + 1, not_before=Now() + timedelta(seconds=pause)))


def _send(messages: list[Message]) -> bool:
    stored, channel = Message.objects.filter(pk__in=[message.pk for message in messages]), messages[0].channel
    try:
        _CHANNELS[channel](messages)
    except (IngestError, smtplib.SMTPException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        said = scrub(str(error) or type(error).__name__)[:_LONGEST_ERROR]
        _LOG.warning(
            "%s messages, from %s on, could not be sent by %s: %s", len(messages), messages[0].pk, channel, said
        )
        stored.update(error=said)
        stored.filter(attempts__gte=_MOST_ATTEMPTS).update(not_before=None)
        return False
    stored.update(sent=Now(), error="")
    _LOG.info("%s messages, from %s on, were sent by %s.", len(messages), messages[0].pk, channel)
    return True


def _by_email(messages: list[Message]) -> None:
    EmailMessage(*_letter(messages), to=messages[0].recipients).send()


def _by_webhook(messages: list[Message]) -> None:
    """POST it as JSON, signed: the receiver holds HMAC-SHA256 of timestamp, dot and body against the signature.

    A timestamp of some minutes ago is an old message sent again by somebody else; the same id is the same message.
    """
    (message,) = messages
    body = json.dumps(_told(message)).encode()
    moment = str(int(time.time()))
    signed = hmac.new(settings.NOTIFY_WEBHOOK_SECRET.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    headers = {
        "Content-Type": "application/json",
        "X-Ingest-Id": str(message.pk),
        "X-Ingest-Timestamp": moment,
        "X-Ingest-Signature": f"sha256={signed.hexdigest()}",
    }
    timeout = urllib3.Timeout(total=_WEBHOOK_SECONDS)
    with urllib3.PoolManager(num_pools=1) as pool:
        # No redirect: the address is the one that was set, and no other. The answer's body is nobody's business.
        answer = pool.request(
            "POST",
            settings.NOTIFY_WEBHOOK_URL,
            body=body,
            headers=headers,
            timeout=timeout,
            retries=False,
            redirect=False,
            preload_content=False,
        )
        answer.close()
    if not 200 <= answer.status < 300:
        raise RunInterrupted(f"The webhook returned status {answer.status}.")


def _by_sns(messages: list[Message]) -> None:
    topics.publish(settings.NOTIFY_TOPIC_ARN, *_letter(messages))


_CHANNELS: dict[str, Callable[[list[Message]], None]] = {
    Message.Channel.EMAIL: _by_email,
    Message.Channel.WEBHOOK: _by_webhook,
    Message.Channel.SNS: _by_sns,
}


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
