"""Login limits, counted in the database before a password is hashed (RFC 6819, 5.1.4.2; OWASP, "device cookies").

An attempt takes one token from each bucket that applies, in one statement each, so that simultaneous attempts can't all
pass; a successful login returns them. Buckets refill with time, so nobody is locked out for good. Nobody can lock out
someone else: a browser in which an account has logged in before has its own bucket, which no one else can empty, and
the limit by name only counts one address.
"""

import hashlib
import ipaddress
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from ingest.models import LoginLimit
from ingest.models.sql import RETURN_LOGIN, TAKE_LOGIN, WAIT_FOR_LOGIN

_IPV6_NETWORK: Final = 64
"""The bits of an IPv6 address that identify a customer, who can choose the rest."""

_MAX_NAME_LENGTH: Final = 150
"""Django's limit for the name of an account."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """How many attempts a bucket allows, and after how many seconds another one is available."""

    attempts: int
    seconds: int


BY_NAME: Final = Limit(attempts=10, seconds=300)
"""For one name from one address, or from one known browser: 10 at once, then 12 an hour."""
BY_ADDRESS: Final = Limit(attempts=30, seconds=60)
"""For all names from one address, such as an office. Successful logins don't count."""
OF_ALL: Final = Limit(attempts=100, seconds=6)
"""For everyone but known browsers: 10 a minute, against attackers with many addresses."""
EXPECTED_SECONDS: Final = 3600
"""How long a name can log in, despite others' attempts, after an operator has reset its password."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """A login attempt: what it took from the buckets, or how many seconds to wait before the next one."""

    taken: tuple[tuple[str, Limit], ...] = ()
    wait: float = 0


def begin_login(name: str, address: str, *, browser: str = "") -> Attempt:
    """Begin an attempt to log in as ``name`` from ``address``, before the password is checked.

    ``browser`` identifies a browser in which that account has logged in before. If ``wait`` isn't 0, the attempt is
    refused and has taken nothing.
    """
    taken: list[tuple[str, Limit]] = []
    for key, limit in _buckets(_normal(name), address, browser):
        if wait := _take(key, limit):
            end_login(Attempt(taken=tuple(taken)))
            return Attempt(wait=wait)
        taken.append((key, limit))
    return Attempt(taken=tuple(taken))


def begin_password_change(account: int) -> Attempt:
    """Begin an attempt to enter an account's old password, before it is checked, since a session may be stolen."""
    key = _key("change", str(account))
    wait = _take(key, BY_NAME)
    return Attempt(wait=wait) if wait else Attempt(taken=((key, BY_NAME),))


def end_login(attempt: Attempt) -> None:
    """Return what ``attempt`` took, because it succeeded or another limit refused it. Full buckets need no row."""
    with connection.cursor() as cursor:
        for key, limit in attempt.taken:
            cursor.execute(RETURN_LOGIN, {"key": key, "seconds": limit.seconds})
    LoginLimit.objects.filter(key__in=[key for key, _ in attempt.taken], full_at__lte=Now()).delete()


def expect_login(name: str) -> None:
    """Let ``name`` log in during the next hour, however many other attempts there are."""
    until = timezone.now() + timedelta(seconds=EXPECTED_SECONDS)
    key = _key("expected", _normal(name))
    LoginLimit.objects.update_or_create(key=key, defaults={"full_at": until})


def _buckets(name: str, address: str, browser: str) -> Iterator[tuple[str, Limit]]:
    """Yield the buckets that apply, the narrowest shared one first, so that one address can't empty the global one."""
    if browser:
        yield _key("browser", browser), BY_NAME
        return
    network = _network(address)
    expected = _key("expected", name)
    if LoginLimit.objects.filter(key=expected, full_at__gt=Now()).exists():
        yield _key(expected, network), BY_NAME
        return
    yield _key("address", network), BY_ADDRESS
    yield _key("all"), OF_ALL
    yield _key("name", name, network), BY_NAME


def _normal(name: str) -> str:
    """Return the name as Django compares it, cut to the longest name that an account can have."""
    return unicodedata.normalize("NFKC", name[:_MAX_NAME_LENGTH])


def _take(key: str, limit: Limit) -> float:
    """Take one from a bucket and return 0, or return the seconds until it has one."""
    parameters = {"key": key, "seconds": limit.seconds, "room": limit.attempts * limit.seconds}
    with connection.cursor() as cursor:
        cursor.execute(TAKE_LOGIN, parameters)
        if cursor.fetchone():
            return 0
        cursor.execute(WAIT_FOR_LOGIN, parameters)
        row = cursor.fetchone()
    return max(float(row[0]), 1.0) if row else 1.0


def _network(address: str) -> str:
    """Return the address, or the customer's network for an IPv6 address; anything else unchanged."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((int(parsed), _IPV6_NETWORK), strict=False))


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()
