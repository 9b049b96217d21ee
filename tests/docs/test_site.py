"""`make docs` builds the documentation's website without a warning, and no link of it leads nowhere."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.docs.links import DOCS, ROOT, name_of

BUILD = ROOT / ".venv-docs" / "bin" / "sphinx-build"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The website, built as `make docs` builds it, but elsewhere."""
    if not BUILD.exists():
        pytest.fail("Sphinx isn't installed: run `make .venv-docs/.ready`.")
    folder = tmp_path_factory.mktemp("site")
    command = [BUILD, "--quiet", "--fail-on-warning", "--keep-going", "-d", folder / "trees", DOCS, folder / "html"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


def test_every_page_is_on_the_site_and_in_its_navigation(site: Path) -> None:
    pages = {name_of(page).removeprefix("docs/").removesuffix(".md") for page in DOCS.rglob("*.md")}
    index = (site / "index.html").read_text()
    linked = set(re.findall(r'class="reference internal" href="([\w/-]+)\.html"', index))
    assert pages - {"index"} <= linked


def test_every_link_of_the_site_leads_somewhere(site: Path) -> None:
    texts = {page: page.read_text() for page in site.rglob("*.html")}
    places = {page: set(re.findall(r'\bid="([^"]+)"', text)) for page, text in texts.items()}
    for page, text in texts.items():
        for target in re.findall(r'<a\b[^>]*\bhref="([^"]+)"', text):
            file, _, place = target.partition("#")
            if re.match(r"\w+:", target):
                continue
            linked = (page.parent / file).resolve() if file else page
            assert linked.exists(), f"{page.name}: {target}"
            assert not place or place in places[linked], f"{page.name}: {target}"


def test_nothing_is_loaded_from_another_host(site: Path) -> None:
    for page in site.rglob("*.html"):
        assert not re.search(r'(?:src|<link[^>]* href)="(?:https?:)?//', page.read_text()), page.name
