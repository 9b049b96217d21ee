"""Secrets are fetched once, anew when refused, and never shown."""

import json
import logging
import threading
import traceback
import uuid
from typing import Any

import pytest

from ingest.aws import secrets
from pipeline_site.local.aws import LocalAws

PASSWORD = "sw0rdfish-in-no-log"


@pytest.fixture(autouse=True)
def nothing_kept() -> Any:
    """Each test begins, and leaves, without a secret in memory."""
    secrets.forget()
    yield
    secrets.forget()


@pytest.fixture
def vault(reached: LocalAws) -> Any:
    """A client of the tests' own."""
    return reached.client("secretsmanager")


@pytest.fixture
def arn(vault: Any) -> str:
    """The secret of a database, as RDS makes it."""
    content = json.dumps({"username": "ingest", "password": PASSWORD, "dbname": "another", "port": 1})
    return str(vault.create_secret(Name=f"db-{uuid.uuid4().hex}", SecretString=content)["ARN"])


def test_a_secret_is_fetched_once_and_anew_only_for_the_value_that_was_refused(arn: str, vault: Any) -> None:
    first = secrets.text(arn)
    assert secrets.login(first) == ("ingest", PASSWORD)
    vault.put_secret_value(SecretId=arn, SecretString='{"username": "ingest", "password": "another-one"}')
    assert secrets.text(arn) == first
    anew = secrets.text(arn, refused=first)
    assert secrets.login(anew) == ("ingest", "another-one")
    assert secrets.text(arn, refused=first) == anew, "a thread that comes later with the old one asks nobody"


def test_ten_threads_refused_at_once_ask_once(arn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, asked = secrets.text(arn), []
    monkeypatch.setattr(secrets, "_fetched", lambda arn: asked.append(arn) or "anew")
    threads = [threading.Thread(target=secrets.text, args=(arn,), kwargs={"refused": first}) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked == [arn]


@pytest.mark.parametrize("content", ["no JSON", "[]", "{}", '{"username": "a"}', '{"username": "a", "password": 1}'])
def test_a_secret_without_a_login_is_refused_in_one_sentence_that_shows_nothing_of_it(content: str) -> None:
    with pytest.raises(secrets.SecretUnavailable, match=r"has no login\. Store") as refused:
        secrets.login(content)
    assert "no JSON" not in "".join(traceback.format_exception(refused.value))


def test_a_secret_that_is_not_there_is_told_by_its_arn_and_what_to_check(reached: LocalAws) -> None:
    with pytest.raises(secrets.SecretUnavailable, match=r"refused no-such-secret \(ResourceNotFoundException\): check"):
        secrets.text("no-such-secret")


def test_a_vault_out_of_reach_is_told(monkeypatch: pytest.MonkeyPatch, reached: LocalAws) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(secrets.SecretUnavailable, match="could not be reached for some-secret"):
        secrets.text("some-secret")


def test_no_log_holds_the_secret_even_with_root_at_debug(arn: str, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    try:
        secrets.text(arn)
    finally:
        logging.getLogger().setLevel(logging.WARNING)
    assert PASSWORD not in caplog.text


def test_what_must_never_be_shown_is_known(arn: str, vault: Any) -> None:
    other = vault.create_secret(Name=f"key-{uuid.uuid4().hex}", SecretString="a-key-of-django")["ARN"]
    texts = {secrets.text(arn), secrets.text(other)}
    assert set(secrets.known()) == texts | {PASSWORD}
