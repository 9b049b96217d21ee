"""HEAD is answered without a body, whatever server passes it on: waitress and zappa send what Django gives them."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase


def without_body(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware that takes the body off answers to HEAD; their headers, the length among them, stay."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if request.method == "HEAD":
            _empty(response)
        return response

    return answer


def _empty(response: HttpResponseBase) -> None:
    if response.streaming:  # its parts are made while they are sent: so nothing is made of them
        response.streaming_content = ()
        return
    length = response.headers.get("Content-Length") or str(len(response.content))
    response.content = b""
    response.headers["Content-Length"] = length
