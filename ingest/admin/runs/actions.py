"""What can be done with many runs at once: one confirmation where there is much to lose, one message afterwards."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from ingest.admin.runs import confirming
from ingest.admin.runs.deciding import DECISIONS, Done, read
from ingest.loader.outcome.errors import IngestError
from ingest.models import Run
from ingest.runs.approve import approve as approve_run

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

    @admin.action(description="Retry selected runs", permissions=["retry"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Have failed or superseded runs tried again."""
        self._each(request, queryset.order_by("pk"), "retry")

    @admin.action(description="Acknowledge selected failed or held runs", permissions=["acknowledge"])
    def acknowledge(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Note that somebody has seen them: they need no more attention."""
        self._each(request, queryset.order_by("pk"), "acknowledge")

    @admin.action(description="Undo selected runs…", permissions=["undo"])
    def undo(self, request: HttpRequest, queryset: QuerySet[Run]) -> HttpResponse | None:
        """Take back what runs have loaded: the newest first, since rows that a later run changed would stay."""
        return self._confirmed(request, queryset.order_by("-pk"), "undo")

    @admin.action(description="Approve selected held runs…", permissions=["approve"])
    def approve(self, request: HttpRequest, queryset: QuerySet[Run]) -> HttpResponse | None:
        """Have held runs loaded."""
        return self._confirmed(request, queryset.order_by("pk"), "approve")

    @admin.action(description="Discard selected held runs", permissions=["approve"])
    def discard(self, request: HttpRequest, queryset: QuerySet[Run]) -> None:
        """Give held runs up."""
        self._each(request, queryset.order_by("pk"), "discard")

    def decide(
        self, request: HttpRequest, run_id: int, name: str, reading: int | None = None, *, always: bool = False
    ) -> bool:
        """Do it, log it and say it; whether it was done.

        ``reading`` is the one of a question that was chosen, ``always`` whether for the next files too.
        """
        try:
            done = None if reading is None else read(run_id, request.user, reading, always=always)
            said = self._do(request, run_id, name) if done is None else self._logged(request, done)
        except IngestError as refused:
            messages.warning(request, str(refused))
            return False
        messages.success(request, said)
        return True

    def approve_as_seen(self, request: HttpRequest, run_id: int, mark: str) -> str:
        """Approve a run, log it, and return what is to be said. Raises CountsChanged if ``mark`` is of other counts."""
        run = approve_run(run_id, confirmed=mark, user=request.user)
        self.log_change(request, run, "Approved.")
        return f"Run {run_id} approved and queued for loading."

    def _do(self, request: HttpRequest, run_id: int, name: str) -> str:
        return self._logged(request, DECISIONS[name].act(run_id, request.user))

    def _logged(self, request: HttpRequest, done: Done) -> str:
        run, logged, said = done
        self.log_change(request, run, logged)
        return said

    def _confirmed(self, request: HttpRequest, queryset: QuerySet[Run], name: str) -> HttpResponse | None:
        """Do it if exactly what is selected now was confirmed; else ask, with the counts as they are now."""
        chosen = list(queryset.select_related("dataset").defer(None).defer(*Run.WIDE)[: MOST + 1])
        context = confirming.of_many(name, chosen[:MOST], more=len(chosen) > MOST)
        if not context["number"]:
            self._each(request, queryset, name, {})  # nothing is possible: the message says why
            return None
        given = confirming.unpacked(request)
        possible = [run for run in chosen[:MOST] if run.pk in context["chosen"]]
        if given == confirming.marks(possible):
            self._each(request, queryset, name, given)
            return None
        if given is not None:
            messages.warning(request, "The runs have changed since they were shown. These are the current counts.")
        title = f"{context['verb']} {context['number']:,} run{'' if context['number'] == 1 else 's'}?"
        frame = {**self.admin_site.each_context(request), "opts": self.opts, "title": title, "most": MOST}
        return TemplateResponse(request, "ingest/run/confirm_bulk.html", {**frame, **context})

    def _each(
        self, request: HttpRequest, queryset: QuerySet[Run], name: str, marks: dict[int, str] | None = None
    ) -> None:
        """Do it to each, and say in one message what was done and what wasn't; ``marks`` are of what was confirmed."""
        chosen = list(queryset.values_list("pk", flat=True)[: MOST + 1])
        done, refused = 0, {}
        for run_id in chosen[:MOST]:
            try:
                if name == "approve" and marks is not None:
                    self.approve_as_seen(request, run_id, marks.get(run_id, ""))
                else:
                    self._do(request, run_id, name)
                done += 1
            except IngestError as error:
                refused[run_id] = error
        most = MOST if len(chosen) > MOST else None
        level = messages.SUCCESS if done and not refused and most is None else messages.WARNING
        messages.add_message(request, level, confirming.summary(name, done, refused, most=most))
