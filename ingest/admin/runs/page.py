"""The list of runs, the page of one, and what can be done there."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import SuspiciousOperation
from django.db.models import QuerySet
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import content_disposition_header

from ingest.admin import asked, shown
from ingest.admin.pages import ReadOnlyVisibleAdmin, is_list
from ingest.admin.runs import confirming, facts, listing, live
from ingest.admin.runs.actions import RunActions
from ingest.admin.runs.deciding import APPROVES, DECISIONS, button
from ingest.admin.runs.filters import (
    Capped,
    DatasetFilter,
    DayFilter,
    KindFilter,
    StatusFilter,
    WhoFilter,
    search,
)
from ingest.loader.outcome.errors import IngestError
from ingest.models import Run
from ingest.rejects.csv_file import reject_file, reject_link
from ingest.runs.approve import CountsChanged
from ingest.runs.available_actions import available_actions
from ingest.runs.row_changes import file_link, preview_undo


@admin.register(Run)
class RunPage(RunActions, ReadOnlyVisibleAdmin):
    """The list of runs, and the page of one."""

    change_list_template = "ingest/run/list.html"
    change_form_template = "ingest/run/page.html"
    list_display = ("number", "status", "file")
    list_filter = (StatusFilter, DatasetFilter, DayFilter, WhoFilter, KindFilter)
    list_select_related = ("dataset",)
    sortable_by = ("number",)
    paginator = Capped
    search_fields = ("key",)
    search_help_text = "Part of the file name"
    fields = readonly_fields = ("status",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        """A list of runs does without the wide columns."""
        queryset = super().get_queryset(request)
        if is_list(request) or _is_followed(request):
            return queryset.defer(*Run.WIDE)
        return queryset.select_related("dataset__newest", "progress", "undoes", "corrects")

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """The newest first; those of one day by their time, so that the day's own index gives the first ones."""
        return ("-received", "-id") if request.GET.get("day") else ("-id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Run], search_term: str
    ) -> tuple[QuerySet[Run], bool]:
        """Those whose file name holds what was typed; said where not all were looked through."""
        found, told = search(queryset, search_term.strip())
        if told and not _is_followed(request):
            messages.info(request, told)
        return found, False

    def get_urls(self) -> list[URLPattern]:
        """What a run's page leads to, beside the usual pages."""
        ways = {
            "rejects.csv": (self.rejects_view, "rejects"),
            "file/": (self.file_view, "file"),
            "live/": (self.live_view, "live"),
            "undo/": (self.undo_view, "undo"),
            "approve/": (self.approve_view, "approve"),
            "decide/<slug:name>/": (self.decide_view, "decide"),
        }
        changes = path("changes/", self.admin_site.admin_view(self.changes_view), name="ingest_run_changes")
        own = [
            path(f"<int:run_id>/{way}", self.admin_site.admin_view(view), name=f"ingest_run_{name}")
            for way, (view, name) in ways.items()
        ]
        return [changes, *own, *super().get_urls()]

    # -- the list ---------------------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, each run in a row with its counts and its reason."""
        answer = super().changelist_view(request, extra_context)
        context = getattr(answer, "context_data", None) or {}
        if "cl" in context:
            context.update(listing.context(context["cl"]))
        return answer

    def get_changelist(self, request: HttpRequest, **options: object) -> type[ChangeList]:
        """A list that is followed is neither counted nor paged."""
        return listing.Uncounted if _is_followed(request) else ChangeList

    def changes_view(self, request: HttpRequest) -> HttpResponseBase:
        """What has become of a list since it was shown, as JSON: for a page on which something goes on."""
        if not self.has_view_permission(request):
            return JsonResponse({"reason": "You don't have permission to view runs."}, status=404)
        followed, since = listing.taken_out(request)
        try:
            listed = self.get_changelist_instance(request)
        except (IncorrectLookupParameters, SuspiciousOperation, ValueError):
            return JsonResponse({"reason": "Unknown filter."}, status=404)
        told = listing.changes(listed, followed, since, has_actions=bool(self.get_actions(request)))
        return live.answer(request, told)

    @admin.display(description="run", ordering="id")
    def number(self, run: Run) -> int:
        return run.pk

    @admin.display(description="file")
    def file(self, run: Run) -> str:
        return shown.printable(run.file_name, 80)

    # -- the page ---------------------------------------------------------------------------------------------------

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], **options: Any) -> HttpResponse:
        """Our own page of the run, in Django's frame."""
        run = options["obj"]
        context |= facts.page_context(run, request) | {"title": shown.printable(run.file_name, 200), "subtitle": None}
        return super().render_change_form(request, context, **options)

    def live_view(self, request: HttpRequest, run_id: int) -> HttpResponseBase:
        """Where the run is by now, as JSON; with an ETag, since a page asks every other second."""
        run = self._found(request, run_id)
        if run is None:
            return JsonResponse({"reason": f"There is no run {run_id}."}, status=404)
        return live.answer(request, live.progress_context(run))

    def file_view(self, request: HttpRequest, run_id: int) -> HttpResponseBase:
        """Leads to the very version that the run read, as a download from the bucket."""
        run = self._found(request, run_id)
        if run is None:
            return self._missing(request, run_id)
        try:
            return HttpResponseRedirect(file_link(run, user=request.user))
        except IngestError as refused:
            messages.error(request, str(refused))
            return HttpResponseRedirect(_page(run.pk))

    def rejects_view(self, request: HttpRequest, run_id: int) -> HttpResponseBase:
        """The rejects as a CSV that can be mended and dropped again (file-rules#corrections)."""
        run = self._found(request, run_id)
        if run is None:
            return self._missing(request, run_id)
        try:
            link = reject_link(run)
            if link:
                return HttpResponseRedirect(link)
            name = f"{run.dataset or 'run'}-{run.pk}-rejects.csv"
            return StreamingHttpResponse(
                reject_file(run),
                content_type="text/csv; charset=utf-8",
                headers={"Content-Disposition": content_disposition_header(True, name) or ""},
            )
        except IngestError as refused:
            messages.error(request, f"The rejects can't be downloaded right now. {refused}")
            return HttpResponseRedirect(_page(run.pk))

    # -- deciding ---------------------------------------------------------------------------------------------------

    def decide_view(self, request: HttpRequest, run_id: int, name: str) -> HttpResponseBase:
        """Do what somebody has decided about the run, and lead back to its page."""
        run, decision = self._found(request, run_id), DECISIONS.get(name)
        if run is None or decision is None:
            return self._missing(request, run_id)
        if not request.user.has_perm(decision.permission):
            messages.error(request, f"You don't have permission to do this: {decision.label.strip('…').lower()}.")
        elif request.method == "POST" and button(run, decision).page == APPROVES and name in available_actions(run):
            return HttpResponseRedirect(reverse(APPROVES, args=[run.pk]))  # nothing of this is done unconfirmed
        elif request.method == "POST":
            reading = request.POST.get("reading", "") if name == "approve" else ""
            number = (asked.whole(reading) or 0) if reading else None  # 0 is none of them, and is answered so
            self.decide(request, run.pk, name, number, always=request.POST.get("always") == "1")
        return HttpResponseRedirect(_page(run.pk))

    def approve_view(self, request: HttpRequest, run_id: int) -> HttpResponseBase:
        """What approving a held run would do; then, for the counts that were shown, do it."""
        run = self._found(request, run_id)
        if run is None:
            return self._missing(request, run_id)
        if not request.user.has_perm(DECISIONS["approve"].permission) or "approve" not in available_actions(run):
            messages.warning(request, f"Run {run.pk} can't be approved: it isn't held, or you don't have permission.")
            return HttpResponseRedirect(_page(run.pk))
        if request.method == "POST":
            try:
                mark = (confirming.unpacked(request) or {}).get(run.pk, "")
                messages.success(request, self.approve_as_seen(request, run.pk, mark))
                return HttpResponseRedirect(_page(run.pk))
            except CountsChanged:
                messages.warning(request, "The run has changed since it was shown. These are the current counts.")
            except IngestError as refused:
                messages.warning(request, str(refused))
                return HttpResponseRedirect(_page(run.pk))
            run = self._found(request, run_id) or run
        frame = {**self.admin_site.each_context(request), "title": f"Approve run {run.pk}?", "opts": self.opts}
        return TemplateResponse(request, "ingest/run/confirm_approve.html", {**frame, **confirming.of_one(run)})

    def undo_view(self, request: HttpRequest, run_id: int) -> HttpResponseBase:
        """What an undo would do, before it does it."""
        run = self._found(request, run_id)
        if run is None:
            return self._missing(request, run_id)
        if not request.user.has_perm(DECISIONS["undo"].permission) or "undo" not in available_actions(run):
            messages.warning(request, f"Run {run.pk} can't be undone, or not by you.")
            return HttpResponseRedirect(_page(run.pk))
        try:
            undo_preview, refused = preview_undo(run), ""
        except IngestError as error:
            undo_preview, refused = None, str(error)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Undo run {run.pk}?",
            "opts": self.opts,
            "run": run,
            "file": shown.printable(run.file_name, 200),
            "undo_preview": undo_preview,
            "refused": refused,
            "is_possible": undo_preview is None
            or bool(undo_preview.removed or undo_preview.restored or undo_preview.reinserted),
        }
        return TemplateResponse(request, "ingest/run/confirm_undo.html", context)

    def _found(self, request: HttpRequest, run_id: int) -> Run | None:
        run = self.get_object(request, str(run_id))
        return run if run is not None and self.has_view_permission(request, run) else None

    def _missing(self, request: HttpRequest, run_id: int) -> HttpResponse:
        return self._get_obj_does_not_exist_redirect(request, self.opts, str(run_id))


def _is_followed(request: HttpRequest) -> bool:
    """Whether a list asks what has become of it."""
    return bool(request.resolver_match and request.resolver_match.url_name == "ingest_run_changes")


def _page(run_id: int) -> str:
    return reverse("admin:ingest_run_change", args=[run_id])
