"""Logging in: attempts are limited before the password is hashed, whichever form they come by."""

import hashlib
import math
import secrets
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core import signing
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from ingest.accounts.login_limits import Attempt, begin_login, begin_password_change, end_login

_COOKIE, _SALT = "ingest_browser", "ingest.admin.login"
_COOKIE_SECONDS = 180 * 24 * 3600
_ATTEMPT = "login_attempt"
"""The attribute of a request that holds its attempt to log in."""


class LimitedLogins:
    """The first of the authentication backends: lets nobody in, and stops the others where a limit is reached."""

    def authenticate(self, request: HttpRequest | None, username: str | None = None, **credentials: Any) -> None:
        """Take an attempt. Raises PermissionDenied, at which Django asks no further backend, where there is none left.

        Without a request nobody logs in: it is a command that asks.
        """
        if request is None or username is None:
            return
        attempt = begin_login(username, address_of(request), browser=_browser(request, username))
        setattr(request, _ATTEMPT, attempt)
        if attempt.wait:
            raise PermissionDenied


class LoginForm(AdminAuthenticationForm):
    """Django's own, which says for how long to wait where a limit is reached."""

    error_messages = {
        **AdminAuthenticationForm.error_messages,
        "invalid_login": "Wrong username or password. Both are case-sensitive.",
    }

    def get_invalid_login_error(self) -> ValidationError:
        """Return why nobody is let in."""
        attempt = getattr(self.request, _ATTEMPT, None)
        if attempt is None or not attempt.wait:
            return super().get_invalid_login_error()
        return ValidationError(f"Too many failed attempts to log in. {_wait(attempt)}", code="limited")


def answered(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Complete the login page's ``response``: give back the attempt of a login, and know the browser from now on."""
    attempt = getattr(request, _ATTEMPT, None)
    if attempt is None:
        return response
    if attempt.wait:
        response.status_code = 429
        response.headers["Retry-After"] = str(math.ceil(attempt.wait))
    elif response.status_code == 302:
        end_login(attempt)
        _remember(response, request.user.get_username())
    return response


def changed(request: HttpRequest, change: Callable[[], HttpResponse]) -> HttpResponse:
    """Answer the page on which people change their own password; guesses at the old one are limited as logins are."""
    if request.method != "POST":
        return change()
    attempt = begin_password_change(request.user.pk)
    if attempt.wait:
        messages.error(request, f"Too many failed attempts to change the password. {_wait(attempt)}")
        return HttpResponseRedirect(request.path)
    response = change()
    if response.status_code == 302:
        end_login(attempt)
    return response


def _wait(attempt: Attempt) -> str:
    minutes = math.ceil(attempt.wait / 60)
    return f"Wait {'a minute' if minutes == 1 else f'{minutes:,} minutes'}, then try again."


def address_of(request: HttpRequest) -> str:
    """Return the address that ``request`` came from: behind API Gateway the one that it saw.

    zappa's REMOTE_ADDR is taken from X-Forwarded-For, which holds what the client wrote.
    """
    told = request.environ.get("lambda.event") if hasattr(request, "environ") else None
    if not isinstance(told, dict):
        return str(request.META.get("REMOTE_ADDR", ""))
    context = told.get("requestContext") or {}
    where = context.get("identity") or context.get("http") or {}
    return str(where.get("sourceIp") or "")


def _browser(request: HttpRequest, username: str) -> str:
    """The mark of the browser, if the account of this name has logged in there before."""
    try:
        name, mark = signing.loads(request.COOKIES.get(_COOKIE, ""), salt=_SALT, max_age=_COOKIE_SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return str(mark) if name == _digest(username) else ""


def _remember(response: HttpResponse, username: str) -> None:
    value = signing.dumps([_digest(username), secrets.token_urlsafe(16)], salt=_SALT)
    response.set_cookie(
        _COOKIE,
        value,
        max_age=_COOKIE_SECONDS,
        path=reverse("admin:login"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Strict",
    )


def _digest(username: str) -> str:
    return hashlib.sha256(username.encode(errors="surrogatepass")).hexdigest()
