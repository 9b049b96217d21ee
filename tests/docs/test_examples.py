"""The examples of the file rules are played: what the page says happens."""

from pathlib import Path

import pytest

from tests.app.conftest import Door
from tests.docs.links import FILE_RULES
from tests.docs.page import Example, blocks, claims, examples
from tests.docs.playing import Play

PAGE = FILE_RULES


@pytest.mark.parametrize("example", examples(PAGE), ids=lambda example: example.heading)
def test_what_the_page_says_happens(example: Example, door: Door) -> None:
    Play(door).play(example)


def test_every_block_belongs_to_an_example_that_says_what_comes_out() -> None:
    played = [block for example in examples(PAGE) for block in example.blocks]
    assert played == blocks(PAGE)
    assert len(examples(PAGE)) >= 60
    for example in examples(PAGE):
        said = [claims(block) for block in example.blocks if block.kind == "text"]
        assert said, f"{example.heading} says nothing of what comes out"


LIES = {
    "a row is left out": ("2 inserted", "1 | 5"),
    "a row is wrong": ("2 inserted", "1 | 5\n2 | x z"),
    "a row too many": ("2 inserted", "1 | 5\n2 | x y\n3 | z"),
    "a value is said to be none": ("2 inserted", "1 | 5\n2 | NULL"),
    "a count is wrong": ("1 inserted", "1 | 5\n2 | x y"),
    "a count too many": ("2 inserted, 1 rejected", "1 | 5\n2 | x y"),
    "it did not fail": ("failed: no", "1 | 5\n2 | x y"),
    "it was not held": ("held: no", "1 | 5\n2 | x y"),
    "there was no reject": ("2 inserted\n  line 3: bad_value", "1 | 5\n2 | x y"),
    "there was no note": ("2 inserted\n  note: It was late.", "1 | 5\n2 | x y"),
    "the proof is another": ("2 inserted\n  n is text: line 2 is '5', which is not a valid bigint", "1 | 5\n2 | x y"),
    "the key is another": ("2 inserted\n  rows are the same by n", "1 | 5\n2 | x y"),
    "it was read otherwise": ("2 inserted\n  read as: delimiter ;", "1 | 5\n2 | x y"),
}


def _page(folder: Path, run: str, rows: str) -> Example:
    page = folder / "page.md"
    said = f"t.csv: {run}\n\nt\n id bigint | n text\n{rows}"
    page.write_text(f"# One\n```csv t.csv\nid,n\n1,5\n2,x y\n```\n```text\n{said}\n```\n")
    (example,) = examples(page)
    return example


def test_a_lie_is_found(door: Door, tmp_path: Path) -> None:
    play, truth = Play(door), _page(tmp_path, "2 inserted", "1 | 5\n2 | x y")
    play.play(truth)
    for said in LIES.values():
        *_, block = _page(tmp_path, *said).blocks
        with pytest.raises(AssertionError, match="line 7, 'One'"):
            play.play(Example(heading="One", blocks=(block,)))
