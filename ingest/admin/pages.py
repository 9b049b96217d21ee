"""What all our pages have in common: no address leads to an error page, and history is read-only."""

import logging
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ALL_VAR, ERROR_FLAG, ORDER_VAR, PAGE_VAR, SEARCH_VAR, ChangeList
from django.core.exceptions import SuspiciousOperation
from django.db import DataError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst

from ingest.admin import shown

_LOG = logging.getLogger("ingest.admin")


class TolerantAdmin(admin.ModelAdmin):
    """A page that answers an address which makes no sense with what there is, and a word about it."""

    show_full_result_count = False
    list_per_page = 50
    empty_value_display = "–"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list; filters that it doesn't know are left out, and it says so."""
        answer = self._steady(request, lambda: super(TolerantAdmin, self).changelist_view(request, extra_context))
        if answer.status_code == 302 and answer.headers["Location"] == f"{request.path}?{ERROR_FLAG}=1":
            return self._without_parameters(request)
        context = getattr(answer, "context_data", None) or {}
        if "cl" in context:
            context["title"] = (extra_context or {}).get("title") or self.list_title(context["cl"])
            for each in context["cl"].filter_specs:
                if told := getattr(each, "left_out", ""):
                    messages.warning(request, told)
        return answer

    def list_title(self, listed: ChangeList) -> str:
        """What the list is called: by what stands in it, not by what one could do with it."""
        return capfirst(str(self.opts.verbose_name_plural))

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """One object; parameters that can't be read are left out."""
        return self._steady(
            request, lambda: super(TolerantAdmin, self).changeform_view(request, object_id, form_url, extra_context)
        )

    def _steady(self, request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
        # What is typed into a form is for the form to refuse; what was chosen from a list is no text of anybody's.
        given = [*request.GET.lists(), ("", request.POST.getlist(ACTION_CHECKBOX_NAME))]
        if any("\0" in text for name, values in given for text in (name, *values)):
            return self._without_parameters(request)
        try:
            return answer()
        except (DataError, ValueError, OverflowError, SuspiciousOperation) as refused:
            if not request.GET and not request.POST:
                raise
            # One line: anybody can ask as often as they like, and a traceback each time would fill the log.
            _LOG.info("%s does not understand its parameters: %s", request.path[:200], type(refused).__name__)
            return self._without_parameters(request)

    def _without_parameters(self, request: HttpRequest) -> HttpResponse:
        """Back to the address without what it doesn't know, which is named; without all of it where that is unclear."""
        unknown = [name for name in request.GET if not self._knows(name)]
        if request.method == "POST":
            messages.warning(request, "This action isn't possible with the selected items, so it was ignored.")
            return HttpResponseRedirect(request.path)
        if not unknown:
            messages.warning(request, "Unknown filter: it was ignored.")
            return HttpResponseRedirect(request.path)
        named = ", ".join(f"“{shown.printable(name, 60)}”" for name in unknown[:5])
        messages.warning(request, f"Unknown filter {named}: it was ignored.")
        kept = request.GET.copy()
        for name in unknown:
            del kept[name]
        return HttpResponseRedirect(f"{request.path}?{kept.urlencode()}" if kept else request.path)

    def _knows(self, name: str) -> bool:
        """Whether a list has a parameter of this name: a filter's, or one that each list has."""
        filters = [each[0] if isinstance(each, tuple) else each for each in self.list_filter]
        own = {each if isinstance(each, str) else each.parameter_name for each in filters}
        return name in (ALL_VAR, ORDER_VAR, PAGE_VAR, SEARCH_VAR) or name in own or name.partition("__")[0] in own


class VisibleAdmin(TolerantAdmin):
    """A page of datasets, or of what belongs to them."""

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """What isn't closed to this person: everything else is as good as not there, for every page and action."""
        return super().get_queryset(request).visible_to(request.user)


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that tell what was: nobody adds, edits or deletes them by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Never."""
        return False


class ReadOnlyVisibleAdmin(ReadOnlyAdmin, VisibleAdmin):
    """The history of datasets."""


def is_list(request: HttpRequest) -> bool:
    """Whether a list is asked for, which leaves out the wide columns."""
    match = request.resolver_match
    return bool(match and match.url_name and match.url_name.endswith("_changelist"))
