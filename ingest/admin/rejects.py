"""The rejects of all runs: which record did not go in, and why."""

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.db.models.functions import Length, Substr
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ingest.admin import asked, shown
from ingest.admin.filters import KnownFilter
from ingest.admin.pages import ReadOnlyVisibleAdmin, is_list
from ingest.loader.outcome.reject_codes import Code
from ingest.models import Reject, Run

_LONGEST_RECORD = 5_000  # bytes that a page shows


def without_long_records(rejects: QuerySet[Reject], longest: int) -> QuerySet[Reject]:
    """``rejects`` with the ``head`` and the ``size`` of their raw records only, which may have many megabytes."""
    return rejects.defer("raw").annotate(head=Substr("raw", 1, longest), size=Length("raw"))


class RunFilter(KnownFilter):
    """By run, from a run's page: there are too many to offer."""

    title = parameter_name = "run"
    run: Run | None = None

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """The chosen one only."""
        chosen = self.value()
        return [(chosen, f"run {chosen}")] if chosen else []

    def knows(self, request: HttpRequest, value: str) -> bool:
        """Whether this person sees a run of that number."""
        number = asked.whole(value)
        self.run = Run.objects.visible_to(request.user).filter(pk=number).only("key").first()
        return self.run is not None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Reject]) -> QuerySet[Reject]:
        """The rejects of the chosen run."""
        return queryset.filter(run_id=int(self.value())) if self.value() else queryset


class CodeFilter(KnownFilter):
    """By reason code."""

    title = "code"
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """All there are."""
        return [(str(code), code.label) for code in Code]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Reject]) -> QuerySet[Reject]:
        """The rejects of the chosen code."""
        return queryset.filter(code=self.value()) if self.value() else queryset


@admin.register(Reject)
class RejectPage(ReadOnlyVisibleAdmin):
    """The list of rejects, and the page of one."""

    list_display = ("line", "code_", "reason_", "column_", "value_", "file", "run")
    list_filter = (CodeFilter, RunFilter)
    list_select_related = ("run",)
    search_fields = ("run__key",)
    search_help_text = "Part of the file name"
    ordering = ("-run", "line", "id")
    fields = readonly_fields = ("run", "file", "line", "code_", "reason_", "column_", "value_", "raw_")

    def list_title(self, listed: ChangeList) -> str:
        """Whose they are, where a run's page leads here."""
        chosen = next((each.run for each in listed.filter_specs if isinstance(each, RunFilter)), None)
        return f"Rejects of {shown.printable(chosen.file_name, 80)}, run {chosen.pk}" if chosen else "Rejects"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reject]:
        """A list does without the raw records, which may be long, and the runs' wide columns."""
        queryset = super().get_queryset(request)
        wide = ("raw", *(f"run__{name}" for name in Run.WIDE))
        return queryset.defer(*wide) if is_list(request) else without_long_records(queryset, _LONGEST_RECORD)

    @admin.display(description="file")
    def file(self, reject: Reject) -> str:
        return shown.printable(reject.run.file_name, 80)

    @admin.display(description="code", ordering="code")
    def code_(self, reject: Reject) -> SafeString:
        label = shown.code_label(reject.code)
        return format_html('{} <span class="muted mono">{}</span>', label, reject.code)

    @admin.display(description="reason")
    def reason_(self, reject: Reject) -> str:
        return shown.printable(reject.reason)

    @admin.display(description="column", ordering="column")
    def column_(self, reject: Reject) -> str:
        return shown.printable(reject.column, 80)

    @admin.display(description="value")
    def value_(self, reject: Reject) -> str:
        return shown.printable(reject.value, 80)

    @admin.display(description="record")
    def raw_(self, reject: Reject) -> str:
        return shown.raw(reject.head, reject.size, _LONGEST_RECORD)
