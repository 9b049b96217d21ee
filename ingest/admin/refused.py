"""Requests that Django refuses before any page sees them: one sentence, in the site's look."""

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

_UNREADABLE = "The site can't read this request. Go back, reload the page and try again."


def bad_request(request: HttpRequest, exception: BaseException) -> HttpResponse:
    """Answer a request that holds too much, or makes no sense, with what to do; scripts get it as JSON."""
    reason = _reason(exception)
    if request.content_type == "application/json":
        return JsonResponse({"error": reason}, status=400)
    return HttpResponse(render_to_string("400.html", {"reason": reason}), status=400)


def _reason(exception: BaseException) -> str:
    if isinstance(exception, TooManyFieldsSent):
        most = settings.DATA_UPLOAD_MAX_NUMBER_FIELDS
        return f"This form has more than {most:,} fields, the most that the site accepts. Select fewer at a time."
    if isinstance(exception, RequestDataTooBig):
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return (
            f"This form holds more than {most / (1 << 20):.1f} MiB, the most that the site accepts. Select or enter "
            "less at a time; send files on the upload page."
        )
    if isinstance(exception, TooManyFilesSent):
        return "This form holds more files than the site accepts. Send them on the upload page."
    return _UNREADABLE
