"""What can be done with many runs at once; each decision is one function of runs, and stands in Django's own log."""

from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from ingest import runs
from ingest.loader.errors import IngestError
from ingest.models import Run


class RunActions(admin.ModelAdmin):
    """The actions of the list of runs."""

    actions = ("retry", "undo", "approve", "discard")

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Who may have runs tried again."""
        return request.user.has_perm("ingest.retry_run")

    def has_undo_permission(self, request: HttpRequest) -> bool:
        """Who may take back what runs have loaded."""
        return request.user.has_perm("ingest.undo_run")

    def has_approve_permission(self, request: HttpRequest) -> bool:
        """Who may decide about held runs."""
        return request.user.has_perm("ingest.approve_run")

    @admin.action(description="Retry the selected runs", permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Have failed or superseded runs tried again."""

        def act(run_id: int) -> tuple[Run, str, str]:
            return runs.retry(run_id), "Retried.", f"Run {run_id} is tried again."

        self._each(request, queryset.order_by("pk"), act)

    @admin.action(description="Undo the selected runs", permissions=["undo"])
    def undo(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Take back what runs have loaded: the newest first, since rows that a later run changed would stay."""

        def act(run_id: int) -> tuple[Run, str, str]:
            undo = runs.undo(run_id)
            return undo.undoes, f"Undone by run {undo.pk}.", f"Run {undo.pk} undoes run {run_id}."

        self._each(request, queryset.order_by("-pk"), act)

    @admin.action(description="Approve the selected held runs", permissions=["approve"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Have held runs loaded."""

        def act(run_id: int) -> tuple[Run, str, str]:
            return runs.approve(run_id), "Approved.", f"Run {run_id} is loaded again."

        self._each(request, queryset.order_by("pk"), act)

    @admin.action(description="Discard the selected held runs", permissions=["approve"])
    def discard(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Give held runs up."""

        def act(run_id: int) -> tuple[Run, str, str]:
            return runs.discard(run_id, request.user.get_username()), "Discarded.", f"Run {run_id} is discarded."

        self._each(request, queryset.order_by("pk"), act)

    def _each(self, request: HttpRequest, queryset: QuerySet[Run], act: Callable[[int], tuple[Run, str, str]]) -> None:
        """``act`` on each: it gives the run, the word for Django's own log, and the one for the page."""
        for run_id in queryset.values_list("pk", flat=True):
            try:
                run, logged, said = act(run_id)
            except IngestError as refused:
                messages.warning(request, str(refused))
            else:
                self.log_change(request, run, logged)
                messages.success(request, said)
