"""The documentation's pages, their links and their anchors."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
FRONT = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
PAGES = [*FRONT, *sorted(DOCS.rglob("*.md"))]
FILE_RULES = DOCS / "reference" / "file-rules.md"


def name_of(page: Path) -> str:
    """Return the page's path in the repository, as a test's ID."""
    return page.relative_to(ROOT).as_posix()


def links(page: Path) -> list[str]:
    """Return the targets of all links and pictures of a page, outside of code."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", prose)


def anchors(page: Path) -> list[str]:
    """Return the page's anchors: those that it sets itself, and those that GitHub gives its headings."""
    prose = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return own_anchors(prose) + slugs


def own_anchors(text: str) -> list[str]:
    """Return the anchors that a page sets itself, which stay when a heading is reworded."""
    return re.findall(r'<a id="([^"]+)"></a>', text)
