"""What can be done with many runs at once."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from ingest.admin.runs.deciding import DECISIONS
from ingest.loader.errors import IngestError
from ingest.models import Run

MOST = 500
"""Runs at once: an answer through Lambda has half a minute."""


class RunActions(admin.ModelAdmin):
    """The actions of the list of runs."""

    actions = ("retry", "acknowledge", "undo", "approve", "discard")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Who may have runs tried again."""
        return request.user.has_perm(DECISIONS["retry"].permission)

    def has_undo_permission(self, request: HttpRequest) -> bool:
        """Who may take back what runs have loaded."""
        return request.user.has_perm(DECISIONS["undo"].permission)

    def has_approve_permission(self, request: HttpRequest) -> bool:
        """Who may decide about held runs."""
        return request.user.has_perm(DECISIONS["approve"].permission)

    def has_acknowledge_permission(self, request: HttpRequest) -> bool:
        """Who may say that somebody has seen a failure."""
        return request.user.has_perm(DECISIONS["acknowledge"].permission)

    @admin.action(description="Retry the selected runs", permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Have failed or superseded runs tried again."""
        self._each(request, queryset.order_by("pk"), "retry")

    @admin.action(description="Acknowledge the selected failed or held runs", permissions=["acknowledge"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Note that somebody has seen them: they need no more attention."""
        self._each(request, queryset.order_by("pk"), "acknowledge")

    @admin.action(description="Undo the selected runs", permissions=["undo"])
    def undo(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Take back what runs have loaded: the newest first, since rows that a later run changed would stay."""
        self._each(request, queryset.order_by("-pk"), "undo")

    @admin.action(description="Approve the selected held runs", permissions=["approve"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Have held runs loaded."""
        self._each(request, queryset.order_by("pk"), "approve")

    @admin.action(description="Discard the selected held runs", permissions=["approve"])
    def discard(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Give held runs up."""
        self._each(request, queryset.order_by("pk"), "discard")

    def decide(self, request: HttpRequest, run_id: int, name: str) -> bool:
        """Do it, log it and say it; whether it was done."""
        try:
            run, logged, said = DECISIONS[name].act(run_id, request.user)
        except IngestError as refused:
            messages.warning(request, str(refused))
            return False
        self.log_change(request, run, logged)
        messages.success(request, said)
        return True

    def _each(self, request: HttpRequest, queryset: QuerySet[Run], name: str) -> None:
        chosen = list(queryset.values_list("pk", flat=True)[: MOST + 1])
        for run_id in chosen[:MOST]:
            self.decide(request, run_id, name)
        if len(chosen) > MOST:
            messages.warning(request, f"At most {MOST:,} runs are taken at once; the others are as they were.")
