"""A real browser before the real site: its bucket takes files from the browser, and a worker loads what comes in.

Whatever a test does, its pages may break no rule of their Content-Security-Policy and write no error to the console.
"""

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from ingest import handlers
from ingest.models import Run
from pipeline_site.local.aws import let_pages_send
from pipeline_site.local.worker import Worker
from tests.app.conftest import Door, clean_tables, door, history, scratch, source
from tests.conftest import Aws
from tests.e2e.browser import chromium, flags
from tests.local.processes import comes_true

__all__ = ["clean_tables", "door", "history", "scratch", "source"]

WIDE, NARROW = (1280, 800), (360, 740)
PATIENCE = 120_000
"""Milliseconds for whatever a browser waits for: an end for what hangs, on a machine with much else to do."""
expect.set_options(timeout=PATIENCE)
SERIOUS = ("serious", "critical")
_REPORT = "addEventListener('securitypolicyviolation', e => console.error('CSP', e.violatedDirective, e.blockedURI))"

collect_ignore_glob = ["test_*.py"] if os.environ.get("E2E") == "0" else []


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the session."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright's loop runs in this thread; we never await in it
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=flags())
        yield started
        started.close()


@dataclass(kw_only=True)
class Site:
    """The site as a person meets it."""

    address: str
    browser: Browser
    door: Door
    contexts: list[BrowserContext] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(
        self, path: str = "/admin/", *, user: User | None = None, size: tuple[int, int] = WIDE, **options: Any
    ) -> Page:
        """A page of a browser of its own, in which ``user`` (a new superuser, if nobody) is logged in."""
        width, height = size
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, base_url=self.address, **options
        )
        context.set_default_timeout(PATIENCE)
        context.add_init_script(_REPORT)
        self.contexts.append(context)
        context.add_cookies([{"name": "sessionid", "value": _session(user or superuser()), "url": self.address}])
        page = context.new_page()
        self.watch(page)
        context.on("page", self.watch)
        page.goto(path)
        return page

    def load(self, name: str, content: bytes | str) -> Run:
        """Drop a file, and give its run once the worker is through with it.

        The door's own event would come beside the bucket's, with another sequencer: two versions could change places.
        """
        source = self.door.put(name, content)
        made = Run.objects.filter(key=source.key, source_identity=Run.identity_of(source))
        ended = made.exclude(status__in=("queued", "waiting", "running")).order_by("pk")
        assert comes_true(ended.exists), f"{name} isn't loaded after two minutes"
        return ended[0]

    def watch(self, page: Page) -> None:
        """Keep what the page complains about."""
        page.on("console", self._said)
        page.on("response", lambda answer: print(answer.status, answer.url) if answer.status >= 400 else None)
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: {error}"))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.location.get('url')}: {message.text}")

    def check(self, page: Page) -> None:
        """That axe finds nothing serious on ``page``, in light and dark, wide and narrow, and nothing sticks out."""
        before = len(self.complaints)
        for width, height in (WIDE, NARROW):
            page.set_viewport_size({"width": width, "height": height})
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                found = [each for each in Axe().run(page).response["violations"] if each["impact"] in SERIOUS]
                assert not found, "\n".join(f"{theme} {width}: {_told(violation)}" for violation in found)
            beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert beyond <= 0, f"{page.url} is {beyond} pixels wider than a screen of {width}"
        page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
        page.emulate_media(color_scheme="light")
        del self.complaints[before:]  # axe's own: it tries styles that the policy refuses

    def forgive(self, part: str) -> None:
        """Take back the complaints that hold ``part``: the test provoked them. There must be one."""
        kept = [complaint for complaint in self.complaints if part not in complaint]
        assert len(kept) < len(self.complaints), self.complaints
        self.complaints[:] = kept


@pytest.fixture
def site(live_server: Any, browser: Browser, door: Door, settings: Any) -> Iterator[Site]:
    """The site over a bucket of the test's own; a worker loads what comes in, as Lambda would."""
    # The origin is what the bucket lets in (CORS), and the address that the server was given.
    let_pages_send(door.aws.server, bucket=door.aws.bucket, origins=[live_server.url])
    site = Site(address=live_server.url, browser=browser, door=door)
    stop = threading.Event()
    worker = threading.Thread(target=_work, args=(door.aws, stop))
    worker.start()
    try:
        yield site
    finally:
        for context in site.contexts:
            context.close()
        stop.set()
        worker.join(timeout=60)
    assert not site.complaints


def _work(aws: Aws, stop: threading.Event) -> None:
    worker = Worker(
        sqs=boto3.client("sqs"),
        queue_url=aws.queue_url,
        on_event=handlers.on_event,
        on_schedule=lambda *_: None,
    )
    try:
        worker.work(until=stop.is_set)
    finally:
        connections.close_all()


def superuser() -> User:
    """Somebody who may do everything."""
    return User.objects.create_superuser(f"admin{User.objects.count()}")


def _session(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


def _told(violation: dict[str, Any]) -> str:
    return f"{violation['id']}, {violation['help']}: {[node['html'][:150] for node in violation['nodes'][:3]]}"
