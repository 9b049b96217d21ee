"""A long file that DuckDB reads in parts gives what it gives in one piece, and takes no more memory."""

import itertools
import random
from pathlib import Path

import pytest

from ingest.loader.records import canonical, parts, reading
from ingest.loader.records.parts import Feed
from ingest.loader.records.reading import CertifiedReader
from ingest.loader.records.split import Certified, split
from ingest.loader.source.dialect.dialect import Dialect

BLOCK = 64
"""Bytes read at a time, so that a file of some kilobytes has parts."""
CELLS = ("", '""', "x", '"a ""b"""', '"two\nlines"', '"two\r\nlines"', "é" * 9, '"' + ";," * 20 + '"')


def split_in_parts(path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch, *, part: int = 1) -> Certified:
    monkeypatch.setattr(canonical, "PART", part)
    path.write_bytes(content)
    scratch = path.with_suffix(".certified")
    return split(path, Dialect(), scratch=scratch, reject=lambda _: None, block=BLOCK)


def file_of(random_: random.Random, *, header: str, line_end: str, odd: float) -> bytes:
    lines = [header]
    for number in range(400):
        cells = [str(number), *(random_.choice(CELLS) for _ in range(2))]
        lines.append(",".join(cells) if random_.random() >= odd else random_.choice(("1,2", '"open', "1,2,3,4", "")))
    return line_end.join(lines).encode() + random_.choice((b"", line_end.encode()))


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("header", ["a,b,c", "\ufeffa,b,c", '"a\nb","b ""x""",c'])
@pytest.mark.parametrize("odd", [0, 0.01])
def test_parts_give_the_records_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line_end: str, header: str, odd: float
) -> None:
    random_ = random.Random(f"{line_end}{header}{odd}")
    content = file_of(random_, header=header, line_end=line_end, odd=odd)
    cut = split_in_parts(tmp_path / "cut", content, monkeypatch)
    whole = split_in_parts(tmp_path / "whole", content, monkeypatch, part=len(content))
    assert cut.path.read_bytes() == whole.path.read_bytes()
    assert len(cut.cuts) > 20
    assert not whole.cuts
    found = []
    for certified in (cut, whole):
        with CertifiedReader(certified) as read:
            found.append(read.rows(f"select * from {read.records}"))
            assert list(read.stream(f"select * from {read.records}")) == found[-1]
            with read.emit(f"select * from {read.records}") as emission:
                emitted = b"".join(iter(lambda: emission.read(1000), b""))
            assert emission.rows == len(found[-1])
            assert emitted.startswith(b'"0","0",')
            read.check(len(found[-1]))
    assert found[0] == found[1]


def test_a_stream_that_is_not_read_to_its_end_lets_the_next_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = b"".join(b"%d,%s\n" % (number, b"x" * 500) for number in range(20_000))
    certified = split_in_parts(tmp_path / "file", b"a,b\n" + rows, monkeypatch, part=1 << 20)
    with CertifiedReader(certified) as read:
        stream = read.stream(f"select r from {read.records}")
        assert list(itertools.islice(stream, 3)) == [(0,), (1,), (2,)]
        stream.close()
        assert read.rows(f"select count(*) from {read.records}") == [(20_000,)]


def test_more_values_with_doubled_quotes_than_memory_holds_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DuckDB keeps them all until its file ends."""
    monkeypatch.setattr(reading, "_MEMORY", 96 << 20)
    monkeypatch.setattr(canonical, "PART", 16 << 20)
    row = b'1,"%s""%s"\n' % (b"a" * 400, b"b" * 400)
    path, records = tmp_path / "file", 130_000
    path.write_bytes(b"a,b\n" + row * records)
    certified = split(path, Dialect(), scratch=tmp_path / "certified", reject=lambda _: None)
    with CertifiedReader(certified) as read:
        assert read.rows(f"select count(b) from (select c1 as b from {read.records})") == [(records,)]


def test_a_feed_has_no_more_pipes_than_a_process_may_open(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"h\n" + b"x\n" * 100_000)
    feed = Feed(path, 2, range(4, 200_002, 2))
    assert len(feed.paths) <= parts._MOST
    read = [Path(part).read_bytes() for part in feed.paths]
    feed.close()
    assert all(part.startswith(b"h\nx\n") for part in read)
    assert sum(part.count(b"x\n") for part in read) == 100_000
