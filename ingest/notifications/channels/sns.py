"""An SNS topic, ``NOTIFY_TOPIC_ARN``."""

from django.conf import settings

from ingest.aws import topics
from ingest.notifications.channel import Channel, Notification


class SnsChannel(Channel):
    """Publishes to the topic, which passes messages on to its subscribers."""

    name = "sns"
    label = "SNS topic"
    aws_service = "sns"

    def is_configured(self) -> bool:
        """Return whether a topic is set."""
        return bool(settings.NOTIFY_TOPIC_ARN)

    def send(self, notification: Notification) -> None:
        """Publish the notification as one message."""
        topics.publish(settings.NOTIFY_TOPIC_ARN, notification.subject, notification.text)


CHANNEL = SnsChannel()
