"""The home page: what needs somebody first, then the last days of each dataset, then today's counts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.db.models import Case, Count, Exists, F, OuterRef, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Now
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from ingest.admin import shown, squares
from ingest.models import SEES_ALL, Dataset, Message, Run
from ingest.operations.dashboard import Day, Load, days_of, dead_letters, last_loads

DAYS = 30
_ROWS = 50
"""Datasets that the page shows day by day: those in trouble, then those that were loaded last."""
_LISTED = 8
"""Problems of a kind that are told in full."""
_LOOKED_AT = 200
"""The newest failed or held runs, and the newest with rejects, that the page looks at."""
_MOST = 1_000
"""Problems are counted so far."""
_RECENTLY = timedelta(days=7)
_LOOKS = (
    ("loaded", "loaded"),
    ("partial", "with rejects"),
    ("failed", "failed"),
    ("held", "held"),
    ("idle", "nothing loaded"),
    ("none", "no files"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """How far the share of rejects of a dataset's last load lies over that of those before it."""

    run_id: int
    share: float
    usual: float


def growth(loads: Sequence[Load]) -> Growth | None:
    """Whether the rejects of the newest of ``loads`` have grown against the others; None where they haven't.

    Grown is what has doubled, to at least 1 % and 10 records: less is everyday.
    """
    if len(loads) < 2:
        return None
    newest, earlier = loads[0], loads[1:]
    share = newest.rejected / newest.records
    usual = sum(load.rejected for load in earlier) / sum(load.records for load in earlier)
    if newest.rejected < 10 or share < 0.01 or share < 2 * usual:
        return None
    return Growth(run_id=newest.run_id, share=share, usual=usual)


def context(request: HttpRequest) -> dict[str, Any]:
    """What the page shows to this person; ``no_permissions`` where they may see neither runs nor datasets."""
    user, found = request.user, {"actions": _actions(request.user)}
    if not (user.has_perm("ingest.view_run") and user.has_perm("ingest.view_dataset")):
        return {"no_permissions": True, **found}
    datasets = _datasets(user)
    if not datasets and not Run.objects.visible_to(user).exists():
        return {"first_day": True, "bucket": f"s3://{settings.BUCKET}/{settings.PREFIX}", **found, **_upload(user)}
    today = timezone.now().astimezone(UTC).date()
    return {
        "problems": _problems(user),
        "chart": _chart(datasets, squares.days(today, DAYS)),
        "today": _today(user, today),
        **found,
        **_upload(user),
    }


# -- what needs somebody ----------------------------------------------------------------------------------------------


def _problems(user: Any) -> dict[str, Any]:
    unacknowledged = Run.objects.visible_to(user).unacknowledged()
    newest = unacknowledged.select_related("dataset").only(
        "dataset__name", "status", "rejected", "unclear", "key", "reason", "received", "kind"
    )
    late = Dataset.objects.visible_to(user).late().order_by("due")
    told = {
        "dead": dead_letters(),
        "runs": _by_dataset(newest.order_by("-id")[:_LOOKED_AT]),
        "unacknowledged": _counted(unacknowledged),
        "late": list(late.only("name", "due", "last_loaded")[:_LISTED]),
        "all_late": _counted(late),
        "growing": _growing(user),
        "undelivered": _undelivered(user),
    }
    told |= {
        "dead_letters_text": f"{told['dead'] or 0:,} message{'s are' if told['dead'] != 1 else ' is'}",
        "attention": runs_like(status="attention"),
        "more_late": len(told["late"]) == _LISTED,
        "late_list": f"{reverse('admin:ingest_dataset_changelist')}?late=yes",
    }
    return {
        **told,
        "none": not any(told[name] for name in ("dead", "unacknowledged", "late", "growing", "undelivered")),
    }


def _undelivered(user: Any) -> str:
    """How many messages don't arrive, or were given up these days; for those who may see them."""
    if not user.has_perm("ingest.view_message"):
        return ""
    recent = Q(not_before__isnull=False) | Q(created__gte=Now() - _RECENTLY)
    return _counted(Message.objects.visible_to(user).undelivered().filter(recent))


def _counted(queryset: QuerySet) -> str:
    """How many, or that they are more than anybody counts; empty where there is none."""
    number = queryset.order_by().values("pk")[: _MOST + 1].count()
    return f"more than {_MOST:,}" if number > _MOST else f"{number:,}" if number else ""


def _by_dataset(newest: Iterable[Run]) -> list[dict[str, Any]]:
    """One line a dataset, or a file that led to none: its newest trouble, and how many more of it there are."""
    groups: dict[object, dict[str, Any]] = {}
    for run in newest:
        group = groups.setdefault(run.dataset_id or run.key, {"run": run, "more": -1})
        group["more"] += 1
    for group in groups.values():
        run = group["run"]
        group["file"], group["reason"] = shown.printable(run.file_name, 80), shown.printable(run.reason, 240)
        group["more_count"] = shown.count(group["more"])
        group["all"] = runs_like(dataset=run.dataset.name, status="attention") if run.dataset else ""
    return list(groups.values())[:_LISTED]


def _growing(user: Any) -> list[dict[str, Any]]:
    recent = Run.objects.visible_to(user).filter(
        status=Run.Status.SUCCEEDED, rejected__gt=0, kind=Run.Kind.LOAD, received__gte=Now() - _RECENTLY
    )
    rejecting = set(recent.order_by("-id").values_list("dataset", flat=True)[:_LOOKED_AT])
    grown = {number: growth(loads) for number, loads in last_loads(sorted(rejecting)).items()}
    names = Dataset.objects.only("name").in_bulk([number for number, much in grown.items() if much])
    worst = sorted((number for number in names), key=lambda number: grown[number].share, reverse=True)
    return [
        {
            "dataset": names[number],
            "growth": grown[number],
            "share": f"{grown[number].share:.1%}",
            "usual": f"{grown[number].usual:.1%}",
        }
        for number in worst[:_LISTED]
    ]


# -- the days ---------------------------------------------------------------------------------------------------------


def _datasets(user: Any) -> list[Dataset]:
    """Those in trouble first, then those that were loaded last."""
    troubled = Exists(Run.objects.unacknowledged().filter(dataset=OuterRef("pk")))
    return list(
        Dataset.objects.visible_to(user)
        .listed()
        .annotate(trouble=Case(When(troubled, then=Value(2)), When(due__lt=Now(), then=Value(1)), default=Value(0)))
        .order_by("-trouble", F("last_loaded").desc(nulls_last=True), "name")
        .only("name", "last_loaded", "due")[: _ROWS + 1]
    )


def _chart(datasets: Sequence[Dataset], days: Sequence[date]) -> dict[str, Any]:
    told = days_of([dataset.pk for dataset in datasets[:_ROWS]], days[0], days[-1])
    by_dataset: dict[int, dict[date, Day]] = {}
    for (number, day), that in told.items():
        by_dataset.setdefault(number, {})[day] = that
    rows = []
    for dataset in datasets[:_ROWS]:
        row = squares.row(days, by_dataset.get(dataset.pk, {}))
        drawn = squares.drawn(row, runs_like(dataset=dataset.name, day=""))
        rows.append({"dataset": dataset, "summary": row.told, "squares": drawn})
    return {
        "rows": rows,
        "first": days[0],
        "last": days[-1],
        "width": len(days) * squares.STEP - 2,
        "more": len(datasets) > _ROWS,
        "looks": [(squares.sign(look), name) for look, name in _LOOKS],
    }


# -- today ------------------------------------------------------------------------------------------------------------


def _today(user: Any, today: date) -> dict[str, Any]:
    """What the loads did whose files came today, and what is under way; each number with the list behind it."""
    came = Run.objects.visible_to(user).filter(received__gte=datetime.combine(today, time(), UTC))
    loaded = came.filter(status=Run.Status.SUCCEEDED, kind=Run.Kind.LOAD)
    sums = loaded.aggregate(files=Count("pk"), bytes=Sum("size"), **{name: Sum(name) for name in Run.FATES})
    behind = runs_like(day=str(today), status="succeeded", kind="load")
    active = Run.objects.visible_to(user).filter(status__in=Run.UNFINISHED)
    figures = [("files", sums["files"]), *((name, sums[name] or 0) for name in Run.FATES)]
    return {
        "day": today,
        "figures": [(name, shown.count(number), behind) for name, number in figures]
        + [("data read", shown.size(sums["bytes"] or 0), behind)],
        "active": _counted(active),
        "in_progress": runs_like(status="active"),
    }


# -- the rest ---------------------------------------------------------------------------------------------------------


def runs_like(**filters: str) -> str:
    """The address of the list of runs, narrowed."""
    return f"{reverse('admin:ingest_run_changelist')}?{urlencode(filters)}"


def _actions(user: Any) -> list[dict[str, Any]] | None:
    """What people did last, for those who may know."""
    if not (user.has_perm("admin.view_logentry") and user.has_perm(SEES_ALL)):
        return None
    entries = LogEntry.objects.select_related("user", "content_type").order_by("-action_time")[:_LISTED]
    return [
        {
            "when": entry.action_time,
            "who": entry.user.get_username(),
            "what": shown.printable(entry.get_change_message() or entry.get_action_flag_display(), 120),
            "about": shown.printable(entry.object_repr, 80),
            "address": _address(entry),
        }
        for entry in entries
    ]


def _address(entry: LogEntry) -> str:
    try:
        return entry.get_admin_url() or "" if entry.content_type_id else ""
    except NoReverseMatch:
        return ""


def _upload(user: Any) -> dict[str, str]:
    """Where files are dropped, for those who may."""
    try:
        return {"upload": reverse("admin:ingest_upload") if user.has_perm("ingest.add_run") else ""}
    except NoReverseMatch:
        return {"upload": ""}
