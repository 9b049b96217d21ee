"""Addresses: everything stands in the admin, so the root leads there."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponseRedirect
from django.templatetags.static import static
from django.urls import path
from django.views.generic import RedirectView


def icon(request: HttpRequest) -> HttpResponseRedirect:
    """Where the icon lies, whose name may hold a hash: browsers ask for it beside what a page names."""
    return HttpResponseRedirect(static("ingest/icon.svg"))


urlpatterns = [
    path("admin/", admin.site.urls),
    path("favicon.ico", icon),
    path("", RedirectView.as_view(pattern_name="admin:index")),
]

handler400 = "ingest.admin.refused.bad_request"
