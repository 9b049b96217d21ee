"""Guessing passwords ends soon, costs no hashing, and locks nobody else out."""

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import F
from django.test import Client
from django.utils import timezone

from ingest.accounts.login_limits import BY_ADDRESS, BY_NAME, OF_ALL, begin_login, end_login, expect_login
from ingest.admin.login import address_of
from ingest.models import LoginLimit

pytestmark = pytest.mark.django_db

HERE, THERE = "192.0.2.1", "198.51.100.7"
SLOWER = 1_000


@pytest.fixture(autouse=True)
def nothing_refills(monkeypatch: pytest.MonkeyPatch) -> None:
    """The buckets fill up so slowly that a busy machine gives nothing back in the middle of a test."""
    for name, limit in {"BY_NAME": BY_NAME, "BY_ADDRESS": BY_ADDRESS, "OF_ALL": OF_ALL}.items():
        monkeypatch.setattr(f"ingest.accounts.login_limits.{name}", replace(limit, seconds=limit.seconds * SLOWER))


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were hashed, in order."""
    passwords: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(self: MD5PasswordHasher, password: str, salt: str) -> str:
        passwords.append(password)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    return passwords


@pytest.fixture
def ann() -> User:
    return User.objects.create_superuser("ann", password="right")


def enter(client: Client, name: str, password: str, address: str = HERE, **meta: Any) -> Any:
    told = {"username": name, "password": password}
    return client.post("/admin/login/", told, REMOTE_ADDR=address, **meta)


def guess(times: int, name: str = "ann", address: str = HERE) -> list[int]:
    """The answers to wrong passwords, each from a browser that nobody knows."""
    return [enter(Client(), name, f"wrong {n}", address).status_code for n in range(times)]


def use_up_what_all_have() -> None:
    """As if many addresses had tried just now."""
    begin_login("somebody", "203.0.113.1")
    full = timedelta(seconds=OF_ALL.attempts * OF_ALL.seconds * SLOWER)
    LoginLimit.objects.update(full_at=timezone.now() + full)


def let_pass(seconds: float) -> None:
    """As if it were so much later, at the pace of the tests."""
    LoginLimit.objects.update(full_at=F("full_at") - timedelta(seconds=seconds * SLOWER))


def test_a_name_may_be_tried_ten_times_from_an_address_and_then_nothing_is_hashed(ann: User, hashed: list[str]):
    hashed.clear()
    assert guess(BY_NAME.attempts) == [200] * 10
    assert len(hashed) == 10
    refused = enter(Client(), "ann", "right")
    assert refused.status_code == 429
    assert "Too many failed attempts to log in. Wait " in refused.content.decode()
    assert 0 < int(refused["Retry-After"]) <= BY_NAME.seconds * SLOWER
    assert len(hashed) == 10
    assert enter(Client(), "ann", "right", THERE).status_code == 302, "elsewhere it is no lock"


def test_a_name_that_nobody_has_is_refused_alike(ann: User):
    assert guess(11, "nobody") == [200] * 10 + [429]


def test_attempts_come_back_with_time_whatever_is_tried_meanwhile(ann: User):
    guess(BY_NAME.attempts)
    assert guess(5) == [429] * 5
    let_pass(BY_NAME.seconds)
    assert guess(2) == [200, 429]
    let_pass(BY_NAME.seconds)
    assert enter(Client(), "ann", "right").status_code == 302


def test_logins_that_succeed_count_for_nothing(ann: User):
    for _ in range(BY_ADDRESS.attempts + 1):
        assert enter(Client(), "ann", "right").status_code == 302
    assert guess(11) == [200] * 10 + [429]


def test_a_stranger_cannot_lock_the_only_admin_out_of_a_browser_that_is_known(ann: User, hashed: list[str]):
    known = Client()
    assert enter(known, "ann", "right").status_code == 302
    use_up_what_all_have()
    assert enter(Client(), "ann", "right", THERE).status_code == 429, "everybody waits"
    known.post("/admin/logout/")
    assert enter(known, "ann", "right").status_code == 302, "but for a browser in which she has logged in before"


def test_a_known_browser_is_limited_too_and_known_for_its_own_name_only(ann: User):
    User.objects.create_superuser("bob", password="right")
    known = Client()
    enter(known, "ann", "right")
    assert [enter(known, "ann", "wrong").status_code for _ in range(11)] == [200] * 10 + [429]
    mark = known.cookies["ingest_browser"]
    assert (mark["httponly"], mark["samesite"], mark["path"]) == (True, "Strict", "/admin/login/")
    assert "ann" not in mark.value
    guess(BY_NAME.attempts, "bob")
    assert enter(known, "bob", "right").status_code == 429
    known.cookies["ingest_browser"] = f"{mark.value}x"
    assert enter(known, "ann", "right").status_code == 302, "as any browser"


def test_one_address_is_stopped_long_before_it_uses_up_what_all_have():
    taken = [begin_login(f"name {number}", HERE).wait for number in range(BY_ADDRESS.attempts + 1)]
    assert (max(taken[:-1]), taken[-1] > 0) == (0, True)
    assert begin_login("ann", THERE).wait == 0
    assert LoginLimit.objects.count() == BY_ADDRESS.attempts + 4, "what is refused leaves no row of its own"
    use_up_what_all_have()
    before = LoginLimit.objects.count()
    assert all(begin_login("ann", f"2001:db8:{number:x}::1").wait > 0 for number in range(20))
    assert LoginLimit.objects.count() == before, "however many addresses a stranger has"


def test_many_addresses_share_a_limit_that_fills_up_slowly():
    waits = [begin_login(f"name {number}", f"203.0.113.{number}").wait for number in range(OF_ALL.attempts + 1)]
    assert (max(waits[:-1]), 0 < waits[-1] <= OF_ALL.seconds * SLOWER) == (0, True)
    assert begin_login("ann", THERE).wait > 0
    let_pass(OF_ALL.seconds)
    assert begin_login("ann", THERE).wait == 0


def test_a_name_that_is_expected_passes_by_what_others_have_used_up(ann: User):
    use_up_what_all_have()
    expect_login("ann")
    assert enter(Client(), "ann", "right").status_code == 302
    assert guess(11) == [200] * 10 + [429], "and is limited by its address all the same"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "nonsense", False),
    ],
)
def test_an_address_is_known_by_the_part_that_its_owner_cannot_choose(one: str, other: str, same: bool):
    for _ in range(BY_NAME.attempts):
        begin_login("ann", one)
    assert (begin_login("ann", other).wait > 0) is same


@pytest.mark.django_db(transaction=True)
def test_attempts_at_the_same_moment_do_not_all_pass():
    ready, waits = threading.Barrier(20, timeout=120), []

    def attempt() -> None:
        try:
            connection.ensure_connection()
            ready.wait()
            waits.append(begin_login("ann", HERE).wait)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(waits)[: BY_NAME.attempts] == [0] * BY_NAME.attempts
    assert all(wait > 0 for wait in sorted(waits)[BY_NAME.attempts :])
    assert len(waits) == 20


def test_an_attempt_that_is_put_back_leaves_its_buckets_full():
    for _ in range(BY_ADDRESS.attempts + 1):
        attempt = begin_login("ann", HERE)
        assert attempt.wait == 0
        end_login(attempt)


def test_who_is_no_staff_or_logged_in_already_gets_nothing_back(ann: User):
    User.objects.create_user("guest", password="right")
    client = Client()
    client.force_login(ann)
    assert [enter(client, "guest", "right").status_code for _ in range(11)] == [200] * 10 + [429]


@pytest.mark.parametrize(
    ("context", "address"),
    [
        ({"identity": {"sourceIp": THERE}}, THERE),
        ({"http": {"sourceIp": THERE}}, THERE),
        ({"identity": None}, ""),
        (None, ""),
    ],
)
def test_behind_api_gateway_the_address_is_the_one_that_it_saw(rf: Any, context: Any, address: str):
    event = {"requestContext": context, "headers": {"X-Forwarded-For": "9.9.9.9, 8.8.8.8"}}
    request = rf.post("/admin/login/", REMOTE_ADDR="9.9.9.9", **{"lambda.event": event})
    assert address_of(request) == address
    assert address_of(rf.post("/", REMOTE_ADDR=HERE, HTTP_X_FORWARDED_FOR=THERE)) == HERE


def test_the_old_password_cannot_be_guessed_by_who_has_a_session(ann: User, hashed: list[str]):
    client = Client()
    client.force_login(ann)
    hashed.clear()

    def change(old: str) -> Any:
        told = {"old_password": old, "new_password1": "Quite-an0ther", "new_password2": "Quite-an0ther"}
        return client.post("/admin/password_change/", told)

    assert [change(f"wrong {n}").status_code for n in range(BY_NAME.attempts)] == [200] * 10
    assert len(hashed) == 10
    assert change("right").status_code == 302
    assert "Too many failed attempts to change the password." in client.get("/admin/").content.decode()
    assert len(hashed) == 10
    ann.refresh_from_db()
    assert ann.check_password("right")
    let_pass(BY_NAME.seconds)
    assert change("right")["Location"] == "/admin/password_change/done/"
    assert LoginLimit.objects.count() == 1, "what was guessed wrongly still counts"
