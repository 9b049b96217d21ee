"""The runs: what came, what became of it, and why."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import content_disposition_header
from django.utils.safestring import SafeString

from ingest import runs
from ingest.admin import shown
from ingest.admin.actions import RunActions
from ingest.admin.pages import HistoryPage, is_list
from ingest.admin.rejects import without_long_records
from ingest.loader.errors import IngestError
from ingest.models import Dataset, Run

_FIRST_REJECTS = 20
_FILE = ("address", "version", "size_")
_WIDE = ("columns", "ddl", "notes", "dialect", "traceback", "brakes", "approved", "stayed")
_COUNTS = ("records_", "inserted_", "updated_", "unchanged_", "duplicate_", "rejected_")


class DatasetFilter(admin.SimpleListFilter):
    """By dataset; offers few, since there may be thousands: a dataset's own page leads to its runs."""

    title = "dataset"
    parameter_name = "dataset"
    _most = 30

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """The first datasets by name."""
        datasets = Dataset.objects.visible_to(request.user).order_by("name")
        return [(name, name) for name in datasets.values_list("name", flat=True)[: self._most]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """The runs of the chosen one."""
        return queryset.filter(dataset__name=self.value()) if self.value() else queryset


def _count(name: str, *, done: bool = False) -> Any:
    """A column for the count ``name``; with ``done``, of what a run did to its table: nothing, if it failed."""

    @admin.display(description=name, ordering=name)
    def show(page: object, run: Run) -> str:
        number = getattr(run, name)
        known = run.records is not None or bool(number)
        return shown.count(number) if known and not (done and run.status == Run.Status.FAILED) else ""

    return show


@admin.register(Run)
class RunPage(RunActions, HistoryPage):
    """The list of runs, and the page of one."""

    list_display = (
        "number",
        "status",
        "kind",
        "file",
        "dataset",
        *_COUNTS,
        "seconds",
        "received",
        "reason_",
    )
    list_display_links = ("number", "file")
    list_filter = ("status", "kind", DatasetFilter, "received")
    list_select_related = ("dataset",)
    search_fields = ("key",)
    search_help_text = "A part of the file's name"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "status",
                    "reason_whole",
                    "dataset",
                    "address",
                    "version",
                    "size_",
                    "kind",
                    "held_",
                    "approved_",
                )
            },
        ),
        (
            "What became of the records",
            {"fields": (*_COUNTS, "deleted_")},
        ),
        ("Undo", {"fields": ("undo_", "undoes_", "stayed_")}),
        ("Time", {"fields": ("received", "started", "finished", "seconds", "attempts", "progress_")}),
        ("What was found and done", {"fields": ("notes_", "columns_", "dialect_", "ddl_")}),
        ("Rejects", {"fields": ("rejects_",)}),
    )
    _for_developers = ("For developers", {"fields": ("traceback_",), "classes": ("collapse",)})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        """A list of runs does without the wide columns."""
        queryset = super().get_queryset(request)
        return queryset.defer(*_WIDE) if is_list(request) else queryset.select_related("dataset", "progress", "undoes")

    def get_fieldsets(self, request: HttpRequest, obj: Run | None = None) -> Any:
        """The traceback only for those who may see it."""
        may_see = request.user.has_perm("ingest.view_traceback")
        return (*self.fieldsets, self._for_developers) if may_see and obj and obj.traceback else self.fieldsets

    def get_readonly_fields(self, request: HttpRequest, obj: Run | None = None) -> list[str]:
        """All of them."""
        return [name for _, options in self.get_fieldsets(request, obj) for name in options["fields"]]

    def get_urls(self) -> list[URLPattern]:
        """The download of the rejects, beside the usual pages."""
        download = self.admin_site.admin_view(self.rejects_view)
        return [path("<int:run_id>/rejects.csv", download, name="ingest_run_rejects"), *super().get_urls()]

    def rejects_view(self, request: HttpRequest, run_id: int) -> HttpResponseBase:
        """The rejects as a CSV that can be mended and dropped again (BEHAVIOUR 7)."""
        run = self.get_object(request, str(run_id))
        if run is None or not self.has_view_permission(request, run):
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(run_id))
        try:
            link = runs.reject_link(run)
            if link:
                return HttpResponseRedirect(link)
            name = f"{run.dataset or 'run'}-{run.pk}-rejects.csv"
            return StreamingHttpResponse(
                runs.reject_file(run),
                content_type="text/csv; charset=utf-8",
                headers={"Content-Disposition": content_disposition_header(True, name) or ""},
            )
        except IngestError as refused:
            messages.error(request, f"The list can't be downloaded just now. {refused}")
            return HttpResponseRedirect(reverse("admin:ingest_run_change", args=[run.pk]))

    # -- what stands in a field -------------------------------------------------------------------------------------

    @admin.display(description="run", ordering="id")
    def number(self, run: Run) -> int:
        return run.pk

    @admin.display(description="file", ordering="key")
    def file(self, run: Run) -> str:
        return shown.printable(run.file_name, 80)

    @admin.display(description="reason")
    def reason_(self, run: Run) -> str:
        return shown.printable(run.reason, 200)

    @admin.display(description="reason")
    def reason_whole(self, run: Run) -> str:
        return shown.printable(run.reason, 5_000)

    @admin.display(description="file")
    def address(self, run: Run) -> str:
        return shown.printable(f"s3://{run.bucket}/{run.key}", 1_200)

    @admin.display(description="version")
    def version(self, run: Run) -> str:
        return run.version_id or f"ETag {run.etag}"

    @admin.display(description="size", ordering="size")
    def size_(self, run: Run) -> str:
        return shown.size(run.size)

    @admin.display(description="seconds")
    def seconds(self, run: Run) -> str:
        return shown.seconds(run.started, run.finished)

    records_ = _count("records")
    inserted_ = _count("inserted", done=True)
    updated_ = _count("updated", done=True)
    unchanged_ = _count("unchanged", done=True)
    duplicate_ = _count("duplicate", done=True)
    rejected_ = _count("rejected")
    deleted_ = _count("deleted", done=True)

    @admin.display(description="stage")
    def progress_(self, run: Run) -> str:
        if run.status != Run.Status.RUNNING:
            return ""
        progress = run.progress
        return f"{progress.stage}: {shown.size(progress.bytes_done)} of {shown.size(progress.bytes_total)}"

    @admin.display(description="held by")
    def held_(self, run: Run) -> str:
        return runs.held_by(run.brakes)

    @admin.display(description="approved")
    def approved_(self, run: Run) -> str:
        return runs.held_by(run.approved or {})

    @admin.display(description="undo")
    def undo_(self, run: Run) -> SafeString | str:
        if run.kind != Run.Kind.LOAD or run.status != Run.Status.SUCCEEDED:
            return ""
        state = "undone" if run.undone else "can be undone" if run.undoable else "can't be undone any more"
        undos = format_html_join(", ", "{}", ((_link(undo),) for undo in run.undos.order_by("pk")))
        return format_html("{}: {}", state, undos) if undos else state

    @admin.display(description="undoes")
    def undoes_(self, run: Run) -> SafeString | str:
        return _link(run.undoes) if run.undoes else ""

    @admin.display(description="rows that stay")
    def stayed_(self, run: Run) -> SafeString:
        return render_to_string("ingest/stayed.html", {"rows": [(_safe(key), why) for key, why in run.stayed]})

    @admin.display(description="notes")
    def notes_(self, run: Run) -> SafeString:
        return render_to_string("ingest/notes.html", {"notes": run.notes})

    @admin.display(description="columns")
    def columns_(self, run: Run) -> SafeString:
        columns = [{name: _safe(value) for name, value in column.items()} for column in run.columns]
        return render_to_string("ingest/columns.html", {"columns": columns})

    @admin.display(description="written as")
    def dialect_(self, run: Run) -> str:
        return ", ".join(f"{name} {_safe(repr(value))}" for name, value in run.dialect.items())

    @admin.display(description="changes to the table")
    def ddl_(self, run: Run) -> SafeString:
        return render_to_string("ingest/ddl.html", {"statements": run.ddl})

    @admin.display(description="traceback")
    def traceback_(self, run: Run) -> SafeString:
        return format_html("<pre>{}</pre>", run.traceback)

    @admin.display(description="first ones")
    def rejects_(self, run: Run) -> SafeString:
        first = run.rejects.order_by("line", "id")[:_FIRST_REJECTS]
        context = {
            "rejects": [
                {
                    "line": reject.line,
                    "column": _safe(reject.column),
                    "value": _safe(reject.value),
                    "code": reject.code,
                    "reason": _safe(reject.reason),
                    "raw": shown.raw(reject.head, reject.size),
                }
                for reject in without_long_records(first, 300)
            ],
            "rejected": run.rejected,
            "all": f"{reverse('admin:ingest_reject_changelist')}?run={run.pk}",
            "download": reverse("admin:ingest_run_rejects", args=[run.pk]),
        }
        return render_to_string("ingest/rejects.html", context)


def _link(run: Run) -> SafeString:
    return format_html('<a href="{}">run {}</a>', reverse("admin:ingest_run_change", args=[run.pk]), run.pk)


def _safe(value: object) -> object:
    return shown.printable(value) if isinstance(value, str) else value
