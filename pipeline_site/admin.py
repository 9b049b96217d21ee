"""The admin's site: Django's own, with our name, our main navigation, and the home page in place of the list of models.

It stands outside of ``ingest.admin``, whose pages register with it while they are imported.
"""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse

MAIN_NAV = (
    ("Home", "admin:index", None),
    ("Upload", "admin:ingest_upload", "ingest.add_run"),
    ("Runs", "admin:ingest_run_changelist", "ingest.view_run"),
    ("Datasets", "admin:ingest_dataset_changelist", "ingest.view_dataset"),
    ("Accounts", "admin:app_list auth", "auth.view_user"),
)
"""What stands at the top of each page: name, address, and the permission without which it isn't shown."""


class Site(AdminSite):
    """One site for operators, analysts and those who give access."""

    site_header = site_title = "Files and tables"
    index_title = "Overview"
    site_url = None
    enable_nav_sidebar = False
    index_template = "ingest/home.html"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """What every page knows: the main navigation for this person, with the current page marked."""
        return {**super().each_context(request), "main_nav": _main_nav(request)}

    @property
    def login_form(self) -> Any:
        """The form of the login page."""
        from ingest.admin.login import LoginForm

        return LoginForm

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The login page, whose attempts are limited."""
        from ingest.admin import login

        return login.answered(request, super().login(request, extra_context))

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The page on which people change their own password, whose attempts are limited."""
        from ingest.admin import login

        return login.changed(request, lambda: super(Site, self).password_change(request, extra_context))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The home page in place of the list of models."""
        from ingest.admin import home  # its pages register with this site while they are imported

        return super().index(request, {**home.context(request), **(extra_context or {})})


def _main_nav(request: HttpRequest) -> list[dict[str, Any]]:
    shown = []
    for name, route, permission in MAIN_NAV:
        if permission and not request.user.has_perm(permission):
            continue
        try:
            address = reverse(*_arguments(route))
        except NoReverseMatch:
            continue
        here = request.path == address or (name != "Home" and request.path.startswith(address))
        shown.append({"name": name, "address": address, "here": here})
    return shown


def _arguments(route: str) -> tuple[Any, ...]:
    name, _, label = route.partition(" ")
    return (name, None, [label]) if label else (name,)
