"""The interface of a notification channel: what each module in ``channels`` implements."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.core.checks import CheckMessage

from ingest.models import Dataset


@dataclass(frozen=True)
class Notification:
    """What a channel sends at once: one message, or several in one text."""

    subject: str
    text: str
    recipients: Sequence[str]
    payloads: Sequence[dict[str, Any]]
    """The same for programs: one for each message, ready for JSON."""


class Channel(ABC):
    """A way to notify people or programs."""

    name: ClassVar[str]
    """Stored with each message, so it never changes."""
    label: ClassVar[str]
    """On pages."""
    combines_messages: ClassVar[bool] = True
    """Whether messages to the same recipients are sent as one; if not, each notification has one payload."""
    aws_service: ClassVar[str | None] = None
    """The AWS service that it calls, so that ``doctor`` can check that the network reaches it."""

    @abstractmethod
    def is_configured(self) -> bool:
        """Return whether the settings name what the channel needs."""

    @abstractmethod
    def send(self, notification: Notification) -> None:
        """Send a notification. Any exception means that it was not sent, and its text is stored with the message."""

    def recipients(self, dataset: Dataset | None) -> list[str] | None:
        """Return the addresses to notify about ``dataset``, or None if there is nobody to notify.

        The list is empty for a channel with a single destination, which the settings name.
        """
        return []

    def secrets(self) -> list[str]:
        """Return what must not appear in any text, such as passwords and signing keys."""
        return []

    def check(self) -> list[CheckMessage]:
        """Return what is wrong with the channel's settings, as Django's system checks do."""
        return []
