"""A setting that can't be right is refused at start with one sentence, and no sentence tells a secret."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from pipeline_site import settings
from pipeline_site.local.kept import adopt

ROOT = Path(settings.__file__).parents[1]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment, without the name that the tests read."""
    monkeypatch.delenv("NAME", raising=False)
    return monkeypatch


@pytest.mark.parametrize(("value", "read"), [("1", True), ("TRUE", True), ("off", False), ("0", False), ("", True)])
def test_a_flag_is_read(given: pytest.MonkeyPatch, value: str, read: bool) -> None:
    given.setenv("NAME", value)
    assert settings.flag("NAME", default=True) is read


def test_a_flag_that_is_neither_is_refused(given: pytest.MonkeyPatch) -> None:
    given.setenv("NAME", "maybe")
    with pytest.raises(ImproperlyConfigured, match=r"^NAME is 'maybe': write 1 for on or 0 for off\.$"):
        settings.flag("NAME", default=False)


@pytest.mark.parametrize("value", ["0", "11", "3.5", "many", "1e1"])
def test_a_number_out_of_bounds_is_refused(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("NAME", value)
    with pytest.raises(ImproperlyConfigured, match=r"write a whole number from 1 to 10\.$"):
        settings.integer("NAME", 5, least=1, most=10)


def test_a_number_is_read_and_has_its_default(given: pytest.MonkeyPatch) -> None:
    assert settings.integer("NAME", 5, least=1, most=10) == 5
    given.setenv("NAME", " 7 ")
    assert settings.integer("NAME", 5, least=1, most=10) == 7


def test_a_name_without_a_default_must_be_set(given: pytest.MonkeyPatch) -> None:
    given.setenv("NAME", "")
    with pytest.raises(ImproperlyConfigured, match=r"^NAME is not set\. Write it down\.$"):
        settings.text("NAME", instead="Write it down.")


@pytest.mark.parametrize("value", ["data", "/data/", "/"])
def test_a_prefix_that_is_no_folder_is_refused(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("NAME", value)
    with pytest.raises(ImproperlyConfigured, match="as data/ does"):
        settings.key_prefix("NAME", "data/")


@pytest.mark.parametrize("value", ["", "data/", "a/b/"])
def test_a_prefix_is_read(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("NAME", value)
    assert settings.key_prefix("NAME", "data/") == value


@pytest.mark.parametrize("value", ["sqs.example.com/queue", "ftp://example.com/q", "https://"])
def test_an_address_that_is_none_is_refused(given: pytest.MonkeyPatch, value: str) -> None:
    given.setenv("NAME", value)
    with pytest.raises(ImproperlyConfigured, match="begins with http"):
        settings.address("NAME")


def test_addresses_of_people_are_read(given: pytest.MonkeyPatch) -> None:
    assert settings.emails("NAME") == []
    given.setenv("NAME", "ann@example.com, bob@example.com")
    assert settings.emails("NAME") == ["ann@example.com", "bob@example.com"]
    given.setenv("NAME", "ann@example.com, bob")
    with pytest.raises(ImproperlyConfigured, match=r"^NAME holds 'bob', which is no e-mail address\.$"):
        settings.emails("NAME")


@pytest.mark.parametrize(
    ("value", "local", "refused"),
    [
        ("", False, None),
        ("https://example.com/hook?key=1", False, None),
        ("http://127.0.0.1:8080/hook", True, None),
        ("http://localhost/hook", True, None),
        ("http://[::1]/hook", True, None),
        ("http://127.0.0.1:8080/hook", False, "https://"),
        ("http://example.com/secret", True, "https://"),
        ("http://127.0.0.1.example.com/secret", True, "https://"),
        ("https://ann:secret@example.com/", False, "signed instead"),
        ("file:///etc/secret", True, "begins with http"),
    ],
)
def test_a_webhook_is_spoken_to_in_private(
    given: pytest.MonkeyPatch, value: str, local: bool, refused: str | None
) -> None:
    given.setenv("NAME", value)
    if refused is None:
        assert settings.webhook("NAME", local=local) == value
        return
    with pytest.raises(ImproperlyConfigured, match=refused) as error:
        settings.webhook("NAME", local=local)
    assert "ann" not in str(error.value)


def test_a_folder_that_is_not_there_is_refused(given: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given.setenv("NAME", str(tmp_path / "nowhere"))
    with pytest.raises(ImproperlyConfigured, match="name a folder that exists"):
        settings.folder("NAME", "/")
    given.setenv("NAME", str(tmp_path))
    assert settings.folder("NAME", "/") == tmp_path.resolve()


def test_a_database_address_is_taken_apart(given: pytest.MonkeyPatch) -> None:
    given.setenv("NAME", "postgresql://us%40er:p%2Fw%20d@db.example.com:6543/my%20base?sslmode=verify-full")
    read = settings.database("NAME")
    assert {name: read[name] for name in ("USER", "PASSWORD", "HOST", "PORT", "NAME")} == {
        "USER": "us@er",
        "PASSWORD": "p/w d",
        "HOST": "db.example.com",
        "PORT": "6543",
        "NAME": "my base",
    }
    assert read["OPTIONS"]["sslmode"] == "verify-full"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:s3cret@h/d",
        "postgresql://u:s3cret@h",
        "postgresql://u:s3cret@h/",
        "postgresql://u:s3cret%zz@h/d",
        "postgresql://u:s3cret@h:port/d",
        "postgresql://u:s3cret@h:70000/d",
        "postgresql://u:s3cret@h/d?nonsense=1",
        "host=h password=s3cret",
        "s3cret",
    ],
)
def test_a_database_address_that_is_none_is_refused_without_telling_it(given: pytest.MonkeyPatch, url: str) -> None:
    given.setenv("NAME", url)
    with pytest.raises(ImproperlyConfigured, match=r"write postgresql://user:password@host:5432/database") as refused:
        settings.database("NAME")
    assert "s3cret" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_the_demos_file_takes_the_place_of_the_users_own_account(given: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID", "BUCKET"):
        given.setenv(name, "the user's own")
    given.setenv("NAME", "taken back after the test, as is what takes its place")
    (tmp_path / "env").write_text("AWS_ACCESS_KEY_ID=LOCAL\nBUCKET='a b'\nNAME=a=b\n")
    adopt(tmp_path / "env")
    assert "AWS_PROFILE" not in os.environ
    assert "AWS_SESSION_TOKEN" not in os.environ
    assert (os.environ["AWS_ACCESS_KEY_ID"], os.environ["BUCKET"], os.environ["NAME"]) == ("LOCAL", "a b", "a=b")


def test_manage_ends_with_one_sentence() -> None:
    environment = dict(os.environ) | {"DJANGO_SETTINGS_MODULE": "pipeline_site.settings", "LEASE_SECONDS": "soon"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "manage.py: LEASE_SECONDS is 'soon': write a whole number from 2 to 3,600.\n"


def test_boto_stays_quiet_at_every_level_that_tells_secrets() -> None:
    assert settings.LOGGING["root"]["level"] == "INFO"
    assert settings.LOGGING["loggers"]["botocore"] == {"level": "WARNING"}


def test_dates_are_iso_8601(settings: object) -> None:
    from datetime import UTC, datetime

    from django.utils.formats import localize

    assert localize(datetime(2024, 2, 3, 16, 5, 6, tzinfo=UTC)) == "2024-02-03 16:05:06"
