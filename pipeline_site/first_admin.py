"""The first user of a site that nobody can log in to yet."""

import secrets
from typing import Any

_LONGEST = 150  # characters of a user name, Django's own limit


def make(event: dict[str, Any]) -> dict[str, str]:
    """Make the superuser ``event["username"]``; gives name and password, which stand nowhere else.

    Gives nothing, and makes nobody, where a superuser stands: whoever may call this can't let himself in later.
    """
    from django.contrib.auth import get_user_model
    from django.db import transaction

    users: Any = get_user_model().objects
    name = str(event.get("username") or "admin")[:_LONGEST]
    with transaction.atomic():
        if users.filter(is_superuser=True, is_active=True).exists():
            return {}
        password = secrets.token_urlsafe(18)
        users.create_superuser(name, password=password)
    return {"username": name, "password": password}
