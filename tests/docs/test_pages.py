"""Every page of the documentation: its links lead somewhere, the paths that it names exist, and nothing is private."""

import re
from pathlib import Path

import pytest

from pipeline_site.local.stack import BUCKET
from tests.docs.links import DOCS, FILE_RULES, PAGES, ROOT, anchors, links, name_of, own_anchors
from tests.docs.page import blocks

SITE = {"README.md", "LICENSE"}
"""What pages of docs/ may link to outside of it."""


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in links(page):
        if target.startswith("https://"):
            continue
        file, _, place = target.partition("#")
        linked = (page.parent / file).resolve() if file else page
        assert linked.exists(), target
        assert ROOT in (linked, *linked.parents), target
        assert not place or place in anchors(linked), target
        assert DOCS not in page.parents or DOCS in linked.parents or linked.name in SITE, f"{target} isn't on the site"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_anchors_are_unique(page: Path) -> None:
    own = own_anchors(page.read_text())
    assert len(own) == len(set(own))


def test_every_section_of_the_file_rules_has_an_anchor_that_outlives_its_heading() -> None:
    sections = re.findall(r"^(.*)\n\n## \d\. ", FILE_RULES.read_text(), re.MULTILINE)
    assert len(sections) == 9
    assert all(own_anchors(line) for line in sections)


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, found = set(), [ROOT / "README.md"]
    while found:
        page = found.pop()
        reached.add(page)
        targets = {(page.parent / target.partition("#")[0]).resolve() for target in links(page)}
        found += [target for target in targets if target.suffix == ".md" and target not in reached and target.exists()]
    assert set(PAGES) <= reached


def test_every_path_that_is_named_exists() -> None:
    layout = next(block.text for block in blocks(ROOT / "CONTRIBUTING.md") if block.text.startswith("manage.py\n"))
    folder = ""
    for line in layout.splitlines():
        path = line.split()[0]
        folder = path if line[0] != " " and path.endswith("/") else folder
        assert (ROOT / (path if line[0] != " " else folder + path)).exists(), line
    everywhere = "".join(page.read_text() for page in PAGES)
    for path in re.findall(r"`((?:ingest|infra|tests|samples|docs)/[\w/.]*)`", everywhere):
        assert (ROOT / path).exists(), path
    architecture = (DOCS / "explanation" / "architecture.md").read_text()
    layers, loader = architecture.split("## The loader")
    for path in re.findall(r"^\| `(\w+/)`|, `(\w+/)`", layers.partition("|---|---|")[2], re.MULTILINE):
        assert (ROOT / "ingest" / "".join(path)).is_dir(), path
    for path in re.findall(r"`(\w+/)`", loader.partition("|---|---|")[2].partition("\n\n")[0]):
        assert (ROOT / "ingest" / "loader" / path).is_dir(), path


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_names_a_place_of_one_machine(page: Path) -> None:
    text = page.read_text()
    assert not re.search(r"(?<![\w.])/(work|tmp|home|root|opt|usr|Users|var)/", text)
    assert not re.search(r"index-url|pypi|simple/|artifactory", text, re.IGNORECASE)
    hosts = set(re.findall(r"\b(?:https?|s3|postgresql)://([^/\s)`:\"]+)", text))
    elsewhere = {"semver.org", "keepachangelog.com", "aws.amazon.com", "files.example.com"}
    assert hosts <= {"127.0.0.1", BUCKET, "BUCKET_NAME", "user"} | elsewhere, hosts
