"""What a stranger's file costs grows with its size, and no faster: by counted work, at n and at 2 n."""

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.records.split import split
from ingest.loader.source import preview_head as module
from ingest.loader.source.decompress import peek
from ingest.loader.source.dialect.dialect import HEAD, examine, propose
from ingest.loader.source.encoding.legacy import rank
from ingest.loader.source.identifiers import LONGEST, columns_of
from ingest.loader.source.preview_head import HeadPreview, preview_head
from tests.loader.work import CountedMap, lines_run

LIMIT = "more than the 1,597 that a table can have. Split the file, or check its delimiter."

HEADERS: dict[str, Callable[[int], list[str]]] = {
    "all different": lambda n: [f"header {at}" for at in range(n)],
    "all the same": lambda n: ["a"] * n,
    "all empty": lambda n: [""] * n,
    "folding to the same": lambda n: [
        f"a{'!' * (at % 9)}{'?' * (at // 9 % 9)}{' .'[at % 2] * (at // 81)}b" for at in range(n)
    ],
    "cut to the same": lambda n: [f"{'x' * LONGEST}{at}" for at in range(n)],
    "cut within a number": lambda n: [f"{'é' * 30}{at % 50}" + "ñ" * (at // 50 % 2) for at in range(n)],
    "numbered already": lambda n: [f"a_{at + 2}" for at in range(n // 2)] + ["a"] * (n // 2),
    "known in another case": lambda n: [f"KNOWN {at}" for at in range(n)],
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
def test_names_are_made_in_time_linear_in_their_number(headers: Callable[[int], list[str]]) -> None:
    known = CountedMap({f"known {at}": f"known_{at}" for at in range(1_000)})
    few, many = (lines_run(lambda n=n: columns_of(headers(n), known)) for n in (1_000, 2_000))
    assert many < 2.5 * few
    assert known.visited < 20 * len(known)


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
def test_names_made_of_many_headers_are_all_different_and_short_enough(headers: Callable[[int], list[str]]) -> None:
    columns, known = columns_of(headers(3_000), {})
    assert len({*columns}) == len(columns) == 3_000
    assert all(len(column.encode()) <= LONGEST for column in columns)
    assert columns_of(headers(3_000), known)[0] == columns


def test_a_header_of_millions_of_combining_marks_is_named() -> None:
    marks = "\u0301\u0316" * (1 << 19)  # sorting them, a normalization takes the square: hours
    (column,), _ = columns_of([f"a{marks}"], {})
    assert column.startswith("\u00e1\u0316")
    assert 1 < len(column.encode()) <= LONGEST


def test_a_word_of_millions_of_letters_is_judged() -> None:
    assert rank(b"caf\xe9," + b"a" * (1 << 22))[0].encoding == "cp1252"  # by each letter anew: days
    assert rank(b"caf\xe9" * (1 << 20))[0].bits < 50_000


def look(head: bytes, tmp_path: Path) -> HeadPreview:
    """What a head shows of a file that goes on behind it."""
    return preview_head(head, whole=False, scratch=tmp_path)


def zipped(content: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.csv", content)
    return target.getvalue()


PACKERS = {"bz2": bz2.compress, "gzip": gzip.compress, "xz": lzma.compress, "zip": zipped}


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
@pytest.mark.parametrize("columns", [2_000, 20_000, 500_000])
def test_a_packed_head_of_too_many_columns_is_refused_for_them_before_they_are_named(
    pack, columns, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "_header", None)
    with pytest.raises(RunFailed, match=LIMIT):
        look(pack((b"," * columns + b"\n") * 2), tmp_path)


@pytest.mark.parametrize("header", [b",", b"1,", b"a b,", b'"a,b",'], ids=["empty", "number", "text", "quoted"])
@pytest.mark.parametrize("above", [b"", b"# a comment\n", b"\n\n"], ids=["nothing", "comment", "blank"])
def test_a_load_refuses_too_many_columns_by_the_same_sentence(header, above, tmp_path):
    content = above + (header * 20_000 + b"\n") * 2
    source = tmp_path / "source"
    source.write_bytes(content)
    with pytest.raises(RunFailed, match=f"The header has 20,00[01] columns, {LIMIT}"):
        split(source, propose(content[:HEAD]), scratch=tmp_path / "scratch", reject=lambda _: None)


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_a_packed_head_is_unpacked_no_further_than_a_plain_one_is_looked_at(pack, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(module, "examine", lambda text, **_: seen.append(len(text)) or examine(text))
    look(pack(b"id,name\n" + b"1,Ada\n" * (4 << 20))[: 1 << 16], tmp_path)
    assert 0 < max(seen) <= 1 << 16


@pytest.mark.parametrize(
    "archive", [bz2.compress(b""), gzip.compress(b""), lzma.compress(b"")], ids=["bz2", "gzip", "xz"]
)
def test_a_head_of_many_empty_archives_is_not_gone_through(archive):
    few, many = (lines_run(lambda n=n: peek(archive * n)) for n in (500, 1_000))
    assert many == few


HEADS: dict[str, Callable[[int], bytes]] = {
    "columns": lambda n: (b"," * (n // 2) + b"\n") * 2,
    "columns of numbers": lambda n: (b"1," * 1_500 + b"\n") * (n // 3_000),
    "commented headers": lambda n: b"#a,b\n" * (n // 10) + b"1,c\n" * (n // 8),
    "commented headers of years": lambda n: b"#2001,b\n" * (n // 16) + b"2001,c\n" * (n // 14),
    "wide commented headers": lambda n: (b"#" + b"a," * 49 + b"b\n") * (n // 200) + (b"1," * 49 + b"1\n") * (n // 200),
    "open quotes": lambda n: b"a,b\n" + b'\\"x","\n' * (n // 6),
    "blank lines": lambda n: b"\n" * n,
    "titles": lambda n: b"a title\n" * (n // 8),
    "control lines": lambda n: b"sep=;\n" * (n // 6),
    "one cell": lambda n: b"a" * n,
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_look_at_a_head_takes_time_linear_in_its_size(head, tmp_path):
    few, many = (lines_run(lambda n=n: look(head(n), tmp_path)) for n in (1 << 14, 1 << 15))
    assert many < 2.5 * few
