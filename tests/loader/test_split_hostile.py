"""Files made to be slow, large or wrong: each byte is read a few times, little is held, and the account is kept."""

import random
import sys
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.rejects import Reject
from ingest.loader.records import physical_lines
from ingest.loader.records.cutter import BLOCK
from ingest.loader.records.split import Certified, raw_records, split
from ingest.loader.source.dialect.dialect import Dialect
from tests.loader.read_oracle import read

KiB, MiB = 1 << 10, 1 << 20
HEADER = b"h,i,j\n"


def cut(tmp_path: Path, data: bytes, **options: int) -> tuple[Certified, Counter[str]]:
    codes: Counter[str] = Counter()

    def count(reject: Reject) -> None:
        codes[reject.code] += 1

    (tmp_path / "source").write_bytes(data)
    found = split(tmp_path / "source", Dialect(), scratch=tmp_path / "copy", reject=count, **options)
    return found, codes


def filled(pattern: bytes, size: int) -> bytes:
    return pattern * (size // len(pattern) + 1)


@pytest.fixture
def read_bytes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How many bytes each read of the file gave."""
    sizes: list[int] = []
    whole = physical_lines.PhysicalFile.read

    def counted(self: physical_lines.PhysicalFile, at: int, size: int) -> bytes:
        found = whole(self, at, size)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(physical_lines.PhysicalFile, "read", counted)
    return sizes


def hostile(size: int, block: int) -> dict[str, bytes]:
    """Files of about ``size`` bytes; ``block`` are read at once."""
    long = b"x\n" * (block * 5 // 8)
    return {
        "an open quote on every line": filled(b'a,"b,c\n', size),
        "quotes that open, close and open again on every line": filled(b'a",b,"c\n', size),
        "an open quote and nothing behind it": b'a,"b,c\n' + filled(b"a,b,c\n", size),
        "open quotes, then lines of one cell": filled(b'1,"', size // 2) + b"\n" + filled(b"x\n", size // 2),
        "open quotes far from each other": filled(b'a,"b,c\n' + b"a,b,c\n" * (size // 18), size),
        "quotes alone": filled(b'"', size),
        "a quote on every line": filled(b'"\n', size),
        "quotes and delimiters": filled(b'",', size),
        "delimiters alone": filled(b",", size),
        "spaces alone": filled(b" ", size),
        "spaces and quotes": filled(b' "', size),
        "line feeds alone": filled(b"\n", size),
        "carriage returns alone": filled(b"\r", size),
        "NUL bytes alone": filled(b"\0", size),
        "bytes that are not valid": filled(b"\xff,\xfe\n", size),
        "one line": filled(b"a", size),
        "one cell of lines": b'a,"' + filled(b"x\n", size) + b'",c\n',
        "one cell of quotes": b'a,"' + filled(b'""', size) + b'",c\n',
        "cells longer than what is read at once": filled(b'a,"' + long + b'",c\n', size),
        "broken cells longer than what is read at once": filled(b'a,"' + long + b'"!,c\n', size),
        "byte order marks": filled(b"\xef\xbb\xbfa,b,c\n", size),
        "marks of COPY": filled(b"\\.\n", size),
    }


@pytest.mark.parametrize("longest", [8 * MiB, 70_000])
@pytest.mark.parametrize("trouble", hostile(0, 0))
def test_every_byte_is_read_a_few_times_only(tmp_path, read_bytes, trouble, longest):
    data = hostile(MiB, BLOCK)[trouble]
    cut(tmp_path, HEADER + data, longest=longest)
    times = sum(read_bytes) / len(data)
    assert times < 6


DENSE = (b'"a\n', b'"a\nb",x"\n', b'"a\n"b"c\n', b'a, "b",c\n', b'a,b"c,d\n', b'a,"b\nc\n', b'a,"\nb",c"\n')
"""Lines of a few bytes, each of which has to be read with care."""


@pytest.mark.parametrize("data", [*hostile(30_000, 20_000).values(), *(filled(pattern, 30_000) for pattern in DENSE)])
def test_no_byte_takes_more_than_a_few_calls(tmp_path, data):
    (tmp_path / "source").write_bytes(HEADER + data)
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        split(tmp_path / "source", Dialect(), scratch=tmp_path / "copy", reject=lambda _: None)
    finally:
        sys.setprofile(None)
    assert calls < 8 * len(data)  # up to 6.4 when this was set, 17 before


@pytest.mark.parametrize("longest", [8 * MiB, 500])
@pytest.mark.parametrize("trouble", hostile(0, 0))
def test_the_account_of_a_hostile_file_is_that_of_the_oracle(tmp_path, trouble, longest):
    data = hostile(6_000, 256)[trouble]
    found, codes = cut(tmp_path, HEADER + data, longest=longest, block=256)
    expected = read(data, 3, line=2, longest=longest)
    assert found.records == len(expected.accepted)
    assert found.blank == expected.blank
    assert codes == Counter(code for _, code, _ in expected.rejected)


@pytest.mark.parametrize(
    "pattern",
    [
        b"a,b\n",
        b'a,"b"!,c\n',
        b"a,b\xff,c\n",
        b"a,b,c\n",
        b"a,b,c\r\n",
        b"\n",
        b'a, "b",c\n',
        b"a",
        b",",
        b'"',
        b'x"\n,"',
    ],
)
def test_memory_does_not_grow_with_the_file(tmp_path, pattern):
    def peak(size: int) -> int:
        (tmp_path / "source").write_bytes(HEADER + filled(pattern, size))
        dialect, codes = Dialect(), Counter[str]()
        tracemalloc.start()
        split(
            tmp_path / "source",
            dialect,
            scratch=tmp_path / "copy",
            reject=lambda one: codes.update([one.code]),
            longest=32 * KiB,
            block=8 * KiB,
        )
        _, found = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return found

    peak(64 * KiB)  # what is made once
    assert peak(512 * KiB) < peak(128 * KiB) + 64 * KiB


def test_a_clean_file_is_not_copied(tmp_path):
    found, _ = cut(tmp_path, b"\xef\xbb\xbf" + HEADER + b'1,"x\ny",\n' * 100_000)
    assert found.path == tmp_path / "source"
    assert not (tmp_path / "copy").exists()
    assert found.records == 100_000
    assert found.lines.line_of(99_999) == 2 + 2 * 99_999


def test_what_is_clean_before_the_first_flaw_is_copied_as_it_is(tmp_path):
    clean = filled(b'1,"x\ny",\n', 2 * MiB)
    found, codes = cut(tmp_path, HEADER + clean + b"1,2\n" + b'2, "y" ,3\r\n' + clean)
    assert found.path == tmp_path / "copy"
    assert found.path.read_bytes()[found.offset :] == clean + b'2,"y",3\n' + clean
    assert codes == {"missing_columns": 1}


def test_a_longer_file_of_everything_is_read_as_the_oracle_reads_it(tmp_path):
    dice = random.Random(20)
    pieces = (
        [b"a,b,c\n"] * 30 + [b'"a","b\nb",""\n'] * 9 + [b"a,b\n", b'a,"b"x,c\n', b'a,"b,c\n', b'a, "b",c\r\n', b"\n"]
    )
    pieces += [
        b"a,b\xff,c\n",
        b'a,b"b,c\r',
        b"a,\0,c\n",
        "é,ü,\n".encode(),
        b"," + b"x" * 5_000 + b",\n",
        b",,,\n",
        b'"\n',
    ]
    body = b"".join(dice.choices(pieces, k=8_000))
    for data in (body, body.replace(b"\n", b"\r\n"), body.replace(b"\n", b"\r")):
        rejects: list[Reject] = []
        (tmp_path / "source").write_bytes(HEADER + data)
        found = split(tmp_path / "source", Dialect(), scratch=tmp_path / "copy", reject=rejects.append)
        expected = read(data, 3, line=2)
        assert [(one.line, str(one.code), one.raw) for one in rejects] == expected.rejected
        assert [found.lines.line_of(n) for n in range(found.records)] == [line for line, _, _ in expected.accepted]
        some = sorted(dice.sample(range(found.records), 500))
        assert list(raw_records(found, some)) == [(n, expected.accepted[n][1]) for n in some]


def test_a_record_that_is_too_long_is_told_by_its_head(tmp_path):
    rejects: list[Reject] = []
    (tmp_path / "source").write_bytes(HEADER + b"1," + b"x" * MiB + b",3\n4,5,6\n")
    found = split(tmp_path / "source", Dialect(), scratch=tmp_path / "copy", reject=rejects.append, longest=200_000)
    assert found.records == 1
    assert found.lines.line_of(0) == 3
    assert [(one.code, one.line, len(one.raw)) for one in rejects] == [("too_long", 2, 65_536)]
    assert rejects[0].reason == (
        "The record is longer than 200,000 bytes, the longest allowed; its first 65,536 are kept."
    )


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"1", "The record has 1 cell; the header has 3."),
        (b"1,2,3,,", "The record has 5 cells; the header has 3."),
        (b'1,"2"3,4', "A closing quote is followed by text."),
        (
            b'1,"2',
            "A quote is not closed before the end of the file, or within 67,108,864 bytes, the longest record allowed.",
        ),
        (b"1,\xe92,3", "Byte 3 of the record, 0xE9, is not valid UTF-8."),
        (b"1,\0,3", "The record has a NUL byte, which PostgreSQL can't store in text."),
    ],
)
def test_a_reject_says_why(tmp_path, record, reason):
    rejects: list[Reject] = []
    (tmp_path / "source").write_bytes(HEADER + b"1,2,3\n" + record + b"\n")
    split(tmp_path / "source", Dialect(), scratch=tmp_path / "copy", reject=rejects.append)
    assert [(one.line, one.reason, one.raw) for one in rejects] == [(3, reason, record)]


def test_bytes_that_were_no_text_in_the_encoding_that_it_came_in_are_told_so(tmp_path):
    rejects: list[Reject] = []
    (tmp_path / "source").write_bytes(HEADER + b"1,\xff,3\n")
    split(tmp_path / "source", Dialect(encoding="cp932"), scratch=tmp_path / "copy", reject=rejects.append)
    assert rejects[0].reason == "The record has bytes that are not valid cp932."


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\xef\xbb\xbf", "no header and no records"),
        (filled(b"\r", 4 * MiB), "no header and no records"),
        (b",,\n \t,\n\n" * 20, "no header and no records"),
        (b",,\n" * 2_000, "its first 1,000 lines are blank"),
        (b'\n\na,"b\n1,2\n', "header, line 3, can't be read: a quote is not closed"),
        (b'a,"b"x\n1,2\n', "header, line 1, can't be read: a closing quote is followed by text"),
        (b"a,\xff\n1,2\n", "header, line 1, can't be read: byte 3 of the record"),
        (b"a,\0\n1,2\n", "header, line 1, can't be read: the record has a NUL byte"),
        (filled(b"a,", 64 * 1024) + b"a\n", "32,770 columns"),
    ],
    ids=[
        "byte order mark",
        "blank",
        "blank rows",
        "many blank rows",
        "open quote",
        "text behind a quote",
        "no text",
        "NUL",
        "too many columns",
    ],
)
def test_a_file_without_a_readable_header_fails(tmp_path, data, sentence):
    with pytest.raises(RunFailed, match=sentence):
        cut(tmp_path, data)


def test_a_file_without_header_has_as_many_columns_as_its_first_sound_record(tmp_path):
    (tmp_path / "source").write_bytes(b'\n"x"y\n1,2\n3\n4,5\n')
    rejects: list[Reject] = []
    dialect = Dialect(has_header=False)
    found = split(tmp_path / "source", dialect, scratch=tmp_path / "copy", reject=rejects.append)
    assert (found.header, found.records, found.blank) == (("", ""), 2, 1)
    assert [(one.line, str(one.code)) for one in rejects] == [(2, "bad_quote"), (4, "missing_columns")]
    assert [found.lines.line_of(n) for n in range(2)] == [3, 5]


def test_a_file_without_header_and_without_a_sound_record_fails_soon(tmp_path, read_bytes):
    (tmp_path / "source").write_bytes(filled(b'"x"y\n', 8 * MiB))
    with pytest.raises(RunFailed, match=r"The first records, line 1,000, can't be read"):
        split(tmp_path / "source", Dialect(has_header=False), scratch=tmp_path / "copy", reject=lambda _: None)
    assert len(read_bytes) < 10_000


def test_a_preamble_longer_than_the_file_leaves_no_header(tmp_path):
    (tmp_path / "source").write_bytes(b"a,b\r\n1,2\r\n")
    with pytest.raises(RunFailed, match="no header"):
        split(tmp_path / "source", Dialect(preamble=9), scratch=tmp_path / "copy", reject=lambda _: None)


@pytest.mark.parametrize("block", [1, 2, 3, 64, MiB])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_a_preamble_is_skipped_by_lines_whatever_ends_them(tmp_path, block, line_end):
    (tmp_path / "source").write_bytes(line_end.join([b"\xef\xbb\xbf# one", b'# "two', b"", b"a,b", b"1,2"]))
    found = split(
        tmp_path / "source", Dialect(preamble=3), scratch=tmp_path / "copy", reject=lambda _: None, block=block
    )
    assert (found.header, found.records, found.lines.line_of(0)) == (("a", "b"), 1, 5)


def test_progress_tells_the_bytes_read_up_to_the_whole_file(tmp_path):
    (tmp_path / "source").write_bytes(HEADER + filled(b"a,b,c\n", MiB))
    told: list[int] = []
    split(tmp_path / "source", Dialect(), scratch=tmp_path / "copy", reject=lambda _: None, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == (tmp_path / "source").stat().st_size
    assert len(told) > 3
