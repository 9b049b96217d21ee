"""Every rule that the code cites (``file-rules#undo``) is a section of docs/reference/file-rules.md."""

import re

from tests.docs.links import FILE_RULES, ROOT, own_anchors

CITATION = re.compile(r"\bfile-rules(?:\.md)?#[\w-]+(?:(?:,| and| to)\s+#[\w-]+)*")
SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for folder in ("infra", "ingest", "pipeline_site", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.parent.name != "docs"
}


def test_every_citation_of_a_rule_leads_to_its_anchor() -> None:
    known = {*own_anchors(FILE_RULES.read_text())}
    cited = {path: re.findall(r"#([\w-]+)", " ".join(CITATION.findall(text))) for path, text in SOURCES.items()}
    assert sum(map(len, cited.values())) > 80
    unknown = {path: {*anchors} - known for path, anchors in cited.items() if {*anchors} - known}
    assert unknown == {}


def test_no_code_cites_a_page_that_is_not_in_the_repository() -> None:
    cites = [path for path, text in SOURCES.items() if re.search(r"\bBEHAVIOUR\b", text)]
    assert cites == [], "cite a section of docs/reference/file-rules.md instead"
