"""Start the whole product in a folder of its own, live through the story, and take the pictures."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from pipeline_site.local.kept import adopt
from pipeline_site.local.stack import BUCKET, PREFIX, Stack
from tests.e2e.browser import chromium, flags
from tests.screenshots.story import Drop, story

SIZES = {"wide": (1280, 800), "narrow": (360, 740)}
THEMES = ("light", "dark")
README = ("home", "runs", "run", "browse")
"""The four that the README shows, wide and light."""
_PATIENCE = 120.0


def main() -> int:
    """Take them all; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.screenshots", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("screenshots"), help="the folder they go to")
    parser.add_argument("--docs", type=Path, default=Path("docs/screenshots"), help="the README's four go here too")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ingest-screenshots-") as folder:
        Path(folder).chmod(0o711)
        with _living(Path(folder)) as stack:
            _live_through(stack)
            _take(stack, chosen.out, chosen.docs)
    return 0


@contextmanager
def _living(folder: Path) -> Iterator[Stack]:
    """The servers, the site and the worker, with a user ``admin`` who may do everything."""
    stack = Stack(folder=folder, say=print)
    try:
        stack.start_servers()
        stack.start_site()
        adopt(stack.env_file)
        os.environ["DJANGO_SETTINGS_MODULE"] = "pipeline_site.settings"
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0, interactive=False)
        from django.contrib.auth.models import User

        User.objects.create_superuser("ada", first_name="Ada", password=stack.admin_password.read_text().strip())
        stack.start_worker()
        stack.wait_for_site()
        yield stack
    finally:
        stack.stop()


def _live_through(stack: Stack) -> None:
    """Drop every file, day by day, and put each day's runs on that day."""
    from django.db.models import F

    from ingest.models import Run

    s3 = stack.client("s3")
    for days_ago, drops in groupby(story(), lambda drop: drop.days_ago):
        versions = [_put(s3, drop) for drop in drops]
        _wait_for(versions)
        back = timedelta(days=days_ago, hours=2)
        Run.objects.filter(version_id__in=versions).update(
            received=F("received") - back, started=F("started") - back, finished=F("finished") - back
        )


def _put(s3: Any, drop: Drop) -> str:
    return str(s3.put_object(Bucket=BUCKET, Key=f"{PREFIX}{drop.name}", Body=drop.content)["VersionId"])


def _wait_for(versions: list[str]) -> None:
    from ingest.models import Run

    ends = [Run.Status.SUCCEEDED, Run.Status.FAILED, Run.Status.HELD, Run.Status.SUPERSEDED]
    end = monotonic() + _PATIENCE
    while Run.objects.filter(version_id__in=versions, status__in=ends).count() < len(versions):
        if monotonic() > end:
            raise SystemExit(f"The files aren't loaded after {_PATIENCE:.0f} seconds.")
        sleep(0.1)


def _pages() -> dict[str, str]:
    """The pages by name."""
    from django.urls import reverse

    from ingest.models import Dataset, Run

    customers = Dataset.objects.get(name="customers").pk
    troubled = Run.objects.filter(dataset=customers, rejected__gt=0).latest("pk").pk
    failed = Run.objects.filter(status=Run.Status.FAILED).latest("pk").pk
    return {
        "home": reverse("admin:index"),
        "upload": reverse("admin:ingest_upload"),
        "runs": reverse("admin:ingest_run_changelist"),
        "run": reverse("admin:ingest_run_change", args=[troubled]),
        "failed-run": reverse("admin:ingest_run_change", args=[failed]),
        "datasets": reverse("admin:ingest_dataset_changelist"),
        "dataset": reverse("admin:ingest_dataset_change", args=[customers]),
        "browse": reverse("admin:ingest_dataset_browse", args=[customers]),
        "rejects": reverse("admin:ingest_reject_changelist") + f"?run={troubled}",
        "messages": reverse("admin:ingest_message_changelist"),
        "accounts": reverse("admin:auth_user_changelist"),
    }


def _take(stack: Stack, out: Path, docs: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    docs.mkdir(parents=True, exist_ok=True)
    pages = _pages()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=flags())
        for size, (width, height) in SIZES.items():
            for theme in THEMES:
                page = _logged_in(browser, stack, viewport={"width": width, "height": height}, color_scheme=theme)
                for name, address in pages.items():
                    page.goto(address)
                    page.wait_for_load_state("networkidle")
                    page.screenshot(path=out / f"{name}-{size}-{theme}.png", full_page=True)
                    if name in README and (size, theme) == ("wide", "light"):
                        page.screenshot(path=docs / f"{name}.png")
                page.context.close()
        browser.close()


def _logged_in(browser: Browser, stack: Stack, **options: Any) -> Page:
    base = stack.site_address.removesuffix("/admin/")
    page = browser.new_context(base_url=base, reduced_motion="reduce", **options).new_page()
    page.goto("/admin/login/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(stack.admin_password.read_text().strip())
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")
    return page


if __name__ == "__main__":
    sys.exit(main())
