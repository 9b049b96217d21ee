"""Publish messages to an SNS topic."""

import os
from functools import lru_cache
from typing import Any, Final

import boto3
from botocore import exceptions as boto
from botocore.config import Config

from ingest.loader.outcome.errors import RunInterrupted

_LONGEST_SUBJECT: Final = 100  # characters, of ASCII: SNS's own limit
_LONGEST_MESSAGE: Final = 200_000  # bytes, under SNS's 256 KiB


def publish(arn: str, subject: str, message: str) -> None:
    """Send ``message`` to the topic ``arn``. Raises RunInterrupted, with what SNS said, if it doesn't take it."""
    plain = "".join(c if c.isascii() and c.isprintable() else "?" for c in subject)[:_LONGEST_SUBJECT]
    text = message.encode()[:_LONGEST_MESSAGE].decode(errors="ignore")
    try:
        _client(arn).publish(TopicArn=arn, Subject=plain, Message=text)
    except boto.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "an error")
        raise RunInterrupted(
            f"SNS refused a message to {arn} ({code}): check the ARN, and that the role may call sns:Publish on it."
        ) from error
    except (boto.BotoCoreError, boto.HTTPClientError) as error:
        raise RunInterrupted(
            f"SNS could not be reached for {arn} ({type(error).__name__}): check the network's endpoint for it."
        ) from error


def _client(arn: str) -> Any:
    region = arn.split(":")[3] if arn.count(":") >= 5 else ""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_SNS") or os.environ.get("AWS_ENDPOINT_URL") or None
    return _made(endpoint, region or os.environ.get("AWS_DEFAULT_REGION"))


@lru_cache(maxsize=2)
def _made(endpoint: str | None, region: str | None) -> Any:
    config = Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=3, read_timeout=5)
    return boto3.session.Session().client("sns", endpoint_url=endpoint, region_name=region, config=config)
