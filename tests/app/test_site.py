"""What a stranger's requests get from the site as a whole, whichever page they are for."""

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIHandler
from django.test import Client, RequestFactory

from tests.app.pages import staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the site's own handler writes."""
    (handler,) = (each for each in logging.getLogger().handlers if type(each) is logging.StreamHandler)
    written = io.StringIO()
    before = handler.setStream(written)
    yield written
    handler.setStream(before)


def answered(method: str, path: str) -> tuple[str, dict[str, str], bytes]:
    """What a server is given by Django: status, headers and body. Django's test client would take off the body."""
    began: list[Any] = []
    environ = RequestFactory().generic(method, path, HTTP_COOKIE="").environ
    response = WSGIHandler()(environ, lambda *told: began.extend(told))
    try:
        return began[0], dict(began[1]), b"".join(response)
    finally:
        response.close()


@pytest.mark.parametrize("path", ["/admin/login/", "/static/ingest/site.js", "/nowhere", "/"])
def test_head_is_answered_as_get_without_a_body(path: str):
    got, head = answered("GET", path), answered("HEAD", path)
    assert (head[0], head[2]) == (got[0], b"")
    if path != "/":  # a redirect
        assert len(got[2]) > 0
    if "Content-Length" in got[1] and path != "/admin/login/":  # that has another token each time
        assert head[1]["Content-Length"] == got[1]["Content-Length"]


@pytest.mark.parametrize("target", ["https://elsewhere.example/", "//elsewhere.example", "javascript:alert(1)", ""])
def test_a_login_that_should_lead_elsewhere_leads_home(target: str, client: Client):
    User.objects.create_superuser("ann", password="right")
    response = client.post("/admin/login/", {"username": "ann", "password": "right", "next": target}, follow=True)
    assert (response.redirect_chain, response.status_code) == ([("/admin/", 302)], 200)


def test_refused_requests_are_logged_in_a_line_each_and_faults_with_their_traceback(
    log: io.StringIO, client: Client, settings: Any
):
    client.get("/admin/", headers={"host": "elsewhere.example"})
    client.post("/admin/login/", b"x", content_type="multipart/form-data; boundary=")
    client.post("/admin/login/", {f"field{n}": "" for n in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)})
    staff(client)
    client.get("/admin/ingest/upload/")
    client.get("/nowhere")
    lines = log.getvalue().splitlines()
    assert "Invalid HTTP_HOST header: 'elsewhere.example'" in lines[0]
    assert "Forbidden (Permission denied): /admin/ingest/upload/" in lines[-2]
    assert "Not Found: /nowhere" in lines[-1]
    assert len(lines) == 5
    try:
        raise RuntimeError("a fault")
    except RuntimeError:
        logging.getLogger("django.request").exception("Internal Server Error: /", extra={"status_code": 500})
    assert "RuntimeError: a fault" in log.getvalue()
