"""Secrets by ARN, cached until they turn out stale; their values never reach a log or an exception."""

import json
import os
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import boto3
from botocore import exceptions as boto
from botocore.config import Config

from ingest.loader.outcome.errors import RunInterrupted

_SHORTEST: Final = 4
"""Characters; a shorter value is no secret, and would blot out half of every text that it is taken from."""

_kept: dict[str, str] = {}
_fetching = threading.Lock()


class SecretUnavailable(RunInterrupted):
    """Secrets Manager didn't give the secret, or it isn't in the form that is needed."""


def text(arn: str, *, refused: str | None = None) -> str:
    """Return the secret ``arn``; if its cached value is ``refused``, which turned out stale, fetch it again.

    Asks Secrets Manager once however many threads come with the same stale value. Raises SecretUnavailable.
    """
    with _fetching:
        if arn not in _kept or _kept[arn] == refused:
            _kept[arn] = _fetched(arn)
        return _kept[arn]


def login(secret: str) -> tuple[str, str]:
    """Return the user and password in a secret in the format that RDS uses. Raises SecretUnavailable."""
    try:
        content = json.loads(secret)
    except ValueError:
        content = None
    if isinstance(content, Mapping):
        user, password = content.get("username"), content.get("password")
        if isinstance(user, str) and isinstance(password, str) and user and password:
            return user, password
    raise SecretUnavailable('The database secret has no login. Store {"username": …, "password": …}, as RDS does.')


def key(secret: str) -> str:
    """Return Django's key: the secret's ``secret_key``, or its whole text where that is not a JSON object."""
    try:
        content = json.loads(secret)
    except ValueError:
        return secret
    if not isinstance(content, Mapping):
        return secret
    value = content.get("secret_key")
    if not isinstance(value, str) or not value:
        raise SecretUnavailable('The site secret has no key. Store {"secret_key": …}.')
    return value


def known() -> list[str]:
    """Return every secret value in this process, longest first: none may ever be shown."""
    with _fetching:
        texts = list(_kept.values())
    values = set(texts)
    for text in texts:
        try:
            content = json.loads(text)
        except ValueError:
            continue
        if isinstance(content, Mapping):
            values |= {content[name] for name in ("password", "secret_key") if isinstance(content.get(name), str)}
    return sorted((value for value in values if len(value) >= _SHORTEST), key=len, reverse=True)


def forget() -> None:
    """Clear the cache."""
    with _fetching:
        _kept.clear()


def _fetched(arn: str) -> str:
    # The chain of causes is cut: botocore's errors hold the answer that they came with.
    try:
        answer = _client().get_secret_value(SecretId=arn)
    except boto.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "an error")
        raise SecretUnavailable(
            f"Secrets Manager refused {arn} ({code}): check the ARN, and that the role may call "
            "secretsmanager:GetSecretValue on it, and kms:Decrypt where a key of your own encrypts it."
        ) from None
    except (boto.BotoCoreError, boto.HTTPClientError) as error:
        raise SecretUnavailable(
            f"Secrets Manager could not be reached for {arn} ({type(error).__name__}): check the network's endpoint "
            "for it, the region and the credentials."
        ) from None
    value = answer.get("SecretString")
    if not isinstance(value, str) or not value:
        raise SecretUnavailable(f"The secret {arn} has no text value.")
    return value


def _client() -> Any:
    names = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL")
    return _made(next(filter(None, map(os.environ.get, names)), None), os.environ.get("AWS_DEFAULT_REGION"))


@lru_cache(maxsize=2)
def _made(endpoint: str | None, region: str | None) -> Any:
    # A connection to the database waits for this answer: better a quick retry than a long wait.
    config = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=5)
    return boto3.session.Session().client(
        "secretsmanager", endpoint_url=endpoint, region_name=region or os.environ.get("AWS_REGION"), config=config
    )
