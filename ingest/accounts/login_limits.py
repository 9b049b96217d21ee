"""Login limits, counted in the database before a password is hashed (RFC 6819, 5.1.4.2; OWASP, "device cookies").

An attempt takes one from each bucket that applies, in one statement each, so that attempts at the same moment can't all
pass; a login that succeeds puts them back. Buckets refill with time, whatever is refused meanwhile, so nobody is locked
out for good. Nobody can lock somebody else out: a browser in which an account has logged in before has a bucket of its
own, which no stranger can empty, and the limit by name counts one address only.
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
"""Bits of an IPv6 address that tell one customer from another: the rest is theirs to choose."""

_LONGEST_NAME: Final = 150
"""Characters of an account's name, Django's own limit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """How many attempts a bucket holds, and after how many seconds one of them is back."""

    attempts: int
    seconds: int


BY_NAME: Final = Limit(attempts=10, seconds=300)
"""Of one name from one address, or from one browser that is known: 10 at once, then 12 an hour."""
BY_ADDRESS: Final = Limit(attempts=30, seconds=60)
"""Of all names from one address, an office behind one included: the logins that succeed don't count."""
OF_ALL: Final = Limit(attempts=100, seconds=6)
"""From everywhere but known browsers: 10 a minute against whoever has many addresses."""
EXPECTED_SECONDS: Final = 3600
"""How long a name is expected that was given a new password by an operator: others' attempts don't delay it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One attempt to log in: what it took, or how many seconds to wait before the next one."""

    taken: tuple[tuple[str, Limit], ...] = ()
    wait: float = 0


def begin_login(name: str, address: str, *, browser: str = "") -> Attempt:
    """Take an attempt to log in as ``name`` from ``address``, before the password is looked at.

    ``browser`` is the mark of a browser in which that account has logged in before. Where ``wait`` isn't 0, the attempt
    is refused and has taken nothing.
    """
    taken: list[tuple[str, Limit]] = []
    for key, limit in _buckets(_normal(name), address, browser):
        if wait := _take(key, limit):
            end_login(Attempt(taken=tuple(taken)))
            return Attempt(wait=wait)
        taken.append((key, limit))
    return Attempt(taken=tuple(taken))


def begin_password_change(account: int) -> Attempt:
    """Take an attempt to enter the old password of an account, before it is looked at: a session may be stolen."""
    key = _key("change", str(account))
    wait = _take(key, BY_NAME)
    return Attempt(wait=wait) if wait else Attempt(taken=((key, BY_NAME),))


def end_login(attempt: Attempt) -> None:
    """Put back what ``attempt`` has taken: it succeeded, or was refused by another limit. Full buckets need no row."""
    with connection.cursor() as cursor:
        for key, limit in attempt.taken:
            cursor.execute(RETURN_LOGIN, {"key": key, "seconds": limit.seconds})
    LoginLimit.objects.filter(key__in=[key for key, _ in attempt.taken], full_at__lte=Now()).delete()


def expect_login(name: str) -> None:
    """Let ``name`` log in for an hour, however many others try to at the moment."""
    until = timezone.now() + timedelta(seconds=EXPECTED_SECONDS)
    key = _key("expected", _normal(name))
    LoginLimit.objects.update_or_create(key=key, defaults={"full_at": until})


def _buckets(name: str, address: str, browser: str) -> Iterator[tuple[str, Limit]]:
    """The buckets that apply, the narrowest of the shared ones first: one address can't empty the bucket of all."""
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
    """The name as Django compares it; of one that is longer than any account's, only so much."""
    return unicodedata.normalize("NFKC", name[:_LONGEST_NAME])


def _take(key: str, limit: Limit) -> float:
    """Take one from a bucket: 0, or the seconds until it has one."""
    told = {"key": key, "seconds": limit.seconds, "room": limit.attempts * limit.seconds}
    with connection.cursor() as cursor:
        cursor.execute(TAKE_LOGIN, told)
        if cursor.fetchone():
            return 0
        cursor.execute(WAIT_FOR_LOGIN, told)
        found = cursor.fetchone()
    return max(float(found[0]), 1.0) if found else 1.0


def _network(address: str) -> str:
    """The address, or of an IPv6 address the network that its owner has; what isn't an address as it is."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((int(parsed), _IPV6_NETWORK), strict=False))


def _key(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()
