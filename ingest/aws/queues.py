"""Count the messages in a dead-letter queue, with short timeouts: a page waits for the answer."""

import json
import os
from functools import lru_cache
from typing import Any

import boto3
from botocore import exceptions as boto
from botocore.config import Config

_LONGEST = 1.0
"""Seconds for one answer: a page that no one's queue may hold up asks three times at most."""


def dead_letters(queue_url: str) -> int | None:
    """Return how many messages are in the dead-letter queue; None where AWS doesn't answer or there is no queue."""
    try:
        redrive = json.loads(_attributes(queue_url).get("RedrivePolicy") or "{}")
        name = str(redrive["deadLetterTargetArn"]).rsplit(":", 1)[-1]
        address = str(_client().get_queue_url(QueueName=name)["QueueUrl"])
        return int(_attributes(address)["ApproximateNumberOfMessages"])
    except (boto.ClientError, boto.BotoCoreError, boto.HTTPClientError, KeyError, ValueError):
        return None


def _attributes(queue_url: str) -> dict[str, str]:
    response = _client().get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])
    return dict(response.get("Attributes", {}))


def _client() -> Any:
    return _made(os.environ.get("AWS_ENDPOINT_URL"), os.environ.get("AWS_DEFAULT_REGION"))


@lru_cache(maxsize=8)
def _made(endpoint: str | None, region: str | None) -> Any:
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=_LONGEST, read_timeout=_LONGEST)
    return boto3.session.Session().client("sqs", endpoint_url=endpoint, region_name=region, config=config)
