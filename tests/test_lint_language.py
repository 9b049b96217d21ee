"""The lint of the language: what it reads, what it counts, and that a count can only go down."""

import json
from pathlib import Path

import pytest

from tests import lint_language
from tests.lint_language import fillers, growth, main, measure, phrases


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("a.py", '"""Make it anew."""\n'),
        ("a.py", "x = 1  # make it\n# anew\n"),
        ("a.py", 'raise ValueError(f"Make {x} anew.")\n'),
        ("a.py", 'raise ValueError("Make it " "anew.")\n'),
        ("a.html", "<p>Make it Anew</p>"),
        ("a.md", "Make it\nanew."),
        ("a.js", "// make it anew\n"),
    ],
)
def test_a_phrase_is_found_where_people_read(path: str, source: str) -> None:
    assert phrases(path, source) == {"anew": 1}


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("a.py", "anew = row['anew']\n"),
        ("a.html", "{% if anew %}{{ run.anew }}{% endif %}"),
        ("a.md", "Renewed anewly"),
        ("a.py", '"""The column is no longer there; an amendment."""\n'),
    ],
)
def test_a_key_and_a_longer_word_are_no_phrase(path: str, source: str) -> None:
    assert not phrases(path, source)


def test_a_phrase_is_found_over_the_end_of_a_line_and_of_a_comment() -> None:
    assert sum(phrases("a.md", "It is under\n  way.").values()) == 1
    assert sum(phrases("a.js", "// it is under\n// way\n").values()) == 1
    assert sum(phrases("a.md", "Go on with it; untold").values()) == 2


def test_every_way_to_bind_a_name_counts() -> None:
    source = """
def f(told, *, found=1, **each):
    for one in told:
        with one as seen:
            made = [held for held in seen if (said := held)]
class C:
    asked: int
"""
    assert sum(fillers(source).values()) == 9
    assert not fillers("print(told.found, call(each=1))\nmessage = found_rows = 1\n")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(lint_language, "BASELINE", tmp_path / "baseline.json")
    monkeypatch.setattr(lint_language, "measure", lambda: measure(tmp_path))
    (tmp_path / "README.md").write_text("Make it anew, and anew.")
    return tmp_path


def test_a_count_may_shrink_and_never_grow(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 1
    assert "README.md: write “again, or recreate” instead of “anew”" in capsys.readouterr().err
    assert main(["--write"]) == 1, "no baseline is raised by mistake"
    assert not lint_language.BASELINE.exists()
    assert main(["--write", "--allow-growth"]) == 0
    assert main([]) == 0
    (tree / "README.md").write_text("Make it anew.")
    assert main(["--write"]) == 0
    assert json.loads(lint_language.BASELINE.read_text()) == {"README.md": {"anew": 1}}
    (tree / "README.md").write_text("Make it anew, and anew.")
    assert main([]) == 1


def test_a_new_file_starts_at_nothing() -> None:
    assert growth({"new.py": {"told": 1}}, {"old.py": {"told": 5}}) == [
        "new.py: name “told” after what it holds (1, at most 0)"
    ]
