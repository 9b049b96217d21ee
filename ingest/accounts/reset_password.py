"""Reset a lost password, by an operator who may run commands."""

import secrets
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from ingest.accounts.login_limits import expect_login
from ingest.loader.outcome.errors import RunFailed
from ingest.models import storable

_NAMED = 5
"""How many accounts an error message names."""


def reset_password(name: str, who: str) -> str:
    """Give the account ``name`` a new password and return it; only its hash is stored.

    This ends the account's sessions, which contain a digest of the old one. The audit log names ``who``. For an hour,
    other people's login attempts can't keep the account from logging in. Raises RunFailed if there is no such account,
    or it isn't allowed to log in.
    """
    users = get_user_model().objects
    password = secrets.token_urlsafe(18)
    with transaction.atomic():
        account = users.select_for_update().filter(username=storable(name)).first()
        if account is None:
            raise RunFailed(f"There is no account {name[:150]!r}. {_others()}")
        if not (account.is_active and account.is_staff):
            raise RunFailed(
                f"The account {name!r} isn't allowed to log in: it is inactive, or “Can log in” is off. {_others()}"
            )
        account.set_password(password)
        account.save(update_fields=["password"])
        _log(account, who)
    expect_login(name)
    return password


def _others() -> str:
    """List the superusers who can log in, since the operator is probably looking for one of them."""
    usable = get_user_model().objects.filter(is_superuser=True, is_active=True, is_staff=True).order_by("username")
    names = list(usable.values_list("username", flat=True)[: _NAMED + 1])
    if not names:
        return "No superuser can log in here: create one, as the runbook says under “A lost password”."
    more = " and others" if len(names) > _NAMED else ""
    return f"Superusers who can log in: {', '.join(names[:_NAMED])}{more}."


def _log(account: Any, who: str) -> None:
    """Log the reset with the account as its own actor, because the operator may not have an account."""
    LogEntry.objects.create(
        user=account,
        content_type=ContentType.objects.get_for_model(account),
        object_id=str(account.pk),
        object_repr=str(account)[:200],
        action_flag=CHANGE,
        change_message=storable(f"Password reset by {who}; all sessions ended."),
    )
