"""The first user of a site that nobody can log in to yet."""

import secrets
from typing import Any

_LONGEST = 150  # characters of a user name, Django's own limit


def make(event: dict[str, Any]) -> dict[str, str]:
    """Make the superuser ``event["username"]``; gives name and password, which stand nowhere else.

    One of that name who never logged in gets another password: a deployment that was killed may never have shown the
    first. Else gives nothing, and makes nobody, where a superuser stands: whoever may call this can't let himself in
    later. Nothing, too, where the name belongs to an account that was shut out: another name is needed then. For an
    hour, no limit on other people's attempts keeps the user from logging in.
    """
    from django.contrib.auth import get_user_model
    from django.db import transaction

    from ingest.accounts.login_limits import expect_login

    users: Any = get_user_model().objects
    name = str(event.get("username") or "admin")[:_LONGEST]
    with transaction.atomic():
        standing = list(users.select_for_update().filter(is_superuser=True, is_active=True, is_staff=True)[:2])
        if [(each.username, each.last_login) for each in standing] not in ([], [(name, None)]):
            return {}
        if not standing and users.filter(username=name).exists():
            return {}
        password = secrets.token_urlsafe(18)
        if standing:
            standing[0].set_password(password)
            standing[0].save(update_fields=["password"])
        else:
            users.create_superuser(name, password=password)
    expect_login(name)
    return {"username": name, "password": password}
