"""Headers and file names from hell become identifiers as the plain model of section 2 says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.identifiers import columns_of, table_name
from tests.loader import oracle_names
from tests.loader.oracle_names import SharedColumn

WORDS = 'a A b é e\u0301 İ ß SS ς Σ 2 ² ٣ _ __ € " ; %s {} id ID run_id xmin ctid column_2 a_2 a_b c_1 select म् שם 😀'
SPACES = (" ", "\t", "\n", "\u00a0", "\u200b", "\ufeff", "\x1f")
LONG = ("x" * 61, "é" * 31, "\U00020000" * 16)
PIECES = st.sampled_from((*WORDS.split(" "), *SPACES, *LONG, "Id ", "a b"))
HEADERS = st.lists(st.lists(PIECES, max_size=3).map("".join), min_size=1, max_size=6)
QUICK = settings(max_examples=2_000)


@QUICK
@given(files=st.lists(HEADERS, min_size=1, max_size=3))
def test_headers_of_files_that_follow_one_another_become_the_columns_of_the_oracle(files: list[list[str]]) -> None:
    known: dict[str, str] = {}
    modelled: dict[str, str] = {}
    for header in files:
        try:
            expected, modelled = oracle_names.columns(header, modelled)
        except SharedColumn:
            with pytest.raises(RunFailed, match="both map"):
                columns_of(header, known)
        else:
            columns, known = columns_of(header, known)
            assert list(columns) == expected


@QUICK
@given(files=st.lists(HEADERS, min_size=1, max_size=3))
def test_two_headers_of_a_file_never_share_a_column_and_each_finds_its_own_again(files: list[list[str]]) -> None:
    known: dict[str, str] = {}
    for header in files:
        try:
            columns, known = columns_of(header, known)
        except RunFailed:
            continue
        assert len(set(columns)) == len(columns) == len(header)
        assert all(0 < len(column.encode()) <= 63 for column in columns)
        assert not set(columns) & oracle_names.RESERVED
        assert columns_of(header, known) == (columns, known)


@QUICK
@given(before=HEADERS, header=HEADERS)
def test_the_order_in_which_headers_are_kept_does_not_matter(before: list[str], header: list[str]) -> None:
    known = columns_of(before, {})[1]
    assert columns_of(header, known)[0] == columns_of(header, dict(reversed(known.items())))[0]


@QUICK
@given(
    name=st.lists(PIECES, max_size=4).map("".join),
    extension=st.sampled_from([".csv", ".CSV", ".csv.gz", ".tsv.zst", ""]),
)
def test_a_file_name_is_folded_as_the_oracle_folds_it(name: str, extension: str) -> None:
    expected = oracle_names.fold(name)
    if not any(character.isalnum() for character in expected):
        return
    expected = oracle_names.trim(f"t_{expected}" if expected[0].isdigit() else expected)
    assert table_name(f"data/{name}{extension}") == expected
