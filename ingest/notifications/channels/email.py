"""E-mail, through the mail server in ``EMAIL_HOST``."""

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Warning
from django.core.mail import EmailMessage
from django.db.models.functions import Lower

from ingest.models import Dataset
from ingest.notifications.channel import Channel, Notification


class EmailChannel(Channel):
    """Sends to the dataset's own addresses, or to ``NOTIFY_EMAILS``."""

    name = "email"
    label = "e-mail"

    def is_configured(self) -> bool:
        """Return whether a mail server is set."""
        return bool(settings.EMAIL_HOST)

    def recipients(self, dataset: Dataset | None) -> list[str] | None:
        """Return the addresses to notify about ``dataset``."""
        return _addresses(dataset) or None

    def send(self, notification: Notification) -> None:
        """Send one e-mail to all recipients."""
        EmailMessage(notification.subject, notification.text, to=list(notification.recipients)).send()

    def secrets(self) -> list[str]:
        """Return the mail server's password."""
        return [settings.EMAIL_HOST_PASSWORD]

    def check(self) -> list[CheckMessage]:
        """Warn about addresses without a mail server, and about a sender that most servers refuse."""
        if settings.NOTIFY_EMAILS and not settings.EMAIL_HOST:
            return [
                Warning(
                    "NOTIFY_EMAILS is set, but EMAIL_HOST is not: no e-mail is sent.",
                    hint="Set EMAIL_HOST to your mail server, or use NOTIFY_WEBHOOK_URL or NOTIFY_TOPIC_ARN instead.",
                    id="ingest.W002",
                )
            ]
        sender = settings.DEFAULT_FROM_EMAIL
        if settings.EMAIL_HOST not in ("", "localhost", "127.0.0.1") and sender.endswith("@localhost"):
            return [
                Warning(
                    f"EMAIL_HOST is set, but e-mail would be sent from {sender}, which most mail servers refuse.",
                    hint="Set EMAIL_FROM to an address of your own domain.",
                    id="ingest.W003",
                )
            ]
        return []


def _addresses(dataset: Dataset | None) -> list[str]:
    """Return the dataset's own addresses, or ``NOTIFY_EMAILS``.

    For a closed dataset, leave out accounts that may not see it: its name alone reveals something. Addresses without an
    account are the deployer's responsibility, as webhook and topic are.
    """
    if dataset and dataset.notify_emails:
        return list(dict.fromkeys(dataset.notify_emails))
    if dataset is None or not dataset.openings.exists():
        return list(settings.NOTIFY_EMAILS)
    accounts = get_user_model().objects.annotate(address=Lower("email"))
    recipients = accounts.filter(address__in=[address.lower() for address in settings.NOTIFY_EMAILS])
    excluded = {user.address for user in recipients if not _may_see(user, dataset)}
    return [address for address in settings.NOTIFY_EMAILS if address.lower() not in excluded]


def _may_see(user: Any, dataset: Dataset) -> bool:
    return user.has_perm("ingest.view_dataset") and Dataset.objects.visible_to(user).filter(pk=dataset.pk).exists()


CHANNEL = EmailChannel()
