"""Who did what: Django's own log of each action, to look at."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from ingest.admin import shown
from ingest.admin.filters import KnownFilter
from ingest.admin.pages import ReadOnlyAdmin, TolerantAdmin
from ingest.models import SEES_ALL


class KindFilter(KnownFilter):
    """What it was about, of the things that this site logs."""

    title = "type"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Each by the name of its model."""
        return [(kind, kind) for kind in ("dataset", "run", "upload", "user", "group")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LogEntry]) -> QuerySet[LogEntry]:
        """Those about things of that kind."""
        return queryset.filter(content_type__model=self.value()) if self.value() else queryset


@admin.register(LogEntry)
class LogPage(ReadOnlyAdmin, TolerantAdmin):
    """The list of actions; an entry names what it was about, so it is for those to whom nothing is closed."""

    list_display = ("action_time", "user", "said", "about", "kind")
    list_filter = ("action_time", "action_flag", KindFilter)
    list_select_related = ("user", "content_type")
    list_display_links = None
    search_fields = ("user__username", "object_repr")
    search_help_text = "Part of a username or an object name"
    date_hierarchy = None

    def has_view_permission(self, request: HttpRequest, obj: LogEntry | None = None) -> bool:
        """Those who may see the log, and every dataset."""
        return super().has_view_permission(request, obj) and request.user.has_perm(SEES_ALL)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, under the name by which other pages lead to it."""
        return super().changelist_view(request, {"title": "Audit log", **(extra_context or {})})

    @admin.display(description="action")
    def said(self, entry: LogEntry) -> str:
        return shown.printable(entry.get_change_message() or entry.get_action_flag_display())

    @admin.display(description="object", ordering="object_repr")
    def about(self, entry: LogEntry) -> str:
        return shown.printable(entry.object_repr)

    @admin.display(description="type", ordering="content_type__model")
    def kind(self, entry: LogEntry) -> str:
        return str(entry.content_type.name) if entry.content_type else ""
