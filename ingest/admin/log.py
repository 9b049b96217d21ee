"""Who did what: Django's own log of each action, to look at."""

from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.http import HttpRequest

from ingest.admin import shown
from ingest.admin.pages import History, SteadyPage
from ingest.models import SEES_ALL


@admin.register(LogEntry)
class LogPage(History, SteadyPage):
    """The list of actions; an entry names what it was about, so it is for those to whom nothing is closed."""

    list_display = ("action_time", "user", "said", "about", "content_type")
    list_filter = ("action_time", "action_flag", "content_type")
    list_select_related = ("user", "content_type")
    list_display_links = None
    search_fields = ("user__username", "object_repr")
    search_help_text = "A part of a person's name, or of what it was about"
    date_hierarchy = None

    def has_view_permission(self, request: HttpRequest, obj: LogEntry | None = None) -> bool:
        """Those who may see the log, and every dataset."""
        return super().has_view_permission(request, obj) and request.user.has_perm(SEES_ALL)

    @admin.display(description="what")
    def said(self, entry: LogEntry) -> str:
        return shown.printable(entry.get_change_message() or entry.get_action_flag_display())

    @admin.display(description="about", ordering="object_repr")
    def about(self, entry: LogEntry) -> str:
        return shown.printable(entry.object_repr)
