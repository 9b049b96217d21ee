"""The messages: who was told of what, whether it arrived, and what is wrong just now."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ingest.admin import shown
from ingest.admin.filters import KnownFilter
from ingest.admin.pages import ReadOnlyVisibleAdmin
from ingest.models import Message, Trouble
from ingest.notifications.channels import CHANNELS, configured_channels, label_of
from ingest.notifications.delivery import page_of, title_of

_CAUSES = 50
"""Causes that are listed, those that were met last."""
_RECIPIENTS = 5


class StateFilter(KnownFilter):
    """By what became of them."""

    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Delivered ones, and others by what is left to hope for."""
        return [("delivered", "delivered"), ("undelivered", "not delivered"), ("given-up", "failed permanently")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        """The messages in that state."""
        if self.value() == "delivered":
            return queryset.exclude(sent=None)
        if self.value() == "undelivered":
            return queryset.undelivered()
        return queryset.filter(sent=None, not_before=None) if self.value() else queryset


class ChannelFilter(KnownFilter):
    """By the way they went."""

    title = parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """All there are."""
        return [(channel.name, channel.label) for channel in CHANNELS.values()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        """The messages that went that way."""
        return queryset.filter(channel=self.value()) if self.value() else queryset


@admin.register(Message)
class MessagePage(ReadOnlyVisibleAdmin):
    """The list of messages under the causes that are open; it is all there is of them."""

    change_list_template = "ingest/message/list.html"
    list_display = ("created_", "about", "to", "became", "attempts")
    list_display_links = None
    list_filter = (StateFilter, ChannelFilter)
    search_fields = ("trouble__dataset__name",)
    search_help_text = "Part of the dataset name"
    sortable_by = ()

    def get_urls(self) -> list[URLPattern]:
        """The list alone."""
        return [path("", self.admin_site.admin_view(self.changelist_view), name="ingest_message_changelist")]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """With what they are about."""
        about = ("trouble__dataset__name", "trouble__run__key", "trouble__kind", "trouble__reason", "trouble__run_id")
        own = [field.name for field in Message._meta.fields]
        return super().get_queryset(request).select_related("trouble__dataset", "trouble__run").only(*own, *about)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, under what is wrong just now."""
        answer = super().changelist_view(request, extra_context)
        if getattr(answer, "context_data", None) and "cl" in answer.context_data:
            answer.context_data |= {"causes": _causes(request.user), "channels": _channels()}
        return answer

    @admin.display(description="created (UTC)")
    def created_(self, message: Message) -> SafeString:
        return format_html('<span class="time">{}</span>', f"{message.created:%Y-%m-%d %H:%M}")

    @admin.display(description="subject")
    def about(self, message: Message) -> SafeString:
        title, address = shown.printable(title_of(message), 120), page_of(message.trouble)
        return format_html('<a href="{}">{}</a>', address, title)

    @admin.display(description="recipients")
    def to(self, message: Message) -> str:
        people = [shown.printable(str(address), 80) for address in message.recipients[:_RECIPIENTS]]
        more = len(message.recipients) - len(people)
        named = ", ".join(people) + (f" and {more:,} more" if more else "")
        return f"{label_of(message.channel)}{f': {named}' if named else ''}"

    @admin.display(description="delivery")
    def became(self, message: Message) -> SafeString | str:
        if message.sent:
            return format_html("Delivered {}", f"{message.sent:%Y-%m-%d %H:%M}")
        if not message.error and message.not_before:
            return "Queued"
        wrong = shown.printable(message.error)
        if not message.not_before:
            return format_html('<span class="reason failed">Failed permanently: {}</span>', wrong)
        again = f"{message.not_before:%Y-%m-%d %H:%M}"
        return format_html('<span class="reason failed">Not delivered: {}</span> Next attempt: {}.', wrong, again)


def _channels() -> list[str]:
    """How people can be told, as it is set."""
    return [channel.label for channel in configured_channels()]


def _causes(user: Any) -> dict[str, Any]:
    """The causes that are open, those met last first."""
    found = Trouble.objects.visible_to(user).filter(closed=None).select_related("dataset", "run").order_by("-seen")
    listed = list(found.only(*_OF_A_CAUSE)[: _CAUSES + 1])
    return {
        "listed": [
            {
                "trouble": trouble,
                "about": trouble.dataset.name
                if trouble.dataset
                else shown.printable(trouble.run.file_name, 80)
                if trouble.run
                else "a file",
                "address": page_of(trouble),
                "reason": shown.printable(trouble.reason, 240),
                "times": shown.count(trouble.count),
            }
            for trouble in listed[:_CAUSES]
        ],
        "more": len(listed) > _CAUSES,
    }


def _about(trouble: Trouble) -> str:
    if trouble.dataset:
        return trouble.dataset.name
    return shown.printable(trouble.run.file_name, 80) if trouble.run else "a file"


_OF_A_CAUSE = ("kind", "reason", "count", "opened", "seen", "dataset__name", "run__key")
