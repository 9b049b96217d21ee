"""A lost password is replaced by whoever may run commands, and by nobody else."""

import io
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from ingest.accounts.login_limits import BY_NAME, OF_ALL, begin_login
from ingest.loader.outcome.errors import RunFailed
from ingest.models import LoginLimit
from pipeline_site.lost_password import reset

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> User:
    return User.objects.create_superuser("ann", password="lost")


def test_the_new_password_lets_in_and_ends_every_session(ann: User):
    before = Client()
    before.force_login(ann)
    assert before.get("/admin/").status_code == 200
    made = reset({"username": "ann", "by": "arn:aws:iam::1:user/olu"})
    assert before.get("/admin/").status_code == 302, "whoever was logged in isn't any more"
    entered = Client().post("/admin/login/", made)
    assert (entered.status_code, made["username"]) == (302, "ann")
    assert authenticate(username="ann", password="lost") is None


def test_the_audit_log_says_who_asked(ann: User):
    reset({"username": "ann", "by": "arn:aws:iam::1:user/olu"})
    reset({"username": "ann"})
    called = io.StringIO()
    call_command("reset_password", "ann", stdout=called)
    said = list(LogEntry.objects.order_by("pk").values_list("object_repr", "change_message"))
    assert [about for about, _ in said] == ["ann"] * 3
    first, second, third = (message for _, message in said)
    assert first.startswith("Password reset by arn:aws:iam::1:user/olu, who invoked the function; all sessions ended.")
    assert second == "Password reset by whoever invoked the function; all sessions ended."
    assert third.endswith("at the command line; all sessions ended.")
    client = Client()
    client.force_login(User.objects.get())
    assert "Password reset by" in client.get("/admin/admin/logentry/").content.decode()


def test_the_command_prints_the_password_once_and_never_into_a_functions_log(
    ann: User, monkeypatch: pytest.MonkeyPatch
):
    called = io.StringIO()
    call_command("reset_password", "ann", stdout=called)
    password = called.getvalue().splitlines()[0].removeprefix("New password for ann: ")
    assert authenticate(username="ann", password=password) == ann
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "ingest-dev")
    with pytest.raises(CommandError, match=r"would be written to the function's log\. Run `make password` instead"):
        call_command("reset_password", "ann", stdout=io.StringIO())
    assert authenticate(username="ann", password=password) == ann, "and it is still the password"


def test_it_lets_in_while_strangers_use_up_all_attempts(ann: User):
    begin_login("somebody", "203.0.113.1")
    full = 1_000 * OF_ALL.attempts * OF_ALL.seconds
    for _ in range(BY_NAME.attempts):
        begin_login("ann", "127.0.0.1")
    LoginLimit.objects.update(full_at=timezone.now() + timedelta(seconds=full))
    assert Client().post("/admin/login/", {"username": "ann", "password": "lost"}).status_code == 429
    made = reset({"username": "ann"})
    assert Client().post("/admin/login/", made).status_code == 302


@pytest.mark.parametrize("name", ["", "eve", "a\0b", "Ann", "x" * 1000])
def test_a_name_that_nobody_has_is_told_with_those_who_could(ann: User, name: str):
    User.objects.create_superuser("away", password="x", is_active=False)
    with pytest.raises(RunFailed, match=r"There is no account .* Superusers who can log in: ann\."):
        reset({"username": name})
    assert not LogEntry.objects.exists()
    assert not LoginLimit.objects.exists()


def test_an_account_that_may_not_log_in_gets_no_password():
    User.objects.create_superuser("ann", password="lost", is_active=False)
    User.objects.create_user("guest", password="lost")
    for name in ("ann", "guest"):
        with pytest.raises(RunFailed, match=r"isn't allowed to log in.* No superuser can log in here: create one"):
            reset({"username": name})
    assert authenticate(username="guest", password="lost")
