"""What is proposed from the head of a file."""

import pytest

from ingest.loader.dialect import Dialect, Pinned, propose
from ingest.loader.errors import RunFailed


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
