"""What stands in the list of runs, and what has become of it since: the same rows, for a page that follows them."""

from collections.abc import Sequence
from typing import Any

from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, ChangeList
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from ingest.admin import asked, shown
from ingest.admin.runs import facts
from ingest.admin.runs.filters import MOST
from ingest.models import Run

_FOLLOWED = 200
"""Runs of one page that are followed."""
_NEWER = 99
"""Newer ones are counted so far."""
_RUNS, _SINCE = "runs", "since"
"""In the address that a page asks: the numbers of the runs that it follows, and of its newest one."""


class Uncounted(ChangeList):
    """The filters of the list without its pages."""

    def get_results(self, request: HttpRequest) -> None:
        """None: they aren't asked for."""
        self.result_list: Sequence[Run] = ()


def context(listed: ChangeList) -> dict[str, Any]:
    """The list as its template wants it."""
    runs = list(listed.result_list)
    newer, older = (listed.get_query_string({PAGE_VAR: listed.page_num + step}) for step in (-1, 1))
    return {
        "rows": [row(run) for run in runs],
        "filters": {each.parameter_name: each for each in listed.filter_specs},
        "is_capped": listed.result_count >= MOST,
        "newer": newer,
        "older": older,
        "is_narrowed": listed.has_active_filters or listed.query,
        "live": _address(listed, runs),
    }


def _address(listed: ChangeList, runs: Sequence[Run]) -> str:
    """Where a page asks what has become of it; empty where nothing goes on."""
    going = [str(run.pk) for run in runs if run.status in Run.UNFINISHED][:_FOLLOWED]
    if not going:
        return ""
    told = {_RUNS: ",".join(going)}
    if listed.page_num == 1 and ORDER_VAR not in listed.params:  # elsewhere newer ones stand before the page
        told[_SINCE] = str(max(run.pk for run in runs))
    return reverse("admin:ingest_run_changes") + listed.get_query_string(told, [PAGE_VAR, ORDER_VAR])


def taken_out(request: HttpRequest) -> tuple[list[int], int | None]:
    """The runs that are followed and the newest one known, out of the address; the filters stay in it."""
    given = request.GET.copy()
    runs, since = (given.pop(name, [""])[-1] for name in (_RUNS, _SINCE))
    request.GET = given
    numbers = [number for text in runs.split(",")[:_FOLLOWED] if (number := asked.whole(text))]
    return numbers, asked.whole(since)


def changes(listed: ChangeList, followed: Sequence[int], since: int | None, *, has_actions: bool) -> dict[str, Any]:
    """What a page that follows the runs ``followed`` is told: their rows as they are by now, and how many came since.

    ``listed`` has the filters of that page, and only what this person may see.
    """
    runs = listed.root_queryset.filter(pk__in=followed).select_related("dataset")
    told = {
        run.pk: {
            "status": run.status,
            "label": run.label,
            "html": render_to_string("ingest/run/row.html", {"row": row(run), "action_form": has_actions}),
        }
        for run in runs
    }
    newer = 0
    if since is not None:
        newer = listed.queryset.filter(pk__gt=since).order_by().values("pk")[: _NEWER + 1].count()
    return {
        "over": all(run["status"] not in Run.UNFINISHED for run in told.values()),
        "rows": told,
        "newer": f"{newer} newer run{'' if newer == 1 else 's'}" if newer <= _NEWER else f"over {_NEWER} newer runs",
        "is_newer": newer > 0,
    }


def row(run: Run) -> dict[str, Any]:
    """A run as a row of the list."""
    done = run.records is not None and run.status not in (Run.Status.FAILED, Run.Status.DISCARDED)
    return {
        "run": run,
        "file": shown.printable(run.file_name, 80),
        "reason": shown.printable(run.reason, 240),
        "records": shown.count(run.records),
        "who": shown.who(run.who),
        "counts": [
            (name, _count(run, name) if done or (name == "rejected" and run.rejected) else "") for name in Run.FATES
        ],
        "seconds": shown.seconds(run.started, run.finished) if run.status not in Run.UNFINISHED else "",
        "rate": facts.rate(run),
    }


def _count(run: Run, name: str) -> str:
    """A count of the run's; where reading stopped, the least that it can be."""
    told = shown.count(getattr(run, name))
    return f"at least {told}" if run.partial else told
