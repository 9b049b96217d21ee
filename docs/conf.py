"""How Sphinx builds these pages as a website (`make docs`); the pages themselves are plain Markdown."""

import re
from typing import Any

from pygments.lexers.special import TextLexer

project = "CSV files to PostgreSQL tables"
author = copyright = "the authors"
extensions = ["myst_parser"]
root_doc = "index"
exclude_patterns = ["screenshots"]
nitpicky = True

html_theme = "furo"
html_title = project
html_show_sphinx = False
html_copy_source = False

myst_enable_extensions = ["attrs_inline"]
myst_heading_anchors = 4
# Links into a page are checked by tests/docs, on the anchors that GitHub gives; MyST knows only those of headings.
suppress_warnings = ["myst.xref_missing"]

PAGES = {
    "Tutorial": ["tutorial"],
    "How-to guides": [
        "how-to/upload-files",
        "how-to/fix-rejects",
        "how-to/retry-and-undo",
        "how-to/held-runs",
        "how-to/dataset-rules",
        "how-to/query-tables",
        "how-to/notifications",
        "how-to/accounts",
        "how-to/check-an-installation",
        "runbook",
    ],
    "Reference": [
        "reference/file-rules",
        "reference/reject-codes",
        "reference/statuses",
        "reference/settings",
        "reference/commands",
        "reference/webhook",
        "infrastructure",
        "security",
        "licenses",
    ],
    "Explanation": [
        "explanation/architecture",
        "explanation/one-run",
        "explanation/decisions",
        "explanation/testing",
        "explanation/benchmarks",
    ],
}
DECISIONS = ["decisions/0001-own-splitter", "decisions/0002-duckdb", "decisions/0003-one-transaction"]
DECISIONS += ["decisions/0004-zappa", "decisions/0005-django-admin"]


def setup(app: Any) -> None:
    """Register what turns our Markdown into MyST's."""
    app.add_lexer("csv", TextLexer)
    app.connect("source-read", _to_myst)


def _to_myst(app: Any, page: str, source: list[str]) -> None:
    """Add the navigation, and name the file that a block shows; GitHub would show MyST's syntax for both as it is."""
    text = re.sub(r"^```(csv|json) (.+)$", r"```{code-block} \1\n:caption: \2\n", source[0], flags=re.MULTILINE)
    if page == "index":
        text += "".join(_toctree(names, caption) for caption, names in PAGES.items())
    if page == "explanation/decisions":
        text += _toctree(DECISIONS, "")
    source[0] = text


def _toctree(names: list[str], caption: str) -> str:
    lines = ["", "```{toctree}", ":hidden:", *([f":caption: {caption}"] if caption else []), "", *names, "```", ""]
    return "\n".join(lines)
