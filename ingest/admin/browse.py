"""Browse: the rows of a dataset's table, one row with what became of it, and exports; the address holds the state."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode

from ingest import browsing
from ingest.admin import browse_shown as shown
from ingest.loader.outcome.errors import IngestError
from ingest.models import Dataset
from ingest.runs.row_lineage import trace

_ADDED = ("filter-column", "filter-operator", "filter-value")
_FOR = "for"
"""The column for which a filter is about to be made."""

View = Callable[[admin.ModelAdmin, HttpRequest, Dataset], HttpResponseBase]


def urls(page: admin.ModelAdmin) -> list[URLPattern]:
    """The addresses, behind that of a dataset."""
    views = {"": ("browse", _table), "row/": ("row", _row), "export/": ("export", _export)}
    return [
        path(f"<int:dataset_id>/browse/{end}", _of_dataset(page, view), name=f"ingest_dataset_{name}")
        for end, (name, view) in views.items()
    ]


def _of_dataset(page: admin.ModelAdmin, view: View) -> Callable[..., HttpResponseBase]:
    """``view`` for those who may see the dataset."""

    @wraps(view)
    def seen(request: HttpRequest, dataset_id: int) -> HttpResponseBase:
        dataset = page.get_object(request, str(dataset_id))
        if not page.has_view_permission(request, dataset):
            raise PermissionDenied
        if dataset is None:
            return page._get_obj_does_not_exist_redirect(request, page.opts, str(dataset_id))
        return view(page, request, dataset)

    return page.admin_site.admin_view(seen)


def _pairs(given: QueryDict) -> list[tuple[str, str]]:
    return [(name, value) for name, values in given.lists() for value in values]


def _context(page: admin.ModelAdmin, request: HttpRequest, dataset: Dataset, **more: Any) -> dict[str, Any]:
    table = reverse("admin:ingest_dataset_browse", args=[dataset.pk])
    return {**page.admin_site.each_context(request), "opts": page.opts, "dataset": dataset, "table": table, **more}


def _table(page: admin.ModelAdmin, request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """The rows."""
    if request.method == "POST":
        return _chosen(page, request, dataset)
    pairs = _pairs(request.GET)
    added = {name: value for name, value in pairs if name in _ADDED}
    if added:
        return HttpResponseRedirect(f"?{urlencode(_with_filter(pairs, added))}")
    wanted = next((value for name, value in pairs if name == _FOR), "")
    told = [pair for pair in pairs if pair[0] != _FOR]
    context = _context(page, request, dataset, title=dataset.name)
    try:
        found = browsing.show(dataset.name, told)
    except browsing.BrowseError as refused:
        return TemplateResponse(request, "ingest/browse/error.html", {**context, "refused": refused, "query": told})
    export = reverse("admin:ingest_dataset_export", args=[dataset.pk])
    row = reverse("admin:ingest_dataset_row", args=[dataset.pk])
    more = {"export": export, **shown.page(found, row=row, wanted=wanted)}
    return TemplateResponse(request, "ingest/browse/table.html", {**context, **more})


def _chosen(page: admin.ModelAdmin, request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """Lead from a form with any number of columns to the address of what was chosen."""
    told = [pair for pair in _pairs(request.POST) if pair[0] != "csrfmiddlewaretoken"]
    try:
        state, complaints = browsing.settle(dataset.name, told)
    except browsing.BrowseError as refused:
        context = _context(page, request, dataset, title=dataset.name)
        return TemplateResponse(request, "ingest/browse/error.html", {**context, "refused": refused, "query": told})
    for complaint in complaints:
        messages.warning(request, complaint)
    return HttpResponseRedirect(state.query())


def _with_filter(pairs: list[tuple[str, str]], added: dict[str, str]) -> list[tuple[str, str]]:
    """The address with a filter that was put together in the form; on its first page."""
    kept = [(name, value) for name, value in pairs if name not in (*_ADDED, _FOR, "page", "after", "before")]
    column, operator, value = (added.get(name, "") for name in _ADDED)
    return [*kept, (f"{operator}.{column}", value)]


def _row(page: admin.ModelAdmin, request: HttpRequest, dataset: Dataset) -> HttpResponse:
    """One row."""
    context = _context(page, request, dataset, title=f"Row of {dataset.name}")
    try:
        found = browsing.row_history(dataset, _pairs(request.GET))
    except browsing.BrowseError as refused:
        return TemplateResponse(request, "ingest/browse/error.html", {**context, "refused": refused})
    asked = request.GET.get("line", "")
    step = next((each for each in found.steps if str(each.run_id) == asked), None)
    told = {step.run_id: _traced(step)} if step else {}
    row = reverse("admin:ingest_dataset_row", args=[dataset.pk])
    return TemplateResponse(request, "ingest/browse/row.html", {**context, **shown.row(found, row=row, traced=told)})


def _traced(step: browsing.Step) -> str:
    """Where the run found the row in its file, in a sentence."""
    if step.run is None or step.wanted is None:
        return "The line can't be found: the table has no key, or the run no longer exists."
    try:
        return shown.traced(trace(step.run, step.wanted))
    except IngestError as refused:
        return str(refused)


def _export(page: admin.ModelAdmin, request: HttpRequest, dataset: Dataset) -> HttpResponseBase:
    """The rows that are shown, as a file."""
    if request.method != "POST":
        return _table(page, request, dataset)
    told = [pair for pair in _pairs(request.POST) if pair[0] not in ("csrfmiddlewaretoken", "format", "all")]
    try:
        form = browsing.Format(request.POST.get("format", ""))
    except ValueError:
        form = browsing.Format.CSV
    try:
        made = browsing.export(dataset.name, told, form, all_columns="all" in request.POST)
    except IngestError as refused:
        messages.error(request, str(refused))
        table = reverse("admin:ingest_dataset_browse", args=[dataset.pk])
        return HttpResponseRedirect(f"{table}?{urlencode(told)}")
    page.log_change(request, dataset, f"Exported as {form.upper()}, {made.size:,} bytes: {made.state[:1_000]}")
    if made.file is None:
        return HttpResponseRedirect(made.link)
    return FileResponse(made.file, as_attachment=True, filename=made.name, content_type=form.content_type)
