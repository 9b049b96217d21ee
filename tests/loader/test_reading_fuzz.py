"""Any bytes at all: they are refused with a sentence, or every record of them has exactly one fate."""

import bz2
import gzip
import lzma
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.rejects import Reject
from ingest.loader.records.split import Certified, split
from ingest.loader.source.decompress import Limits, unpack
from ingest.loader.source.dialect.dialect import HEAD, Dialect, propose
from ingest.loader.source.encoding.transcode import detect, transcode
from ingest.loader.source.layout.grammar import BOM
from tests.loader.read_oracle import Text, read

GOOD = [
    b"id,name,note\n" + b"".join(b'%d,name %d,"a ""note"", of %d"\n' % (n, n, n) for n in range(30)),
    b"\xef\xbb\xbfid;name\r\n" + b"".join(b'%d;"line\r\nline %d"\r\n' % (n, n) for n in range(30)),
    b"# a comment\n\nid\tname\n" + b"".join(b"%d\tna'me %d\n" % (n, n) for n in range(30)),
    b"id|name\n" + b"".join(b'%d|"a \\"name\\" | %d"\n' % (n, n) for n in range(30)),
    "id,name\r1,Åsa\r2,Łukasz\r3,Ωmega\r".encode() * 5,
    "id;name\n1;Jörg\n2;José\n3;Zoë\n".encode("cp1252") * 5,
    "id;name\n1;Jörg\n2;José\n3;Zoë\n".encode("utf-16") * 2,
    b"only\n\n" + b'""\n"x"\n \\.\n' * 10,
    b"1,2020-01-01\n2,2021-01-01\n" * 5,
]


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """``whole`` with some bits flipped, bytes put in or taken out, perhaps cut."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(content)))
        kind = draw(st.sampled_from(["flip", "insert", "delete", "cut", "double"]))
        if kind == "flip" and at < len(content):
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "insert":
            content[at:at] = draw(st.one_of(st.binary(max_size=4), st.sampled_from([b'"', b"\r", b"\n", b'",', b"\0"])))
        elif kind == "delete":
            del content[at : at + draw(st.integers(1, 30))]
        elif kind == "cut" and draw(st.integers(0, 3)) == 0:
            del content[at:]
        elif kind == "double":
            content[at:at] = content[at : at + draw(st.integers(1, 60))]
    return bytes(content)


def read_file(folder: Path, content: bytes, **options: int) -> tuple[bytes, Certified, list[Reject]]:
    """The way of a file from the bucket's bytes to its records: the text as UTF-8, and what became of it."""
    packed, plain, text = folder / "packed", folder / "plain", folder / "text"
    packed.write_bytes(content)
    path = plain if unpack(packed, plain, limits=Limits(size=1 << 24)) else packed
    encoding = detect(path)
    if encoding != "utf-8":
        transcode(path, text, encoding)
        path = text
    data = path.read_bytes().removesuffix(b"\x1a")
    dialect = propose(data[:HEAD], encoding=encoding)
    rejects: list[Reject] = []
    return data, split(path, dialect, scratch=folder / "copy", reject=rejects.append, **options), rejects


def behind_header(data: bytes, dialect: Dialect) -> tuple[bytes, int]:
    """The bytes behind the header, and the line on which they start."""
    text = Text(data, 0, None, None)
    at, line = 0, 1
    while data.startswith(BOM, at):
        at += len(BOM)
    for _ in range(dialect.preamble):
        at = text.first_line_end(at)
        at, line = at + text.line_end(at), line + 1
    if not dialect.has_header:
        return data[at:], line
    while size := text.line_end(at):  # blank lines before the header
        at, line = at + size, line + 1
    marks = (mark.encode() for mark in (dialect.delimiter, dialect.quote, dialect.escape))
    header = next(raw for raw in _records(data[at:], *marks))
    behind = at + len(header)
    behind += text.line_end(behind)
    line += text.lines(at, behind)
    for _ in range(dialect.below):
        behind = text.first_line_end(behind)
        behind, line = behind + text.line_end(behind), line + 1
    return data[behind:], line


def _records(data: bytes, delimiter: bytes, quote: bytes, escape: bytes):
    for columns in range(1, 2000):
        account = read(data, columns, delimiter=delimiter, quote=quote, escape=escape)
        if account.accepted and account.accepted[0][0] == 1:
            yield account.accepted[0][1]


def check_account(folder: Path, content: bytes, **options: int) -> None:
    try:
        data, found, rejects = read_file(folder, content, **options)
    except RunFailed as refused:
        sentence = str(refused)
        if not sentence.endswith(".") or "\n" in sentence:
            raise AssertionError(f"no sentence for an operator: {sentence!r}") from refused
        return
    dialect = found.source_dialect
    body, line = behind_header(data, dialect)
    marks = {"delimiter": dialect.delimiter, "quote": dialect.quote, "escape": dialect.escape}
    if dialect.spaced or dialect.wrapped or dialect.row_names or dialect.unnamed or dialect.end:
        return  # the oracle knows none of these
    expected = read(
        body,
        len(found.header),
        line=line,
        trailing=dialect.trailing,
        header=found.header if dialect.has_header else (),
        **{name: mark.encode() for name, mark in marks.items()},
    )
    assert found.records == len(expected.accepted)
    assert found.blank == expected.blank
    assert [(one.line, str(one.code), one.raw) for one in rejects] == expected.rejected
    assert [found.lines.line_of(n) for n in range(found.records)] == [line for line, _, _ in expected.accepted]


@settings(max_examples=300)
@given(content=st.one_of(map(damaged, GOOD)), block=st.sampled_from([7, 64, 1 << 18]))
def test_damaged_files_keep_their_account(tmp_path_factory, content, block):
    check_account(tmp_path_factory.mktemp("fuzz"), content, block=block)


@settings(max_examples=200)
@example(content=b";\r ")
@given(
    content=st.one_of(st.binary(max_size=400), st.text(alphabet="ab1,;\"\t|\r\n\\' #é€", max_size=400).map(str.encode))
)
def test_random_bytes_keep_their_account(tmp_path_factory, content):
    check_account(tmp_path_factory.mktemp("fuzz"), content)


@settings(max_examples=150)
@given(content=st.one_of(damaged(pack(GOOD[0])) for pack in (gzip.compress, bz2.compress, lzma.compress)))
def test_damaged_archives_are_refused(tmp_path_factory, content):
    check_account(tmp_path_factory.mktemp("fuzz"), content)


@pytest.mark.parametrize("whole", GOOD)
def test_a_file_cut_at_any_byte_keeps_its_account(tmp_path, whole):
    for end in range(min(len(whole), 160)):
        check_account(tmp_path, whole[:end])
