"""What templates make of numbers: a filter with wrong arguments says nothing at all, instead of failing."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.html import strip_tags

import ingest
from ingest.loader.changes import UndoPreview
from ingest.models import Dataset, Run

TEMPLATES = sorted(Path(ingest.__file__).parent.glob("templates/**/*.html"))
_PLURAL = re.compile(r"\{\{\s*(?P<of>[^{}]*?)\|pluralize(?::(?P<quote>[\"'])(?P<words>.*?)(?P=quote))?\s*\}\}")
_MAKES_TEXT = ("count", "intcomma", "floatformat", "default", "size", "date", "stringformat")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_plural_has_one_comma_and_is_of_a_number(template: Path) -> None:
    """Django gives nothing for more commas, and for a text with thousands separated."""
    text = template.read_text()
    found = list(_PLURAL.finditer(text))
    assert len(found) == text.count("|pluralize"), "one is written in a way that this test doesn't read"
    for plural in found:
        assert (plural["words"] or "").count(",") <= 1, plural[0]
        *_, last = plural["of"].split("|")
        assert last.split(":")[0] not in _MAKES_TEXT or last == plural["of"], plural[0]


def test_there_are_templates_to_look_at() -> None:
    assert len(TEMPLATES) > 30
    assert settings.TEMPLATES


def page(**told: int) -> str:
    run = Run(pk=5, key="data/people.csv", dataset=Dataset(pk=1, name="people"))
    context = {"run": run, "file": "people.csv", "undo_preview": UndoPreview(**{"removed": 0, **told}), "refused": ""}
    return re.sub(r"\s+", " ", strip_tags(render_to_string("ingest/run/confirm_undo.html", context)))


@pytest.mark.parametrize(
    ("count", "changed", "taken"),
    [
        (1, "1 row stays as it is, because a later run changed or deleted it.", "1 row can't be restored"),
        (2, "2 rows stay as they are, because a later run changed or deleted them.", "2 rows can't be restored"),
        (1_234, "1,234 rows stay as they are, because a later run changed or deleted them.", "1,234 rows can't be"),
    ],
)
def test_an_undo_warns_of_every_row_that_stays(count: int, changed: str, taken: str) -> None:
    said = page(changed=count, taken=count)
    assert changed in said
    assert taken in said
    assert changed in page(changed=count)
    assert "can't be restored" not in page(changed=count)


def test_an_undo_that_leaves_nothing_doesnt_warn() -> None:
    said = page(removed=2)
    assert "2 inserted rows will be removed." in said
    assert "stay" not in said.partition("Columns and wider types")[0]
