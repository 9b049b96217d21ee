"""Text of another format is refused by its content, prose by its name; what looks alike and is a table loads."""

import gzip
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source import formats
from ingest.loader.source.decompress import Limits
from ingest.loader.source.dialect.dialect import HEAD, Pinned, propose
from ingest.loader.source.formats import CSV, InputFormat, format_of
from ingest.loader.source.layout.grammar import BOM
from ingest.loader.source.prepare import encoding_of, unpack_to_csv
from ingest.loader.source.preview_head import preview_head
from ingest.loader.source.text_formats import refuse_format

PERSON = "ben.okoye"
OTHER_FORMATS = {
    "an object": ('{"id":1,"email":"ben.okoye@example.com"}', "is JSON"),
    "an array of objects": ('[{"id":1,"name":"ben.okoye"}]', "is JSON"),
    "an array of objects, written by hand": (' \r\n\ufeff[\n  {\n    "name" : "ben.okoye"', "is JSON"),
    "an object a line": ('{"a":1}\n{"a":2}\n', "is JSON"),
    "an array a line": ('["id","name"]\n[1,"ben.okoye"]\n', "is JSON"),
    "numbers": ("[1, 2, 3]", "is JSON"),
    "an empty object": ("{}", "is JSON"),
    "an empty array": ("[]\n", "is JSON"),
    "objects with commas behind": ('{"a":1},\n{"a":2},\n', "is JSON"),
    "a text sequence": ('\x1e{"a":1}\n\x1e{"a":2}\n', "is JSON"),
    "a broken object": ('{"a":"ben.okoye\n, and more', "is JSON"),
    "Python's dictionaries": ("{'a': 1}\n{'a': 2}\n", "is JSON"),
    "MongoDB's objects": ('{ _id: ObjectId("5f"), name: "ben.okoye" }\n', "is JSON"),
    "one long line": ("[" + ",".join(f'"name {n}"' for n in range(40_000)), "is JSON"),
    "a web page": ("\ufeff\n<HTML><body>ben.okoye", "is a web page or XML"),
    "XML without a declaration": ('<people>\n  <person name="ben.okoye"/>\n</people>', "is a web page or XML"),
    "XML in one line": ("<people><person>ben.okoye</person></people>", "is a web page or XML"),
    "a comment": ("<!-- made by -->\n<people/>", "is a web page or XML"),
    "a dump of PostgreSQL": ("--\n-- PostgreSQL database dump\n--\n\nSET a = 0;\n", "is SQL"),
    "a dump of MySQL": ("-- MySQL dump\n/*!40101 SET NAMES utf8 */;\nDROP TABLE IF EXISTS `x`;\n", "is SQL"),
    "statements": ("INSERT INTO people VALUES (1,'ben.okoye');\n", "is SQL"),
    "a transaction": ("BEGIN;\nCREATE TABLE x (a int);\n", "is SQL"),
    "YAML": ("---\nname: ben.okoye\nage: 3\n", "is YAML"),
    "settings": ("; made by\n[user]\nname = ben.okoye\n", "contains settings"),
    "TOML": ('[tool.x]\nname = "ben.okoye"\n', "contains settings"),
    "a contact": ("BEGIN:VCARD\r\nFN:ben.okoye\r\n", "is a vCard"),
    "a certificate": ("-----BEGIN CERTIFICATE-----\nabc\n", "is a key or a certificate"),
    "what Git LFS leaves": ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", "Git LFS pointer"),
}
TABLES = {
    "one column of e-mails": "email\na@b.c\nd@e.f\n",
    "one column of words": "name\nAda\nBen Okoye\n",
    "JSON in quoted cells": 'id,payload\n1,"{""a"":1}"\n2,"{""b"":2}"\n',
    "one column of JSON in quotes": 'payload\n"{""a"":1}"\n',
    "one column of JSON": 'payload\n{"a":1}\n{"a":2}\n',
    "JSON in bare cells without a header": '{"a":1},x\n{"a":2},y\n',
    "the same with semicolons": '{"a":1};x\n{"a":2};y\n',
    "the same with tabs": '{"a":1}\tx\n{"a":2}\ty\n',
    "headers in brackets": "[id],[name]\n1,a\n",
    "years in brackets": "[2020],[2021]\n1,2\n",
    "one header in brackets": "[2020]\n5\n6\n",
    "headers in angle brackets": "<DATE>,<TIME>,<OPEN>\n2020-01-01,10:00,5\n",
    "the same between tabs": "<DATE>\t<TIME>\n2020\t10\n",
    "one header in angle brackets": "<CLOSE>\n5.1\n5.2\n",
    "identifiers in braces": "{3F2504E0-4F89-41D3-9A0C-0305E82C3301},x\n{3F2504E0-4F89-41D3-9A0C-0305E82C3302},y\n",
    "words of SQL in headers": "Use case;Priority\nLogin;1\n",
    "begin and end": "begin;end\n1;2\n",
    "a date of creation": "Create date,Name\n2020-01-01,a\n",
    "a set": "Set name,Price\nA=1,2\n",
    "a selection": "Select name,From date\na,2020-01-01\n",
}
TEXTS = {
    "a letter": "Dear Sir,\n\nthank you for your letter.\nben.okoye",
    "a greeting": "Hello, world\n",
    "words": "Hello world\nSecond line\n",
    "two sentences with a comma each": "We met, and talked\nI left, he stayed\n",
    "a sentence": "one, two.\n",
    "one column": "email\nben.okoye@example.com\n",
    "numbers alone": "1\n2\n3\n",
    "a log": "2024-01-01 10:00:00 ERROR x failed\n2024-01-01 10:00:01 INFO y, z: started; ok\n",
    "lines of any width": "id;name\n1\n1;2;3\n4\n",
}
TABLES_IN_TEXTS = {
    "tabs": "id\tname\n1\tAda\n",
    "semicolons": "id;name\n1;Ada\n2;Ben\n",
    "bars": "id|name\n1|Ada\n",
    "commas": "stop_id,stop_name\nS1,Oslo\n",
    "a header alone": "stop_id,stop_name\n",
    "spaces behind the commas": "id, first name\n1, Ada\n2, Ben\n3, Cy\n4, Di\n",
    "one bad line in twenty": "id;name\n" + "1;Ada\n" * 19 + "2\n",
}
TEXT_NAMES = ("notes.txt", "d/a.b/NOTES.TXT.gz", "x.log", "x.json", "x.ndjson.zst", "x.yaml")


@pytest.mark.parametrize("name", ["people.csv", "people.json", "people", "people.txt"])
@pytest.mark.parametrize("what", OTHER_FORMATS)
def test_text_of_another_format_is_refused_whatever_its_name(what: str, name: str) -> None:
    text, said = OTHER_FORMATS[what]
    with pytest.raises(RunFailed, match=said) as refused:
        propose(text.encode()[:HEAD], name=name)
    assert PERSON not in str(refused.value)


@pytest.mark.parametrize("what", TABLES)
def test_a_table_that_looks_like_another_format_is_read(what: str) -> None:
    assert propose(TABLES[what].encode(), name="people.csv").delimiter in ",;\t"


@pytest.mark.parametrize("name", TEXT_NAMES)
@pytest.mark.parametrize("what", TEXTS)
def test_a_text_that_holds_no_clear_table_is_refused(what: str, name: str) -> None:
    with pytest.raises(RunFailed, match=r"plain text, not a table.*Save it as a CSV file") as refused:
        propose(TEXTS[what].encode(), name=name)
    assert PERSON not in str(refused.value)


@pytest.mark.parametrize("name", TEXT_NAMES)
@pytest.mark.parametrize("what", TABLES_IN_TEXTS)
def test_a_table_in_a_text_is_read(what: str, name: str) -> None:
    assert propose(TABLES_IN_TEXTS[what].encode(), name=name)


def test_a_list_in_a_text_is_read_once_its_dataset_knows_the_header_or_its_delimiter_is_pinned() -> None:
    text = TEXTS["one column"].encode()
    assert propose(text, name="people.txt", known={"email": "email"})
    assert propose(text, name="people.txt", pinned=Pinned(delimiter=","))


HOSTILE = (
    *("[" * HEAD, "{" * HEAD, "[1," * HEAD, '["' + "\\" * HEAD),
    *("<a>" + "\n" * HEAD, "copy " + " " * HEAD, "set " + " " * HEAD, "--" * HEAD, "/*" * HEAD),
    *("[a]\n" + " " * HEAD, "[a]\n" + "a " * HEAD, "---\n" + " #\n" * HEAD),
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_head_is_judged_at_once(text: str) -> None:
    """A pattern that goes back over what it has read would take minutes, or days."""
    with suppress(RunFailed):
        refuse_format(text.encode()[:HEAD])


# A format beside CSV


def _convert(source: Path, target: Path) -> None:
    with zipfile.ZipFile(source) as archive:
        target.write_bytes(BOM + archive.read("table").replace(b"|", b","))


ZIPPED_TABLE = InputFormat(name="Zipped table", recognizes=lambda head: head[30:35] == b"table", convert=_convert)


@pytest.fixture
def zipped_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of a format that is a zip archive, as a workbook is, with that format among those that are loaded."""
    monkeypatch.setattr(formats, "INPUT_FORMATS", (ZIPPED_TABLE, CSV))
    source = tmp_path / "source"
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr("table", "id|name\n1|Zoë\n")
    return source


@pytest.mark.parametrize("is_compressed", [False, True])
def test_a_file_in_an_added_format_is_converted_to_csv(zipped_table: Path, is_compressed: bool) -> None:
    if is_compressed:
        zipped_table.write_bytes(gzip.compress(zipped_table.read_bytes()))
    path, compression = unpack_to_csv(zipped_table, zipped_table.parent, limits=Limits())
    assert path.read_bytes() == BOM + "id,name\n1,Zoë\n".encode()
    assert compression == ("gzip" if is_compressed else None)
    assert encoding_of(path, pinned="cp1252").encoding == "utf-8"
    assert list(zipped_table.parent.iterdir()) == [path]


def test_the_head_of_a_file_in_an_added_format_shows_no_dialect(zipped_table: Path) -> None:
    for head in (zipped_table.read_bytes(), gzip.compress(zipped_table.read_bytes())):
        assert preview_head(head, whole=True, scratch=zipped_table.parent).dialect is None


def test_csv_that_is_not_compressed_stays_where_it_is(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"id\n1\n")
    assert unpack_to_csv(source, tmp_path, limits=Limits()) == (source, None)
    assert format_of(b"id\n1\n") is CSV
