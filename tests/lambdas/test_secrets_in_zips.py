"""A zip that holds a secret is refused, no matter who made it; and so is a zip that is none."""

import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from pipeline_site.deploy import DeployError, checks
from pipeline_site.deploy.checks import refuse_secrets
from pipeline_site.deploy.known_secrets import known_secrets


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".local/pgdata/PG_VERSION", b"18"),
        ("six/.env", b"A=1"),
        ("six/prod.env", b"A=1"),
        ("six/env", b"A=1"),
        ("pgpass", b""),
        ("deep/down/.pgpass", b""),
        ("deep/secrets.json", b"{}"),
        ("deep/admin-password", b""),
        ("deep/id_ed25519", b""),
        ("deep/server.key", b""),
        (".aws/config", b""),
        ("six/a.pem", b"-----BEGIN PRIVATE KEY-----\n" + b"MIIEvQ" * 12 + b"\n-----END PRIVATE KEY-----\n"),
        ("six/a.py", b'KEY = "-----BEGIN RSA PRIVATE KEY-----\\n' + b"MIIEvQ" * 12 + b'"'),
        (
            "six/b.pem",
            b"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,0\n\n" + b"MIIEvQ" * 12 + b"\n",
        ),
        ("six/a.json", b'{"id": "AKIA' + b"Z" * 16 + b'"}'),
        ("six/a.ini", b"url = postgresql://ingest:pw@db.internal/ingest"),
    ],
)
def test_a_secret_is_found_in_any_zip_wherever_it_is(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / "any.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("ingest/a.py", "a = 1")
        made.writestr(name, content)
    with pytest.raises(DeployError, match=rf"{re.escape(name)}(,| holds)"):
        refuse_secrets(path)


def test_certificates_and_examples_are_no_secrets(tmp_path: Path) -> None:
    path = tmp_path / "any.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("rds-ca.pem", "-----BEGIN CERTIFICATE-----\n" + "MIIEvQ" * 12 + "\n-----END CERTIFICATE-----\n")
        made.writestr("botocore/a.json", '"AKIAIOSFODNN7EXAMPLE"')
        made.writestr("six/keys.py", 'HEADER = "-----BEGIN RSA PRIVATE KEY-----"')
        made.writestr("django/core/management/environment.py", "")
    refuse_secrets(path)


@pytest.mark.parametrize("content", [b"", b"not a zip"])
def test_what_is_no_zip_is_said_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.zip"
    path.write_bytes(content)
    with pytest.raises(
        DeployError, match=r"any\.zip is not a readable zip file: .*\. Build the package with `zappa package STAGE`"
    ):
        refuse_secrets(path)
    with pytest.raises(DeployError, match="is not a readable zip file"):
        refuse_secrets(tmp_path / "missing.zip")


# -- the values of secrets that this machine knows ------------------------------------------------------------------


def test_each_secret_of_this_machine_is_known_with_its_place(tmp_path: Path) -> None:
    files = {
        ".local/env": "export DATABASE_URL='postgresql://ingest:pass-of-the-demo@127.0.0.1/ingest'\nBUCKET=ingest-demo-1\n",
        ".local/pgpass": "127.0.0.1:*:*:ingest:pass-of-pgpass\n",
        ".local/secrets.json": '{"site": "key-of-the-site-1", "port": 5432}',
        ".local/admin-password": "pass-of-the-admin\n",
        ".env.production": "SENTRY_TOKEN=token-of-production\n# PASSWORD\n",
        "aws": "[default]\naws_secret_access_key = key/of+the+login\nregion = eu-central-1-long\n",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    environment = {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "aws"),
        "SECRET_KEY": "key-of-the-environment",
        "DATABASE_SECRET_ARN": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db",
        "WEBHOOK_SECRET": "short",
        "ADMIN_PASSWORD": "postgresql",
        "HOSTNAME": "a-long-name-of-a-host",
    }
    assert known_secrets(tmp_path, environment) == {
        b"key-of-the-environment": "SECRET_KEY of the environment",
        b"pass-of-the-demo": "DATABASE_URL in env",
        b"pass-of-pgpass": "pgpass",
        b"key-of-the-site-1": "site in secrets.json",
        b"pass-of-the-admin": "admin-password",
        b"token-of-production": "SENTRY_TOKEN in .env.production",
        b"key/of+the+login": "aws_secret_access_key of the AWS login",
    }


@pytest.mark.parametrize("name", ["six/notes.txt", "ingest/a.py", "static-root/a.js", "botocore/data/a.json"])
def test_a_value_that_is_known_is_found_in_any_file_and_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    value = "nobody-would-guess-this"
    monkeypatch.setenv("MAIL_PASSWORD", value)
    path = zipped(tmp_path, {"ingest/b.py": "b = 1", name: f"x = '{value}'"})
    with pytest.raises(DeployError) as refused:
        refuse_secrets(path)
    assert str(refused.value).startswith(f"{name} contains the value of MAIL_PASSWORD of the environment: remove it")
    assert value not in str(refused.value)


def test_each_file_is_read_once_and_none_of_a_zip_that_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []

    class Counted(zipfile.ZipFile):
        def read(self, name: zipfile.ZipInfo, pwd: bytes | None = None) -> bytes:  # type: ignore[override]
            reads.append(name.filename)
            return super().read(name, pwd)

    monkeypatch.setattr(checks.zipfile, "ZipFile", Counted)
    for number in range(150):
        monkeypatch.setenv(f"PASSWORD_{number}", f"a-password-of-number-{number}")
    files = {f"six/{number}.py": "A" * 1000 for number in range(20)}
    refuse_secrets(zipped(tmp_path, files))
    assert sorted(reads) == sorted(files), "however many secrets are looked for"
    reads.clear()
    with pytest.raises(DeployError, match="has 260 MiB unpacked, and Lambda takes 250"):
        refuse_secrets(zipped(tmp_path, {f"six/{number}.py": bytes(26 << 20) for number in range(10)}))
    assert reads == []


def zipped(tmp_path: Path, files: Mapping[str, str | bytes]) -> Path:
    """A zip of these files."""
    path = tmp_path / "any.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return path
