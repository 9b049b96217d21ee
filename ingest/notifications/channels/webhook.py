"""A webhook: signed JSON, posted to ``NOTIFY_WEBHOOK_URL``."""

import hashlib
import hmac
import json
import time

import urllib3
from django.conf import settings

from ingest.loader.outcome.errors import RunInterrupted
from ingest.notifications.channel import Channel, Notification

_TIMEOUT_SECONDS = 5


class WebhookChannel(Channel):
    """Posts each message on its own, since programs read them."""

    name = "webhook"
    label = "webhook"
    combines_messages = False

    def is_configured(self) -> bool:
        """Return whether a URL is set."""
        return bool(settings.NOTIFY_WEBHOOK_URL)

    def send(self, notification: Notification) -> None:
        """POST the message as JSON. Raises RunInterrupted if the answer's status isn't 2xx."""
        (payload,) = notification.payloads
        body = json.dumps(payload).encode()
        timeout = urllib3.Timeout(total=_TIMEOUT_SECONDS)
        with urllib3.PoolManager(num_pools=1) as pool:
            # No redirects: only the configured address gets the message. The response body is not needed.
            response = pool.request(
                "POST",
                settings.NOTIFY_WEBHOOK_URL,
                body=body,
                headers=_headers(payload["id"], body),
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
            )
            response.close()
        if not 200 <= response.status < 300:
            raise RunInterrupted(f"The webhook returned status {response.status}.")

    def secrets(self) -> list[str]:
        """Return the signing key."""
        return [settings.NOTIFY_WEBHOOK_SECRET]


def _headers(message_id: int, body: bytes) -> dict[str, str]:
    """Return the headers, with the signature: HMAC-SHA256 of timestamp, dot and body.

    The receiver rejects an old timestamp as a replay; the same id is the same message, sent again.
    """
    timestamp = str(int(time.time()))
    signature = hmac.new(settings.NOTIFY_WEBHOOK_SECRET.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "Content-Type": "application/json",
        "X-Ingest-Id": str(message_id),
        "X-Ingest-Timestamp": timestamp,
        "X-Ingest-Signature": f"sha256={signature.hexdigest()}",
    }


CHANNEL = WebhookChannel()
