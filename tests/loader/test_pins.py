"""What is pinned of a dataset's files: each is followed, told as pinned, and refused in a sentence where it misfits."""

from dataclasses import asdict

import pytest

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.dialect.basis import written_as
from ingest.loader.source.dialect.dialect import Pinned, examine
from ingest.loader.source.dialect.pin_conflicts import refuse_wide_encoding
from ingest.loader.source.preview_head import preview_head

KNOWN = {"id": "id", "name": "name", "city": "city"}
COMMA = "id,name,city\n1,Ann,Oslo\n2,Bob,Rome\n3,Cy,Bonn\n"
QUOTED = '"id","name","city"\n"1","Ann, B","Oslo"\n"2","Bob","Rome"\n'
TITLED = f"Report\n\n{COMMA}"
TWO_CONTROLS = "7;2024-06-01;Example\nid;name;city\n1;Ann;Oslo\n2;Bob;Rome\n3;Cy;Bonn\n"


def looked_at(content: str, known=(), above=0, **pins):
    head, pinned = content.encode(), Pinned(**pins)
    found = examine(head, pinned=pinned, known=known, above=above)
    return found, written_as(found.dialect, found, pinned=pinned, head=head)


@pytest.mark.parametrize(
    ("content", "known", "pins", "said"),
    [
        (COMMA, (), {"delimiter": ";"}, "The semicolon is pinned as the delimiter, but the file has none"),
        (COMMA, KNOWN, {"delimiter": "|"}, "The bar is pinned as the delimiter"),
        (COMMA.replace(",", "\t"), (), {"delimiter": ","}, "The comma is pinned .* its first record has the tab"),
        ("1,Ann\n", {"": "column_1", "column_2": "b"}, {"delimiter": ";", "has_header": False}, "record has the comma"),
        (COMMA, (), {"preamble": 4}, "4 lines above the header are pinned, but the file has only 4 lines"),
        ("id\n", (), {"preamble": 1}, "1 line above the header is pinned, but the file has only 1 line"),
        (COMMA, (), {"preamble": 1_000}, "1,000 lines above the header are pinned, but the file has only 4 lines"),
        (QUOTED, KNOWN, {"quote": ""}, 'lacks the header that its dataset knows; it has it with the quote "'),
        (QUOTED, KNOWN, {"quote": "'", "escape": "'"}, "it has it with the quote \" instead of '"),
        (TITLED, KNOWN, {"preamble": 0}, "it has it with 2 lines above it instead of 0"),
        (f"Report, and more\n{COMMA}", KNOWN, {"delimiter": ",", "preamble": 0}, "1 line above it instead of 0"),
    ],
)
def test_a_pinned_setting_that_does_not_fit_the_file_is_refused(content, known, pins, said):
    with pytest.raises(RunFailed, match=said) as refused:
        looked_at(content, known, **pins)
    assert str(refused.value).endswith("Change or clear that setting of the dataset.")


@pytest.mark.parametrize(
    ("content", "known", "pins"),
    [
        ("name\nAnn\nBob\n", (), {"delimiter": ";"}),
        ("full name\nMiller,Tom\n", (), {"delimiter": ";"}),
        ("full name\nMiller,Tom\n", {"full name": "full_name"}, {"delimiter": ";"}),
        ("a|b;c\n1|2;3\n", (), {"delimiter": ";"}),
        (COMMA, KNOWN, {"preamble": 4}),
        (COMMA, KNOWN, {"has_header": False}),
        (COMMA, (), {"quote": ""}),
        ("1,Ann\n", (), {"delimiter": ";", "has_header": False}),
        ("id,age\n1,2\n", KNOWN, {"delimiter": ",", "quote": ""}),
        ("id,_line,_code,_reason\n1,2,bad_value,x\n", KNOWN, {"delimiter": ";", "preamble": 3}),
    ],
)
def test_a_pin_that_may_fit_is_followed(content, known, pins):
    looked_at(content, known, **pins)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-32-le"])
def test_a_wide_encoding_is_refused_for_a_file_without_nul_bytes(tmp_path, encoding):
    path = tmp_path / "file"
    path.write_text(COMMA)
    with pytest.raises(RunFailed, match="is pinned, but the file is in another one"):
        refuse_wide_encoding(path, encoding, "utf-16")
    path.write_text(COMMA, encoding)
    refuse_wide_encoding(path, encoding, "utf-16")
    refuse_wide_encoding(path, "cp1252", "cp1252")


ALL = {"delimiter": ",", "quote": '"', "escape": '"', "preamble": 0, "has_header": True, "encoding": "utf-8"}


@pytest.mark.parametrize("name", ALL)
def test_pinned_parts_have_the_basis_pinned_and_the_rest_found(name):
    basis = looked_at(COMMA, **{name: ALL[name]})[1]["basis"]
    pinned = {"quote", "escape"} if name == "quote" else {name}
    assert basis == {each: "pinned" if each in pinned else "found" for each in asdict(Pinned())}


def test_a_header_that_the_dataset_knows_has_the_basis_known():
    _, written = looked_at(TITLED, KNOWN)
    known = {"delimiter", "preamble", "has_header"}
    assert written["basis"] == {each: "known" if each in known else "found" for each in asdict(Pinned())}
    assert (written["skipped"], written["preamble"]) == (["Report", ""], 2)


def test_a_pin_that_the_file_overrules_is_not_told_as_pinned():
    _, written = looked_at(COMMA, KNOWN, preamble=3)
    assert (written["preamble"], written["basis"]["preamble"]) == (0, "known")


@pytest.mark.parametrize(
    ("pin", "read", "basis"),
    [("utf-16", "utf-16-le", "pinned"), ("UTF8", "utf-8", "pinned"), ("cp1252", "utf-8", "found")],
)
def test_an_encoding_that_a_byte_order_mark_overrules_is_not_told_as_pinned(pin, read, basis):
    pinned = Pinned(encoding=pin)
    found = examine(COMMA.encode(), pinned=pinned, encoding=read)
    assert written_as(found.dialect, found, pinned=pinned, head=COMMA.encode())["basis"]["encoding"] == basis


@pytest.mark.parametrize(
    ("content", "known", "above", "pins"),
    [
        (COMMA, (), 0, {}),
        (COMMA, KNOWN, 0, {}),
        (TITLED, (), 0, {}),
        (TITLED, (), 0, {"preamble": 2}),
        (QUOTED, (), 0, {"quote": ""}),
        (QUOTED, (), 0, {"has_header": False}),
        (TWO_CONTROLS, KNOWN, 0, {}),
        (TWO_CONTROLS, KNOWN, 1, {}),
        (TWO_CONTROLS, (), 0, {"preamble": 1, "delimiter": ";"}),
        ('"id,name"\n"1,Ann"\n"2,Bob"\n', (), 0, {}),
        ('"id,name"\n"1,Ann"\n"2,Bob"\n', {"id": "id", "name": "name"}, 0, {}),
        ("full name\nMiller,Tom\nSmith,Ann\n", (), 0, {}),
        ("id,name\n1,Zoë\n".encode().decode(), (), 0, {"encoding": "utf-8"}),
    ],
)
def test_what_is_seen_before_an_upload_is_what_the_load_reads(tmp_path, content, known, above, pins):
    found, written = looked_at(content, known, above, **pins)
    seen = preview_head(content.encode(), whole=True, scratch=tmp_path, pinned=Pinned(**pins), known=known, above=above)
    assert (seen.dialect, seen.doubt, seen.written) == (found.dialect, found.doubt, written)


def test_the_columns_of_lines_in_quotes_are_seen_before_an_upload(tmp_path):
    seen = preview_head(b'"id,name"\n"1,Ann"\n"2,Bob"\n', whole=True, scratch=tmp_path)
    assert (seen.header, bool(seen.doubt)) == (("id", "name"), True)
