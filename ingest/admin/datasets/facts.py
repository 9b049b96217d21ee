"""What the list of datasets, and the page of one, tell besides the policy."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import Group
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from ingest.admin import shown
from ingest.admin.datasets import chart
from ingest.datasets.alter import columns_of
from ingest.datasets.table_size import Measure, measure, name_warning
from ingest.loader.outcome.errors import IngestError
from ingest.models import Dataset, Opening, Run
from ingest.runs.summary import RunSummary

_RUNS = 10
_STEPS = 120
"""Runs that the charts go back."""
_CHANGES = 200
"""Runs that changed the table's columns and are looked through for the one that brought a column."""


def list_context(datasets: Sequence[Dataset]) -> None:
    """Give each dataset of a page of the list its ``measure``, its ``last_run`` and ``groups``: three questions."""
    measures = measure(datasets)
    numbers = [dataset.pk for dataset in datasets]
    last = Run.objects.filter(dataset=OuterRef("pk")).exclude(kind=Run.Kind.PREVIEW).order_by("-id")
    newest = Dataset.objects.filter(pk__in=numbers).values_list(
        "pk", *(Subquery(last.values(name)[:1]) for name in ("pk", "status", "rejected", "unclear"))
    )
    by_number = {number: told for number, *told in newest}
    groups: dict[int, list[str]] = {}
    for number, name in Opening.objects.filter(dataset__in=numbers).values_list("dataset", "group__name"):
        groups.setdefault(number, []).append(name)
    for dataset in datasets:
        dataset.measure = (measures or {}).get(dataset.name)
        dataset.last_run = by_number.get(dataset.pk, (None, "", 0, False))
        dataset.groups = sorted(groups.get(dataset.pk, ()))


def page_context(dataset: Dataset, request: HttpRequest) -> dict[str, Any]:
    """What stands above the policy on a dataset's page: a fixed number of questions."""
    measures = measure([dataset])
    there = (measures or {}).get(dataset.name)
    columns, told = _columns(dataset)
    last = list(_own(dataset).exclude(kind=Run.Kind.PREVIEW).select_related("undoes")[:_RUNS])
    has_loaded = dataset.last_loaded is not None
    return {
        "dataset": dataset,
        "runs": [_line(run) for run in last],
        "last": last[0] if last else None,
        "questions": [run for run in last if run.is_question],
        "all_runs": _runs_like(dataset),
        "is_late": dataset.due is not None and dataset.due < timezone.now(),
        "rule": _rule(dataset),
        "rows": shown.count(there.rows) if there else "",
        "size": shown.size(there.size) if there else "",
        "busy": measures is None,
        "name_warning": name_warning(dataset) if there else "",
        "gone": told or (_GONE.format(dataset.name) if measures is not None and not there and has_loaded else ""),
        "columns": columns,
        "identities": [", ".join(key) for key in dataset.identities or ()],
        "charts": _charts(dataset, there) if there else None,
        "tool_links": _tool_links(dataset, request),
        "groups": list(Group.objects.filter(openings__dataset=dataset).order_by("name").values_list("name", flat=True)),
    }


_GONE = (
    "The table datasets.{} doesn’t exist: it was dropped or renamed after it was last loaded. The next file creates it "
    "again."
)


def _columns(dataset: Dataset) -> tuple[list[dict[str, Any]], str]:
    """The table's columns with their headers and the run that brought each; what is wrong with the table, if it is."""
    try:
        types = columns_of(dataset.pk)
    except IngestError as refused:
        return [], str(refused)
    headers: dict[str, list[str]] = {}
    for header, column in dataset.headers.items():
        headers.setdefault(column, []).append(shown.printable(header, 80))
    since = _since(dataset, set(types))
    key = {column for identity in dataset.identities or () for column in identity}
    return [
        {
            "name": shown.printable(name),
            "type": kind,
            "headers": headers.get(name, []),
            "since": since.get(name),
            "is_key": name in key,
        }
        for name, kind in types.items()
    ], ""


def _since(dataset: Dataset, names: set[str]) -> dict[str, Run]:
    """The first run that changed the table's columns, of those whose file had it: that one brought the column."""
    found: dict[str, Run] = {}
    changing = _own(dataset).filter(status__in=Run.COMMITTED).exclude(ddl=[]).order_by("id")
    for run in changing.only("id", "columns", "finished")[:_CHANGES]:
        for column in run.columns:
            if column.get("name") in names:
                found.setdefault(column["name"], run)
    return found


def _charts(dataset: Dataset, there: Measure) -> dict[str, Any] | None:
    """Rows and size over time, each as a line; None where no two runs have left anything."""
    done = _own(dataset).filter(status__in=Run.COMMITTED).exclude(kind=Run.Kind.PREVIEW)
    told = done.values_list("finished", "inserted", "deleted", "table_rows", "table_bytes")[:_STEPS]
    changes = [chart.Change(when=when, more=more - less, rows=rows) for when, more, less, rows, _ in told]
    sizes = [chart.Step(when=when, amount=size) for when, *_, size in reversed(told) if size is not None]
    lines = [
        _drawn("Rows", chart.line(chart.steps(there.rows, changes)), lambda rows: f"{rows:,} rows"),
        _drawn("Size with indexes", chart.line(sizes), shown.size),
    ]
    drawn = [each for each in lines if each]
    return {"lines": drawn, "is_reckoned": any(change.rows is None for change in changes)} if drawn else None


def _drawn(name: str, line: chart.Line | None, said: Callable[[int], str]) -> dict[str, Any] | None:
    return line and {
        "name": name,
        "path": line.path,
        "width": chart.WIDTH,
        "height": chart.HEIGHT,
        "first": (line.first.when, said(line.first.amount)),
        "last": (line.last.when, said(line.last.amount)),
        "most": said(line.most),
    }


def _own(dataset: Dataset) -> Any:
    return Run.objects.filter(dataset=dataset).order_by("-id")


def _line(run: Run) -> dict[str, Any]:
    summary = RunSummary.of(run)
    is_shown = summary.is_known and not summary.is_rolled_back
    counts = [(figure.name, figure.text if is_shown else "") for figure in summary.counts]
    return {"run": run, "file": shown.printable(run.file_name, 60), "counts": counts}


def _rule(dataset: Dataset) -> str:
    """The freshness rule in words."""
    rule = dataset.rule
    if rule is None:
        return "No schedule set."
    every = rule.unit.value if rule.every == 1 else f"{rule.every:,} {rule.unit.value}s"
    by = "" if dataset.expected_unit == Dataset.Unit.HOUR else f" by {rule.by:%H:%M} (UTC)"
    grace = f", with a grace period of {dataset.grace_minutes:,} minutes" if dataset.grace_minutes else ""
    return f"A file is expected every {every}{by}{grace}."


def _runs_like(dataset: Dataset, **filters: str) -> str:
    return f"{reverse('admin:ingest_run_changelist')}?{urlencode({'dataset': dataset.name, **filters})}"


def _tool_links(dataset: Dataset, request: HttpRequest) -> Iterable[tuple[str, str]]:
    """Where one goes from here: name and address, of what there is and this person may."""
    told = (
        ("Browse rows", "admin:ingest_dataset_browse", "ingest.view_dataset", [dataset.pk]),
        ("Upload file", "admin:ingest_upload", "ingest.add_run", []),
        ("Preview file", "admin:ingest_upload", "ingest.add_run", []),
    )
    for name, route, permission, args in told:
        if request.user.has_perm(permission):
            yield name, reverse(route, args=args) + ("?preview=1" if name.startswith("Preview") else "")
