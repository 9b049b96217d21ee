"""What is proposed from the head of a file."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.dialect.dialect import Dialect, Pinned, examine, propose


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_it_finds_the_delimiter(delimiter):
    rows = ["id name price", "1 Ada 1.5", "2 Grace 2.5"]
    assert propose("\n".join(rows).replace(" ", delimiter).encode()) == Dialect(delimiter=delimiter)


def test_commas_in_text_do_not_hide_a_semicolon():
    assert propose(b'name;price\n"Smith, John";1,5\nLee, Ann;2,25\n').delimiter == ";"


def test_a_file_of_one_column_is_a_comma_file():
    assert propose(b"name\nAda\nGrace\n").delimiter == ","


def test_a_delimiter_in_a_quoted_line_end_is_text():
    assert propose(b'a,b\n"x;y\n;;;;\n",2\n"p;q\n;;;;\n",3\n').delimiter == ","


def test_a_byte_order_mark_changes_nothing():
    assert propose(b"\xef\xbb\xbfa;b\n1;2\n") == Dialect(delimiter=";")


def test_it_counts_the_comments_and_blank_lines_before_the_header():
    assert propose(b"# made by hand\r\n\r\n# twice\r\na,b\r\n1,2\r\n").preamble == 3


def test_what_is_pinned_is_not_looked_for():
    pinned = Pinned(delimiter=":", quote="'", escape="\\", preamble=1, has_header=False)
    expected = Dialect(delimiter=":", quote="'", escape="\\", preamble=1, has_header=False)
    assert propose(b"a,b\n1,2\n", pinned=pinned) == expected


@pytest.mark.parametrize(
    ("head", "sentence"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "PNG image"),
        (b"PK\x03\x04\x14\0\x06\0", "Excel"),
        (b"PAR1\x15\x04\x15\0", "Parquet"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\0", "PDF"),
        (b"<!DOCTYPE html><html><body>Not found", "web page"),
        (bytes(range(256)) * 8, "binary"),
        ("a,b\n1,Käse\n2,Brötchen\n3,Süß\n".encode("latin-1"), "UTF-8"),
    ],
)
def test_it_says_what_a_file_is_that_is_no_csv(head, sentence):
    with pytest.raises(RunFailed, match=sentence):
        propose(head)


def test_a_header_that_begins_like_a_magic_number_is_text():
    assert propose(b"PAR1,ORC\n1,2\n") == Dialect()
    assert propose(b"ORC,b\n1,2\n") == Dialect()


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"a;b\n1,5;2,5\n3,25;4,75\n", Dialect(delimiter=";")),
        (b"a\tb,c\n1\t2\n3\t4\n", Dialect(delimiter="\t")),
        (b"a|b\nx, y, z|1\np, q, r|2\n", Dialect(delimiter="|")),
        (b"a;b;c\n" + b"1,5;2,5;3,5\n" * 400, Dialect(delimiter=";")),
        (b"sep=;\r\na;b\r\n1;2\r\n", Dialect(delimiter=";", preamble=1)),
        (b"sep=|\na,b|c,d\n1,2|3,4\n", Dialect(delimiter="|", preamble=1)),
        (b"remark\nhello, world\nbye, all\nyes\n", Dialect(delimiter=";")),
        (b"id,name\n" + b"5\n" * 20, Dialect()),
        (b"remark\nhello, world\na;b\nc\td\ne|f\n", Dialect()),
    ],
)
def test_it_finds_the_delimiter_that_makes_a_table(head, expected):
    assert propose(head) == expected


@pytest.mark.parametrize(
    ("head", "quote", "escape"),
    [
        (b'a,b\n1,"say ""x"", y"\n2,"z"\n', '"', '"'),
        (b'a,b\n1,"say \\"x\\", y"\n2,"z, \\"w\\""\n', '"', "\\"),
        (b"a,b\n1,'x, y'\n2,'z, w'\n", "'", "'"),
        (b"a,b\n1,'x'\n2,'z'\n", "'", "'"),
        (b"a,b\n1,'x\\', y'\n2,'z, \\'w'\n", "'", "\\"),
        (b"a,b\n1,'tis\n2,O'Neil\n", '"', '"'),
        (b'a,b\n1,"C:\\"\n2,D:\\\n', '"', '"'),
    ],
)
def test_it_finds_the_quotes_and_their_escape(head, quote, escape):
    found = propose(head)
    assert (found.delimiter, found.quote, found.escape) == (",", quote, escape)


@pytest.mark.parametrize(
    "head",
    [
        b"Sales of the year\n\nid,name\n1,Ada\n2,Grace\n",
        b"Sales of the year\nby region\nid,name\n1,Ada\n2,Grace\n",
        b"\xef\xbb\xbf# made\n# by hand\nid,name\n1,Ada\n2,Grace\n",
        b"\n  \nid,name\n1,Ada\n2,Grace\n",
    ],
)
def test_titles_comments_and_blank_lines_are_no_header(head):
    assert propose(head) == Dialect(preamble=2)


def test_one_word_above_rows_of_numbers_is_unclear():
    found = examine(b"x\n1,5\n2,6\n")
    assert "a title, or a header" in found.doubt
    assert {(one.delimiter, one.preamble) for one in found.dialects} == {(";", 0), (",", 0), (",", 1)}


def test_a_header_can_begin_with_a_hash():
    assert propose(b"#id,name\n1,Ada\n2,Grace\n") == Dialect(commented=True)
    assert propose(b"# by hand\n#id,name\n1,Ada\n2,Grace\n") == Dialect(preamble=1, commented=True)


@pytest.mark.parametrize(
    ("head", "preamble", "below"),
    [
        (b"#id,name\n# made by hand\n1,Ada\n2,Grace\n", 0, 1),
        (b"#id,name\n# -, text\n\n1,Ada\n2,Grace\n", 0, 2),
        (b"# time,speed\n# s,m/s\n1,2.5\n2,7.25\n", 0, 1),
        (b"# of Ada, by hand\n#id,name\n# made: once, twice\n1,Ada\n2,Grace\n", 1, 1),
        (b"##format=4\n##by=a,b\n#id,name\n1,Ada\n2,Grace\n", 2, 0),
        (b"#country,1960,1961\n# two years\nA,5,6\nB,7,8\n", 0, 1),
        (b"#Name,City\nAda,London\nGrace,Oslo\n", 0, 0),
        (b"#First name,City\n# twice, by hand\nAda,London\nGrace,Oslo\n", 0, 1),
        (b"# name,city\n#\nAda,London\nGrace,Oslo\n", 0, 1),
        (b"#id,name\n#1,Ada\n2,Grace\n3,Alan\n", 0, 1),
        (b"#id,name\n1,\n2,Grace\n3,Alan\n", 0, 0),
    ],
)
def test_a_header_is_found_among_comments(head, preamble, below):
    assert propose(head) == Dialect(preamble=preamble, commented=True, below=below)


@pytest.mark.parametrize(
    ("head", "preamble"),
    [
        (b"# made of a,b\nid,name\n1,Ada\n2,Grace\n", 1),
        (b"#a,b\nid,name\n1,Ada\n2,Grace\n", 1),
        (b"# Source: Ada, Grace\nName,City\nAda,London\nGrace,Oslo\n", 1),
        (b"#a,b\nname,city\nAda,London\nGrace,Oslo\n", 1),
        (b"#a,b,c\nName,City\nAda,London\nGrace,Oslo\n", 1),
        (b"#a,a\nName,City\nAda,London\nGrace,Oslo\n", 1),
    ],
)
def test_a_comment_over_a_header_is_none(head, preamble):
    assert propose(head) == Dialect(preamble=preamble)


def test_a_known_header_is_found_among_comments_and_below_them():
    assert propose(b"#x,y\nName,City\nAda,Oslo\n", known=("Name", "City")) == Dialect(preamble=1)
    assert propose(b"# x, y\n# Name of, City\nAda,Oslo\n", known=("Name of", "City")).preamble == 1


@pytest.mark.parametrize(
    ("head", "preamble"),
    [
        (b"Contacts\n\nName,City\nAda,London\nGrace,Oslo\n", 2),
        (b"Contacts of 2024\nName,City\nAda,London\nGrace,Oslo\n", 1),
        (b"Contacts\nname,city\nAda,London\nGrace,Oslo\n", 1),
        (b"Contacts\nby Ada\nName,Mail\nAda,a@x\nGrace,g@x\n", 2),
    ],
)
def test_a_title_over_text_shows_by_what_is_beneath_it(head, preamble):
    assert propose(head) == Dialect(preamble=preamble)


@pytest.mark.parametrize(
    "head",
    [
        b"name\nAda,London\nGrace,Oslo\nAlan,Bath\n",
        b"remark\nhello, world\nbye, all\nso, long\n",
        b"remark of the day\nhello, world\nbye, all\nso, long\n",
        b"full name\nAda,London\nGrace,Oslo\nAlan,London\n",
    ],
)
def test_one_cell_over_records_of_text_is_no_title(head):
    assert propose(head).preamble == 0


@pytest.mark.parametrize(
    "head",
    [
        b"1,Ada\n2,Grace\n3,Alan\n",
        b"Ada,2020-01-01\nGrace,2021-02-03\n",
        b"7,1.5\n7.5,2\n",
        b"true,x\nfalse,y\n",
        b"1,x\n2,\n,y\n",
        b"5\n7\n6\n",
    ],
)
def test_a_first_record_like_those_below_is_no_header(head):
    assert not propose(head).has_header


@pytest.mark.parametrize(
    "head",
    [
        b"id,name\n1,Ada\n2,Grace\n",
        b"name,city\nAda,London\nGrace,New York\n",
        b"1,name\nx,Ada\ny,Grace\n",
        b"1,\n2,x\n",
        b"1,2\n",
        b"id,2020-01-01\n1,5\n2,6\n",
        b"country,1960,1961,1962\nA,5,6,7\nB,7,8,9\n",
        b"a,b\n",
        b"1,2\nx,y\n",
    ],
)
def test_a_first_record_unlike_those_below_is_a_header(head):
    assert propose(head).has_header


def test_a_header_of_numbers_that_the_dataset_knows_is_one():
    head = b"2019,2021\n5,6\n7,8\n"
    assert not propose(head).has_header
    assert propose(head, known=("2019", "2021")).has_header


def test_null_tokens_do_not_make_a_column_text():
    head = b"1,Ada\nNA,Grace\n3,Alan\n"
    assert propose(head).has_header
    assert not propose(head, null_tokens=("NA",)).has_header


@pytest.mark.parametrize(
    "pinned",
    [
        *(Pinned(delimiter=mark) for mark in ("ab", "a", '"', "\n", "§", "", "\\")),
        *(Pinned(quote=mark) for mark in ("''", "x", "€")),
        *(Pinned(escape=mark) for mark in ("\n", "ab")),
        Pinned(delimiter="|", quote="|"),
    ],
)
def test_what_cannot_be_pinned_fails_the_run(pinned):
    with pytest.raises(RunFailed, match="set on the dataset can't be used"):
        propose(b"a,b\n1,2\n", pinned=pinned)


@settings(max_examples=300)
@given(
    head=st.one_of(st.binary(max_size=300), st.text(alphabet="ab1.,;|\t\"'\\\n\r #=é", max_size=300).map(str.encode))
)
def test_anything_is_proposed_for_or_refused(head):
    try:
        found = propose(head)
    except RunFailed:
        return
    assert found.delimiter in {*",;\t| ~^:"} or b"sep=" in head.lower()
    assert found.preamble <= head.count(b"\n") + head.count(b"\r") + 1


@pytest.mark.parametrize(
    ("content", "has_header"),
    [
        (b"state,2022\nAlabama,-29.5\nAlaska,-14.6\n", True),
        (b"name,2020,2021\na,1,2\n", True),
        (b"Alabama,2022\nTexas,2021\n", False),
        (b"a,1\nb,2\n", False),
    ],
)
def test_years_head_columns_of_other_values(content: bytes, has_header: bool) -> None:
    assert propose(content).has_header is has_header


@pytest.mark.parametrize(
    "content",
    [
        b"id,a\n1,x\n2,\0\n3,z\n",
        b"id,a\n1,x\n" + bytes(4096),
        b"k,ctrl\nr0,\x01\nr1,\x1f\n",
        b"\xef\xbb\xbfid,a\n1,x\n2,\xed\xa0\x80\n3,\xc0\xaf\n4,\xf4\x90\x80\x80\n",
    ],
)
def test_stray_bytes_are_for_their_records_to_answer(content: bytes) -> None:
    assert propose(content).delimiter == ","
