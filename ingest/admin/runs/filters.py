"""By what the list of runs is narrowed, and how far it is counted."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property

from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from ingest.admin import shown
from ingest.admin.filters import KnownFilter
from ingest.models import PARTIAL, Dataset, Run

Status = Run.Status

MOST = 10_000
"""Runs are counted so far: counting a million takes longer than anybody looks through them."""
_OFFERED = 100
_LEAST_SEARCHED = 3
"""Letters that a search by trigrams needs; a shorter one looks through the newest runs."""
NEWEST = 10_000
"""So many of them."""


class Capped(Paginator):
    """Counts no further than ``MOST``."""

    @cached_property
    def count(self) -> int:
        """How many there are, or ``MOST``."""
        return self.object_list.order_by().values("pk")[:MOST].count()


class _Typed(KnownFilter):
    """A filter that a person may type into: what is offered is a help only."""

    def has_output(self) -> bool:
        """Always there."""
        return True


class StatusFilter(_Typed):
    """By status, or by what has to be done about it."""

    title = parameter_name = "status"
    _together = {
        "attention": "needs attention",
        "question": "held · question",
        "active": "in progress",
        PARTIAL: "succeeded with rejects",
    }

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """What has to be done first."""
        return [*self._together.items(), *((str(status), str(status)) for status in Status)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """The runs in that state; those that need attention are failed or held ones that nobody has answered."""
        if self.value() == "attention":
            return queryset.unacknowledged()
        if self.value() == "question":
            return queryset.filter(status=Status.HELD, unclear=True)
        if self.value() == "active":
            return queryset.filter(status__in=Run.UNFINISHED)
        if self.value() == PARTIAL:
            return queryset.filter(status=Status.SUCCEEDED, rejected__gt=0)
        return queryset.filter(status=self.value()) if self.value() else queryset


class KindFilter(_Typed):
    """Loads, previews or undos."""

    title = parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """All there are."""
        return [(str(kind), str(kind)) for kind in Run.Kind]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """The runs of that kind."""
        return queryset.filter(kind=self.value()) if self.value() else queryset


class DatasetFilter(_Typed):
    """By dataset; offers few, since there may be thousands: a dataset's own page leads to its runs."""

    title = parameter_name = "dataset"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """The first datasets by name."""
        datasets = Dataset.objects.visible_to(request.user).listed().order_by("name")
        return [(name, name) for name in datasets.values_list("name", flat=True)[:_OFFERED]]

    def knows(self, request: HttpRequest, value: str) -> bool:
        """Whether this person sees a dataset of that name."""
        self._dataset = Dataset.objects.visible_to(request.user).filter(name=value).values_list("pk", flat=True).first()
        return self._dataset is not None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """The runs of the chosen one, by its number: a join would be walked through from the newest run on."""
        return queryset.filter(dataset=self._dataset) if self.value() else queryset


class DayFilter(_Typed):
    """By the day (UTC) on which they came."""

    title = parameter_name = "day"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """None: any day may be typed."""
        return []

    def knows(self, request: HttpRequest, value: str) -> bool:
        """Whether there is such a day, written as it is in ISO 8601."""
        try:
            return date.fromisoformat(value) < date.max
        except ValueError:
            return False

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """The runs of that day."""
        if not self.value():
            return queryset
        begin = datetime.combine(date.fromisoformat(self.value()), time(), UTC)
        return queryset.filter(received__gte=begin, received__lt=begin + timedelta(days=1))


class WhoFilter(_Typed):
    """By who asked for it."""

    title = parameter_name = "who"
    noun = "user"
    _bucket = "-"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """The bucket, some people, and whoever is chosen."""
        people = get_user_model().objects.filter(is_staff=True, is_active=True).order_by("username")
        names = list(people.values_list("username", flat=True)[:_OFFERED])
        chosen = self.value()
        names += [chosen] if chosen and chosen not in (self._bucket, *names) else []
        return [(self._bucket, shown.BUCKET), *((name, name) for name in names)]

    def knows(self, request: HttpRequest, value: str) -> bool:
        """Whether it is the bucket, somebody with an account, or somebody who asked for a run that this person sees."""
        accounts = get_user_model().objects.filter(username=value, is_staff=True)
        asked = Run.objects.visible_to(request.user).filter(who=value)
        return value == self._bucket or accounts.exists() or asked.exists()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """The runs of the chosen one."""
        if not self.value():
            return queryset
        return queryset.filter(who="" if self.value() == self._bucket else self.value())


def search(queryset: QuerySet[Run], text: str) -> tuple[QuerySet[Run], str]:
    """The runs whose key holds ``text``, in any case; and a word on how far was looked, where that isn't everywhere."""
    if not text:
        return queryset, ""
    if len(text) >= _LEAST_SEARCHED:
        return queryset.filter(key__icontains=text), ""
    newest = Run.objects.order_by("-pk").values_list("pk", flat=True)[NEWEST : NEWEST + 1]
    beyond = next(iter(newest), None)
    if beyond is None:
        return queryset.filter(key__icontains=text), ""
    told = f"Searches of fewer than {_LEAST_SEARCHED} characters only cover the newest {NEWEST:,} runs."
    return queryset.filter(key__icontains=text, pk__gt=beyond), told
