"""Upload: files go from this page straight to the bucket, each followed until its run has ended (ADMIN, "Upload")."""

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_POST

from ingest.admin import asked, shown
from ingest.admin.upload_words import (
    answered,
    as_told,
    chosen,
    run_as_told,
    unfinished_as_told,
)
from ingest.loader.outcome.errors import IngestError, RunInterrupted
from ingest.models import Dataset, Run, Upload
from ingest.runs.preview import discard_preview, load_previewed
from ingest.uploads import precheck
from ingest.uploads.keys import path_of
from ingest.uploads.multipart import MOST_FILES, finish_uploads, give_up_upload, sign_parts, start_uploads
from ingest.uploads.ownership import take_over_upload
from ingest.uploads.tracking import runs_of
from ingest.uploads.unfinished import unfinished_uploads

_MOST_SHOWN = 50
_MOST_FOLLOWED = 100
_VERBS = ("judge", "start", "sign", "finish", "load", "discard")


@admin.register(Upload)
class UploadPage(admin.ModelAdmin):
    """One page and what its script asks for; uploads themselves can't be edited."""

    def get_urls(self) -> list[URLPattern]:
        """The page, and an address for each thing that its script does."""
        views: dict[str, Callable[..., HttpResponse]] = {verb: getattr(self, f"{verb}_view") for verb in _VERBS}
        posted = [
            path(f"{verb}/", self.admin_site.admin_view(require_POST(view)), name=f"ingest_upload_{verb}")
            for verb, view in views.items()
        ]
        return [
            path("", self.admin_site.admin_view(require_GET(self.upload_view)), name="ingest_upload"),
            *posted,
            path("give-up/", self.admin_site.admin_view(require_POST(self.give_up_view)), name="ingest_upload_give_up"),
            path(
                "take-over/",
                self.admin_site.admin_view(require_POST(self.take_over_view)),
                name="ingest_upload_take_over",
            ),
            path("follow/", self.admin_site.admin_view(require_GET(self.follow_view)), name="ingest_upload_follow"),
        ]

    def get_model_perms(self, request: HttpRequest) -> dict[str, bool]:
        """None: it has a way of its own at the top of each page, and no place among the lists."""
        return {}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who may upload."""
        return request.user.has_perm("ingest.add_run")

    def has_view_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Who may upload sees what was begun."""
        return self.has_add_permission(request)

    # -- the page -----------------------------------------------------------------------------------------------------

    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """The page; ``?preview=1`` begins with "preview first"."""
        self._check(request)
        begun = unfinished_uploads(request.user, _MOST_SHOWN)
        context = {
            **self.admin_site.each_context(request),
            "title": "Upload",
            "preview": request.GET.get("preview") == "1",
            "reading": _READING,
            "unfinished": [unfinished_as_told(each, request.user.get_username()) for each in begun],
            "addresses": {verb: reverse(f"admin:ingest_upload_{verb}") for verb in (*_VERBS, "follow")},
        }
        return TemplateResponse(request, "ingest/upload/page.html", context)

    def take_over_view(self, request: HttpRequest) -> HttpResponse:
        """Take over an unfinished upload that another user started."""
        self._check(request)
        try:
            upload, before = take_over_upload(_number(request), user=request.user)
        except IngestError as refused:
            messages.warning(request, str(refused))
        else:
            self._log(request, [upload], f"{upload.who} took over the upload that {before} started.")
            name = shown.printable(path_of(upload.key), 120)
            messages.success(request, f"You took over the upload of {name}. Choose the file again to continue it.")
        return HttpResponseRedirect(reverse("admin:ingest_upload"))

    def give_up_view(self, request: HttpRequest) -> HttpResponse:
        """Drop an unfinished upload."""
        self._check(request)
        try:
            upload = give_up_upload(_number(request), user=request.user)
        except IngestError as refused:
            messages.warning(request, str(refused))
        else:
            self._log(request, [upload], "Upload canceled.")
            messages.success(request, f"The upload of {shown.printable(path_of(upload.key), 120)} was canceled.")
        return HttpResponseRedirect(reverse("admin:ingest_upload"))

    # -- what the script asks for -------------------------------------------------------------------------------------

    def judge_view(self, request: HttpRequest) -> HttpResponse:
        """What is known of files before they are sent."""

        def judge(told: dict[str, Any]) -> dict[str, Any]:
            files, preview = chosen(told), asked.boolean(told, "preview")
            judged = precheck.precheck(files, user=request.user, preview=preview)
            may_add = request.user.has_perm("ingest.add_dataset")
            return {"files": [as_told(each, may_add=may_add) for each in judged]}

        return self._answer(request, judge)

    def start_view(self, request: HttpRequest) -> HttpResponse:
        """Begin to upload files, or go on."""

        def start(told: dict[str, Any]) -> dict[str, Any]:
            files, preview = chosen(told), asked.boolean(told, "preview")
            return {"files": [answered(each) for each in start_uploads(files, user=request.user, preview=preview)]}

        return self._answer(request, start)

    def sign_view(self, request: HttpRequest) -> HttpResponse:
        """Links for parts of an upload."""

        def sign(told: dict[str, Any]) -> dict[str, Any]:
            upload_id = asked.number(told, "id")
            parts = asked.numbers(told, "parts", most=10_000)
            return {"links": sign_parts(upload_id, parts, user=request.user)}

        return self._answer(request, sign)

    def finish_view(self, request: HttpRequest) -> HttpResponse:
        """Make the objects of their parts."""

        def finish(told: dict[str, Any]) -> dict[str, Any]:
            done = finish_uploads(asked.numbers(told, "ids", most=MOST_FILES), user=request.user)
            self._log(request, [each for each in done if isinstance(each, Upload)], "Uploaded.")
            return {"files": [answered(each) for each in done]}

        return self._answer(request, finish)

    def load_view(self, request: HttpRequest) -> HttpResponse:
        """Load what was previewed."""

        def load(told: dict[str, Any]) -> dict[str, Any]:
            run = self._run(request, told)
            source = load_previewed(run.pk, request.user.get_username(), user=request.user)
            self._log(request, [run], "Preview loaded.")
            upload = Upload.objects.filter(key=source.key, etag=source.etag).first()
            return {"id": upload.pk if upload else None}

        return self._answer(request, load)

    def discard_view(self, request: HttpRequest) -> HttpResponse:
        """Throw away what was previewed."""

        def discard(told: dict[str, Any]) -> dict[str, Any]:
            run = self._run(request, told)
            run = discard_preview(run.pk, request.user.get_username(), user=request.user)
            self._log(request, [run], "Preview discarded.")
            return {"decided": run.decided}

        return self._answer(request, discard)

    def follow_view(self, request: HttpRequest) -> HttpResponse:
        """What became of uploads, by an ETag: nothing is sent while nothing has changed."""
        self._check(request)
        texts = request.GET.get("ids", "").split(",")[:_MOST_FOLLOWED]
        ids = [number for text in texts if (number := asked.whole(text)) is not None]
        uploads = Upload.objects.filter(pk__in=ids)
        found = runs_of(uploads)
        seen = set(
            Run.objects.visible_to(request.user)
            .filter(pk__in=[run.pk for run in found.values()])
            .values_list("pk", flat=True)
        )
        told = {pk: run_as_told(run) for pk, run in found.items() if run.pk in seen}
        body = json.dumps({"runs": told}).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        if request.headers.get("If-None-Match") == etag:
            return HttpResponseNotModified(headers={"ETag": etag})
        return HttpResponse(body, content_type="application/json", headers={"ETag": etag, "Cache-Control": "no-store"})

    # -- in common ----------------------------------------------------------------------------------------------------

    def _check(self, request: HttpRequest) -> None:
        if not self.has_add_permission(request):
            raise PermissionDenied

    def _run(self, request: HttpRequest, told: dict[str, Any]) -> Run:
        run = Run.objects.visible_to(request.user).filter(pk=asked.number(told, "run")).first()
        if run is None:
            raise asked.Unreadable("There is no such run.")
        return run

    def _answer(self, request: HttpRequest, do: Callable[[dict[str, Any]], dict[str, Any]]) -> HttpResponse:
        """``do`` what the JSON asks for; what can't be done is said in one sentence."""
        self._check(request)
        try:
            return JsonResponse(do(_told(request)))
        except asked.Unreadable as error:
            return JsonResponse({"error": str(error)}, status=400)
        except IngestError as error:
            return JsonResponse({"error": str(error), "again": isinstance(error, RunInterrupted)})

    def _log(self, request: HttpRequest, things: Sequence[Upload | Run], said: str) -> None:
        for thing in things:
            self.log_change(request, thing, said)


_READING = [
    ("delimiter", "Delimiter", Dataset.Delimiter.choices),
    ("quote", "Quote", Dataset.Quote.choices),
    ("escape", "Escape within quotes", Dataset.Escape.choices),
    ("has_header", "Header", [("true", "yes"), ("false", "no")]),
]
"""The settings of how a new table's files are read that are chosen from a list: name, label, choices."""


def _number(request: HttpRequest) -> int:
    """Return the upload's number from the form; 0, which no upload has, if it isn't a number."""
    return asked.whole(request.POST.get("upload", "")) or 0


def _told(request: HttpRequest) -> dict[str, Any]:
    """Return what the script sent. Raises Unreadable."""
    try:
        return asked.fields(json.loads(request.body))
    except RequestDataTooBig:
        raise asked.Unreadable(asked.TOO_MUCH) from None
    except (ValueError, RecursionError):
        raise asked.Unreadable(asked.NOT_UNDERSTOOD) from None
