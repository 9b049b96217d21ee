"""The engine whose login rotates: it heals by itself, proves its server by TLS, and shows its password to nobody."""

import json
import logging
import os
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections
from django.db.utils import load_backend
from psycopg2 import sql

from ingest.aws import secrets
from ingest.notifications.redaction import scrub
from pipeline_site import settings as site
from pipeline_site.local.postgres import USER, Postgres
from tests.conftest import Aws
from tests.guarded import AUTHORITY, guarded_postgres

OLD, NEW = "the-old-password", "the-new-password"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server that asks for a password and proves itself."""
    server = guarded_postgres(tmp_path_factory.mktemp("guarded") / "postgres", password=OLD)
    yield server
    server.stop()


@pytest.fixture
def rotate(guarded: Postgres, aws: Aws) -> Iterator[Callable[..., str]]:
    """Change the password at the server and, after it, in the secret, as a rotation does; gives the secret's ARN."""
    server, vault, arns = guarded, aws.client("secretsmanager"), []

    def login(password: str) -> str:
        return json.dumps({"username": USER, "password": password, "dbname": "never-this-one", "port": 1})

    def rotate(password: str, *, sessions_die: bool = False, secret_too: bool = True) -> str:
        with server.superuser() as cursor:
            cursor.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(USER), sql.Literal(password)))
            if sessions_die:
                cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [USER])
        if not arns:
            arns.append(vault.create_secret(Name=f"db-{uuid.uuid4().hex}", SecretString=login(password))["ARN"])
        elif secret_too:
            vault.put_secret_value(SecretId=arns[0], SecretString=login(password))
        return arns[0]

    secrets.forget()
    yield rotate
    secrets.forget()


@pytest.fixture
def url(guarded: Postgres) -> str:
    """The address without a login."""
    return f"postgresql://127.0.0.1:{guarded.port}/ingest"


@pytest.fixture
def ca() -> str:
    """The file of the authority's certificate."""
    return str(AUTHORITY)


@pytest.fixture(autouse=True)
def no_test_database(django_db_blocker: Any) -> Iterator[None]:
    """These connections are the tests' own, not those of Django's test database."""
    with django_db_blocker.unblock():
        yield


@contextmanager
def connected(url: str, arn: str, ca: str) -> Iterator[Any]:
    """A connection of Django's with the product's own settings for such a database."""
    os.environ["NAME"] = url
    try:
        told = connections["default"].settings_dict | site.database("NAME", secret_arn=arn, ca=ca)
    finally:
        del os.environ["NAME"]
    connection = load_backend(told["ENGINE"]).DatabaseWrapper(told, alias="guarded")
    try:
        yield connection
    finally:
        connection.close()


def asked(connection: Any, query: str) -> Any:
    """The first value of the first row."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


def test_the_login_is_the_secrets_and_the_database_is_not(rotate: Callable[..., str], url: str, ca: str) -> None:
    with connected(url, rotate(OLD), ca) as connection:
        assert asked(connection, "SELECT current_user || ' ' || current_database()") == f"{USER} ingest"


def test_a_rotated_password_with_killed_sessions_heals_at_the_next_connection(
    rotate: Callable[..., str], url: str, ca: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with connected(url, rotate(OLD), ca) as connection:
        assert asked(connection, "SELECT 1") == 1
        rotate(NEW, sessions_die=True)
        connection.close_if_unusable_or_obsolete()  # as between two invocations
        assert asked(connection, "SELECT 2") == 2
    assert OLD not in caplog.text
    assert NEW not in caplog.text


def test_until_the_secret_has_changed_too_the_refusal_is_the_servers_own_and_shows_no_password(
    rotate: Callable[..., str], url: str, ca: str
) -> None:
    with connected(url, rotate(OLD), ca) as connection:
        asked(connection, "SELECT 1")
        connection.close()
        rotate(NEW, secret_too=False)
        with pytest.raises(OperationalError, match="password authentication failed") as refused:
            asked(connection, "SELECT 1")
        assert OLD not in "".join(traceback.format_exception(refused.value))
        rotate(NEW)
        assert asked(connection, "SELECT 1") == 1


def test_a_server_that_another_authority_vouches_for_gets_no_password(
    rotate: Callable[..., str], url: str, tmp_path: Path
) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    with (
        connected(url, rotate(OLD), str(tmp_path / "other.pem")) as connection,
        pytest.raises(OperationalError, match="certificate verify failed"),
    ):
        asked(connection, "SELECT 1")


def test_a_server_under_another_name_gets_no_password(rotate: Callable[..., str], url: str, ca: str) -> None:
    with (
        connected(url.replace("127.0.0.1", "127.0.0.2") + "?hostaddr=127.0.0.1", rotate(OLD), ca) as connection,
        pytest.raises(OperationalError, match="does not match host name"),
    ):
        asked(connection, "SELECT 1")


def test_a_secret_that_cannot_be_had_is_told_as_a_database_out_of_reach(aws: Aws, url: str, ca: str) -> None:
    with (
        connected(url, "no-such-secret", ca) as connection,
        pytest.raises(OperationalError, match=r"refused no-such-secret .*: check the ARN"),
    ):
        asked(connection, "SELECT 1")


def test_a_secret_is_scrubbed_from_whatever_is_told(rotate: Callable[..., str]) -> None:
    secrets.text(rotate(OLD))
    assert scrub(f"it was {OLD}, was it") == "it was ***, was it"


def test_a_login_needs_a_server_that_proves_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "postgresql://db/ingest")
    with pytest.raises(ImproperlyConfigured, match=r"^DATABASE_CA is not set: name the file"):
        site.database("NAME", secret_arn="arn")
    assert site.database("NAME", secret_arn="arn", ca="/ca.pem")["OPTIONS"]["sslmode"] == "verify-full"


def test_two_passwords_are_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAME", "postgresql://u:sw0rdfish@db/ingest")
    with pytest.raises(ImproperlyConfigured, match="leave one out") as refused:
        site.database("NAME", secret_arn="arn", ca="/ca.pem")
    assert "sw0rdfish" not in str(refused.value)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_without_certificates_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    if content:
        (tmp_path / "ca.pem").write_text(content)
    monkeypatch.setenv("NAME", str(tmp_path / "ca.pem"))
    with pytest.raises(ImproperlyConfigured, match="name a file of certificates in PEM form"):
        site.certificates("NAME")


def test_djangos_key_can_be_a_secret(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = aws.client("secretsmanager")
    monkeypatch.delenv("KEY", raising=False)
    for content in ("k" * 50, json.dumps({"secret_key": "k" * 50})):
        monkeypatch.setenv("KEY_ARN", vault.create_secret(Name=uuid.uuid4().hex, SecretString=content)["ARN"])
        assert site.secret("KEY", "KEY_ARN", instead="") == "k" * 50
    monkeypatch.setenv("KEY_ARN", vault.create_secret(Name=uuid.uuid4().hex, SecretString="{}")["ARN"])
    with pytest.raises(ImproperlyConfigured, match=r"^KEY_ARN: The site secret has no key"):
        site.secret("KEY", "KEY_ARN", instead="")
    monkeypatch.setenv("KEY", "another")
    with pytest.raises(ImproperlyConfigured, match=r"^KEY and KEY_ARN are both set"):
        site.secret("KEY", "KEY_ARN", instead="")
    secrets.forget()
