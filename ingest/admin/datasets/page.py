"""The datasets: which tables there are, under which policy, and what stands in them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_POST

from ingest.admin import browse, shown
from ingest.admin.datasets.ending import ending
from ingest.admin.datasets.facts import list_context, page_context
from ingest.admin.datasets.form import CONFIRMED, FIELDS, DatasetForm
from ingest.admin.filters import KnownChoices, KnownFilter
from ingest.admin.pages import VisibleAdmin, is_list
from ingest.models import SEES_ALL, Dataset, Run, label_of, look_of
from ingest.runs.questions import read_again

_PINS = FIELDS[FIELDS.index("encoding") : FIELDS.index("null_tokens")]
_ASKED_ANEW = ("csrfmiddlewaretoken", CONFIRMED)


class LateFilter(KnownFilter):
    """Those whose file is overdue."""

    title = "freshness"
    parameter_name = "late"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """The one thing that one looks for."""
        return [("yes", "late")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Dataset]) -> QuerySet[Dataset]:
        """The late ones, if they are asked for."""
        return queryset.late() if self.value() == "yes" else queryset


class Listed(ChangeList):
    """A page of the list, with what its tables, runs and groups tell."""

    def get_results(self, request: HttpRequest) -> None:
        """The datasets of this page."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        list_context(self.result_list)


@admin.register(Dataset)
class DatasetPage(VisibleAdmin):
    """The list of datasets, and the page of one."""

    form = DatasetForm
    change_form_template = "ingest/dataset/page.html"
    list_display = ("name", "status_", "last_loaded_", "rows_", "size_", "mode_", "open_")
    list_filter = (LateFilter, ("mode", KnownChoices), ("policy", KnownChoices))
    search_fields = ("name",)
    search_help_text = "Part of the table name"
    fieldsets = (
        (None, {"fields": ("name", "mode", "policy", "asks_approval")}),
        ("Key (how rows are matched)", {"fields": ("declared_key", "ignore_email_case")}),
        ("Freshness and notifications", {"fields": (*Dataset.RULE, "due", "notify_emails")}),
        ("File patterns", {"fields": ("patterns", "draws")}),
        ("File format", {"fields": (*_PINS, "null_tokens")}),
        ("Reject limits", {"fields": ("reject_share", "reject_count")}),
    )
    _found = ("open_to_", "due")

    _who_sees = ("Access", {"fields": ("open_to_",)})
    _who_may_set = ("Access", {"fields": ("open_to",)})
    _type_of_a_column = ("Column type", {"fields": ("column", "type"), "classes": ("collapse",)})

    def get_fieldsets(self, request: HttpRequest, obj: Dataset | None = None) -> Any:
        """A column's type only for those who may change it, and who sees the dataset for those who may close it."""
        may_change = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        who = self._who_may_set if may_change and request.user.has_perm(SEES_ALL) else self._who_sees
        return (*self.fieldsets, who, *([self._type_of_a_column] if obj and may_change else []))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dataset]:
        """A list does without drafts, whose page the page of their question leads to."""
        queryset = super().get_queryset(request)
        return queryset.listed() if is_list(request) else queryset

    def get_form(self, request: HttpRequest, obj: Dataset | None = None, change: bool = False, **options: Any) -> Any:
        """The form of this person."""
        form = super().get_form(request, obj, change=change, **options)
        form.user = request.user
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: Dataset | None = None) -> tuple[str, ...]:
        """What runs have found, and the name of a table that may stand."""
        return (*self._found, "name") if obj else self._found

    def get_changelist(self, request: HttpRequest, **options: object) -> type[ChangeList]:
        """A list that knows its tables, too."""
        return Listed

    def get_urls(self) -> list[URLPattern]:
        """The pages that browse the table, and make strict, beside the usual ones."""
        strict = self.admin_site.admin_view(require_POST(self.strict_view))
        own = path("<int:dataset_id>/strict/", strict, name="ingest_dataset_strict")
        return [own, *browse.urls(self), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], **options: Any) -> HttpResponse:
        """What stands in the table, before the policy; or, first, the confirmation that a change asks for."""
        form = context["adminform"].form
        if getattr(form, "ends_undo", None):
            return self._ask(request, context, form, options["obj"].pk)
        if options.get("obj"):
            context |= page_context(options["obj"], request) | {"title": options["obj"].name, "subtitle": None}
        return super().render_change_form(request, context, **options)

    def _ask(self, request: HttpRequest, context: dict[str, Any], form: DatasetForm, dataset_id: int) -> HttpResponse:
        """Which runs can't be undone any more after this change; what was filled in goes with the question."""
        if form.ends_undo["was_asked"]:
            messages.warning(
                request, "Runs have been added or undone since this was shown. These are the current runs."
            )
        dataset = Dataset.objects.get(pk=dataset_id)
        kept = [(name, value) for name, values in request.POST.lists() for value in values if name not in _ASKED_ANEW]
        context |= {"title": f"End the undo of earlier runs of {dataset.name}?", "subtitle": None, "dataset": dataset}
        context |= ending(dataset, form) | {"pairs": [*kept, (CONFIRMED, form.ends_undo["mark"])]}
        return TemplateResponse(request, "ingest/dataset/confirm_end_undo.html", context)

    def strict_view(self, request: HttpRequest, dataset_id: int) -> HttpResponse:
        """From now on a file that doesn't fit the table fails, instead of changing it."""
        dataset = self.get_object(request, str(dataset_id))
        if dataset is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(dataset_id))
        if not self.has_change_permission(request, dataset):
            raise PermissionDenied
        dataset.policy, dataset.is_draft = Dataset.Policy.STRICT, False
        dataset.save(update_fields=["policy", "is_draft"])
        self.log_change(request, dataset, "Made strict.")
        messages.success(request, f"{dataset.name} is now strict: files that don't fit its table fail.")
        return HttpResponseRedirect(reverse("admin:ingest_dataset_change", args=[dataset.pk]))

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Never: its runs are history."""
        return False

    def save_model(self, request: HttpRequest, obj: Dataset, form: forms.ModelForm, change: bool) -> None:
        """Write only what was edited: a run may have learnt something about the dataset in the meantime."""
        if not change:
            obj.save()
            return
        changed = {name for name in form.changed_data if name in FIELDS}
        if obj.is_draft and set(form.changed_data) - set(Dataset.PINS):
            obj.is_draft = False
            changed.add("is_draft")
        obj.save(update_fields=changed)
        if changed & set(Dataset.PINS) and (count := read_again(obj)):
            files = "1 held file is" if count == 1 else f"{count:,} held files are"
            messages.info(request, f"{files} read again with these settings.")

    # -- what stands in the list --------------------------------------------------------------------------------------

    @admin.display(description="last run")
    def status_(self, dataset: Dataset) -> SafeString:
        number, status, rejected, unclear = dataset.last_run
        late = dataset.due is not None and dataset.due < timezone.now()
        address = reverse("admin:ingest_run_change", args=[number]) if number else ""
        label = label_of(status, rejected, asks=bool(unclear) and status == Run.Status.HELD)
        badges = [(look_of(status, rejected), address, label)] if number else []
        return format_html(
            "{}{}",
            format_html_join("", '<a class="status status-{}" href="{}">{}</a>', badges),
            mark_safe(' <span class="status status-late">late</span>') if late else "",
        )

    @admin.display(description="last loaded (UTC)", ordering="last_loaded")
    def last_loaded_(self, dataset: Dataset) -> str:
        return f"{dataset.last_loaded:%Y-%m-%d %H:%M}" if dataset.last_loaded else ""

    @admin.display(description="rows (estimate)")
    def rows_(self, dataset: Dataset) -> SafeString | str:
        return format_html('<span class="number">{}</span>', f"{dataset.measure.rows:,}") if dataset.measure else ""

    @admin.display(description="size")
    def size_(self, dataset: Dataset) -> str:
        return shown.size(dataset.measure.size) if dataset.measure else ""

    @admin.display(description="mode", ordering="mode")
    def mode_(self, dataset: Dataset) -> str:
        return f"{dataset.mode}, strict" if dataset.policy == Dataset.Policy.STRICT else dataset.mode

    @admin.display(description="visible to")
    def open_(self, dataset: Dataset) -> str:
        return ", ".join(dataset.groups) or "everyone"

    # -- what stands on the page --------------------------------------------------------------------------------------

    @admin.display(description="visible to")
    def open_to_(self, dataset: Dataset) -> str:
        names = [group.name for group in dataset.open_to.order_by("name")] if dataset.pk else []
        return ", ".join(names) or "everyone who can see datasets"
