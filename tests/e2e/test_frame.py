"""What every page has: the ways, the keys, the theme, and a policy that lets nothing foreign in."""

import pytest

from tests.e2e.conftest import Site

PAGES = ("/admin/", "/admin/ingest/run/", "/admin/ingest/dataset/", "/admin/ingest/dataset/add/", "/admin/auth/user/")


@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_accessible_in_light_and_dark_and_on_a_phone(site: Site, address: str) -> None:
    site.check(site.open(address))


def test_somebody_logs_in_and_out(site: Site) -> None:
    from django.contrib.auth.models import User

    User.objects.create_superuser("ada", password="a long enough password")
    page = site.open("/admin/")
    page.context.clear_cookies()
    page.goto("/admin/")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("a long enough password")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("navigation", name="Main").get_by_text("Runs").click()
    page.wait_for_url("**/ingest/run/")
    page.get_by_role("button", name="Log out").click()
    page.get_by_text("Logged out").first.wait_for()


def test_the_keys_lead_to_the_pages(site: Site) -> None:
    page = site.open("/admin/")
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keyboard shortcuts").wait_for()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.wait_for_url("**/ingest/dataset/")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "searchbar"
    page.keyboard.type("g r u ?")
    assert page.locator("#searchbar").input_value() == "g r u ?"


def test_a_page_can_load_nothing_inline_or_foreign(site: Site) -> None:
    page = site.open("/admin/")
    for attack in (
        "const s = document.createElement('script'); s.textContent = 'window.hurt = 1'; document.body.append(s)",
        "const i = document.createElement('img'); i.src = 'http://127.0.0.1:1/x.png'; document.body.append(i)",
        "document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')",
    ):
        page.evaluate(attack)
    page.wait_for_timeout(200)
    assert page.evaluate("window.hurt") is None
    for directive in ("script-src-elem", "img-src", "style-src-attr"):
        site.forgive(f"CSP {directive}")
    site.complaints.clear()
