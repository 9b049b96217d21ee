"""Reject codes and their sentences are written in one file, from which everything else takes them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.loader.outcome import reject_codes
from ingest.loader.outcome.reject_codes import Cause, Code, as_clause

_ROOT = Path(reject_codes.__file__).parents[2]
_FRAGMENT = 16
"""Characters from which on a part of a template is a wording of its own."""


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the strings of a module, without its docstrings, each with its line."""
    tree = ast.parse(path.read_text())
    described = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
            yield node.lineno, node.value


def _elsewhere() -> Iterator[tuple[str, str]]:
    for path in sorted(_ROOT.rglob("*.py")):
        if path != Path(reject_codes.__file__) and "migrations" not in path.parts:
            for line, text in _texts(path):
                yield f"{path.relative_to(_ROOT)}:{line}", text


def test_no_code_is_written_elsewhere() -> None:
    code = re.compile(rf"\b({'|'.join(Code)})\b")
    assert [place for place, text in _elsewhere() if code.search(text)] == []


def test_no_sentence_is_written_elsewhere() -> None:
    parts = {part.strip(" .;:,") for cause in Cause for part in re.split(r"\{[^}]*\}", cause.template)}
    wordings = {part for part in parts if len(part) >= _FRAGMENT}
    assert len(wordings) >= len(Cause) / 2
    assert [place for place, text in _elsewhere() if any(wording in text for wording in wordings)] == []


def test_no_template_of_a_page_names_a_code() -> None:
    code = re.compile(rf"\b({'|'.join(Code)})\b")
    pages = sorted(path for kind in ("*.html", "*.js", "*.txt") for path in _ROOT.rglob(kind))
    assert pages
    assert [str(page.relative_to(_ROOT)) for page in pages if code.search(page.read_text())] == []


@pytest.mark.parametrize("code", Code)
def test_a_code_has_a_label_advice_and_a_cause(code: Code) -> None:
    assert code.label[0].isupper()
    assert not code.label.endswith(".")
    assert code.advice.endswith(".")
    assert any(cause.code is code for cause in Cause)


@pytest.mark.parametrize("cause", Cause)
def test_a_cause_is_a_sentence_that_can_follow_a_colon(cause: Cause) -> None:
    assert cause.template.endswith(".")
    assert cause.template[0].isupper() or cause.template.startswith("{")
    assert not as_clause(cause.template).endswith(".")
