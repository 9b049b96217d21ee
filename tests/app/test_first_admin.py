"""The first user of a site is made once, and nobody lets himself in after he has come."""

from datetime import timedelta

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.models import update_last_login
from django.test import Client
from django.utils import timezone

from ingest.accounts.login_limits import begin_login
from ingest.models import LoginLimit
from pipeline_site.first_admin import make

pytestmark = pytest.mark.django_db


def test_who_never_logged_in_gets_another_password_for_the_first_may_never_have_been_shown() -> None:
    first, second = make({}), make({"username": "admin"})
    assert first["username"] == second["username"] == "admin"
    assert authenticate(**first) is None
    assert Client().login(**second)
    assert get_user_model().objects.count() == 1


@pytest.mark.parametrize("shut_out", [{"is_active": False}, {"is_staff": False}, {"is_superuser": False}])
def test_where_the_only_superuser_is_shut_out_another_one_is_made(shut_out: dict[str, bool]) -> None:
    get_user_model().objects.create_superuser("admin", password="x")
    get_user_model().objects.update(**shut_out)
    assert make({}) == {}, "a deployment asks for this one each time"
    assert Client().post("/admin/login/", make({"username": "second"})).status_code == 302


def test_strangers_who_use_up_all_attempts_keep_the_first_user_from_nothing() -> None:
    begin_login("admin", "203.0.113.1")
    LoginLimit.objects.update(full_at=timezone.now() + timedelta(days=1))
    assert begin_login("admin", "203.0.113.2").wait > 0
    assert Client().post("/admin/login/", make({})).status_code == 302


def test_who_has_logged_in_keeps_his_password() -> None:
    made = make({"username": "ann"})
    update_last_login(None, authenticate(**made))
    assert make({"username": "ann"}) == {}
    assert authenticate(**made)


@pytest.mark.parametrize("name", ["eve", "ann"])
def test_nobody_is_made_and_no_password_changed_beside_another_superuser(name: str) -> None:
    for each in ("ann", "bob"):
        get_user_model().objects.create_superuser(each, password="as it was")
    assert make({"username": name}) == {}
    assert authenticate(username="ann", password="as it was")
    assert get_user_model().objects.count() == 2


def test_a_name_that_is_taken_by_one_superuser_lets_nobody_else_in() -> None:
    get_user_model().objects.create_superuser("ann", password="as it was")
    assert make({"username": "eve"}) == {}
