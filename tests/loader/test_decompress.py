"""Compressed files: found by content, unpacked within limits, refused with a sentence."""

import bz2
import gzip
import io
import lzma
import struct
import sys
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.decompress import Compression, Limits, peek, unpack

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

CSV = b"id,name\n" + b"".join(b"%d,name %d\n" % (n, n * n) for n in range(20_000))


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return target.getvalue()


PACKERS = {
    Compression.GZIP: gzip.compress,
    Compression.ZSTD: lambda content: zstd.compress(content, options={zstd.CompressionParameter.checksum_flag: 1}),
    Compression.BZIP2: bz2.compress,
    Compression.XZ: lzma.compress,
    Compression.ZIP: lambda content: zipped(("data.csv", content)),
}
EACH = pytest.mark.parametrize("kind", Compression)
STREAMS = pytest.mark.parametrize("kind", [kind for kind in Compression if kind is not Compression.ZIP])


def unpacked(tmp_path: Path, packed: bytes, **limits: int) -> tuple[Compression | None, bytes]:
    (tmp_path / "packed").write_bytes(packed)
    target = tmp_path / "plain"
    kind = unpack(tmp_path / "packed", target, limits=Limits(**limits))
    return kind, target.read_bytes() if kind else b""


@EACH
def test_it_unpacks_what_was_packed(tmp_path, kind):
    assert unpacked(tmp_path, PACKERS[kind](CSV)) == (kind, CSV)


@EACH
def test_an_empty_file_is_unpacked_to_an_empty_file(tmp_path, kind):
    assert unpacked(tmp_path, PACKERS[kind](b"")) == (kind, b"")


def test_what_is_not_compressed_is_left_alone(tmp_path):
    assert unpacked(tmp_path, CSV) == (None, b"")
    assert unpacked(tmp_path, b"BZhello,PK\n1,2\n") == (None, b"")
    assert unpacked(tmp_path, b"") == (None, b"")
    assert not (tmp_path / "plain").exists()


@STREAMS
def test_members_behind_each_other_are_one_file(tmp_path, kind):
    packed = PACKERS[kind](CSV) + PACKERS[kind](b"") + PACKERS[kind](b"1,2\n")
    assert unpacked(tmp_path, packed) == (kind, CSV + b"1,2\n")


@STREAMS
def test_zeros_behind_an_archive_are_padding(tmp_path, kind):
    assert unpacked(tmp_path, PACKERS[kind](CSV) + bytes(70_000)) == (kind, CSV)


def test_a_zstd_archive_that_begins_with_a_skippable_frame_is_found(tmp_path):
    skippable = b"\x50\x2a\x4d\x18\x04\0\0\0note"
    assert unpacked(tmp_path, skippable + zstd.compress(CSV)) == (Compression.ZSTD, CSV)


@EACH
@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.9999])
def test_an_archive_that_is_cut_off_fails(tmp_path, kind, share):
    packed = PACKERS[kind](CSV)
    with pytest.raises(RunFailed, match="cut off"):
        unpacked(tmp_path, packed[: int(share * len(packed))])


@EACH
def test_a_damaged_archive_fails(tmp_path, kind):
    packed = bytearray(PACKERS[kind](CSV))
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(RunFailed, match=f"The {kind} archive"):
        unpacked(tmp_path, bytes(packed))


@STREAMS
def test_something_else_behind_an_archive_fails(tmp_path, kind):
    with pytest.raises(RunFailed, match="damaged"):
        unpacked(tmp_path, PACKERS[kind](CSV) + b"id,name\n1,Ada\n")


@EACH
def test_a_bomb_fails_before_it_fills_disk_or_memory(tmp_path, kind):
    packed = PACKERS[kind](bytes(66 << 20))
    tracemalloc.start()
    with pytest.raises(RunFailed, match="more than 200 times"):
        unpacked(tmp_path, packed)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "plain").stat().st_size < 70 << 20
    assert peak < 16 << 20


@EACH
def test_a_file_over_the_size_allowed_fails(tmp_path, kind):
    with pytest.raises(RunFailed, match="more than 100,000 bytes"):
        unpacked(tmp_path, PACKERS[kind](CSV), size=100_000)


@EACH
@pytest.mark.parametrize("inner", Compression)
def test_an_archive_in_an_archive_fails(tmp_path, kind, inner):
    with pytest.raises(RunFailed, match=rf"holds another archive \({inner}\)"):
        unpacked(tmp_path, PACKERS[kind](PACKERS[inner](CSV)))


def test_a_zip_archive_of_several_files_fails_and_names_them(tmp_path):
    with pytest.raises(RunFailed, match=r"holds 4 files \(a\.csv, b\.csv, c/d\.csv, …\)"):
        unpacked(tmp_path, zipped(("a.csv", CSV), ("b.csv", CSV), ("c/d.csv", CSV), ("e.csv", CSV)))


def test_what_macos_adds_to_a_zip_archive_does_not_count(tmp_path):
    packed = zipped(("folder/", b""), ("folder/a.csv", CSV), ("__MACOSX/folder/._a.csv", b"\0\5"), (".DS_Store", b"x"))
    assert unpacked(tmp_path, packed) == (Compression.ZIP, CSV)


def test_a_stored_file_of_a_zip_archive_is_read(tmp_path):
    assert unpacked(tmp_path, zipped(("a.csv", CSV), method=zipfile.ZIP_STORED)) == (Compression.ZIP, CSV)


@pytest.mark.parametrize(
    ("packed", "sentence"),
    [
        (zipped(), "holds no file"),
        (zipped(("[Content_Types].xml", b""), ("xl/workbook.xml", b"")), "Excel workbook"),
        (zipped(("mimetype", b""), ("content.xml", b"")), "OpenDocument"),
        (zipped(("a.csv", CSV), method=zipfile.ZIP_LZMA), "compression method 14"),
        (zipped(("a.csv", CSV)).replace(b"PK\x01\x02\x14\x03\x14\0\0", b"PK\x01\x02\x14\x03\x14\0\1"), "encrypted"),
        (zipped(*((f"{n}.csv", b"") for n in range(30_000))), "thousands"),
    ],
    ids=["nothing", "xlsx", "ods", "lzma", "encrypted", "thousands"],
)
def test_a_zip_archive_that_is_no_packed_csv_says_why(tmp_path, packed, sentence):
    with pytest.raises(RunFailed, match=sentence):
        unpacked(tmp_path, packed)


def test_a_zip_archive_that_states_two_sizes_of_its_directory_fails(tmp_path):
    packed = zipped(*((f"{n}.csv", b"") for n in range(30_000)))
    end = packed.rfind(b"PK\5\6")
    count, size, at = struct.unpack_from("<HLL", packed, end + 10)
    large = b"PK\6\6" + struct.pack("<QHHLLQQQQ", 44, 45, 45, 0, 0, count, count, size, at)
    small = b"PK\5\6" + struct.pack("<HHHHLLH", 0, 0, 1, 1, 100, at, 0)
    with pytest.raises(RunFailed, match="thousands"):
        unpacked(tmp_path, packed[:end] + large + b"PK\6\7" + struct.pack("<LQL", 0, end, 1) + small)


def test_an_archive_that_asks_for_too_much_memory_fails(tmp_path):
    options = {zstd.CompressionParameter.window_log: 28, zstd.CompressionParameter.enable_long_distance_matching: 1}
    packer = zstd.ZstdCompressor(options=options)
    with pytest.raises(RunFailed, match="zstd archive"):
        unpacked(tmp_path, packer.compress(CSV) + packer.flush())


@EACH
def test_the_head_of_an_archive_shows_how_its_file_begins(kind):
    packed = PACKERS[kind](CSV)
    seen = peek(packed[: len(packed) // 2])
    assert CSV.startswith(seen)
    assert seen or kind in (Compression.BZIP2, Compression.ZSTD), "these can be read by whole blocks only"
    assert peek(packed) == CSV[: 1 << 20]


def test_the_head_of_a_plain_file_is_what_it_is():
    assert peek(CSV[:100]) == CSV[:100]
    assert peek(b"") == b""


def test_the_head_of_a_zip_archive_passes_over_what_macos_adds_and_folders():
    assert peek(zipped(("a/", b""), ("__MACOSX/._a.csv", b"junk"), ("a/a.csv", CSV))[:5_000]).startswith(b"id,name\n")
    assert peek(zipped(("a.csv", CSV), method=zipfile.ZIP_STORED)[:100]) == CSV[: 100 - 30 - len("a.csv")]


def test_the_head_tells_an_office_document_from_an_archive():
    with pytest.raises(RunFailed, match="Excel workbook"):
        peek(zipped(("[Content_Types].xml", b"<x/>"), ("xl/workbook.xml", b"<x/>"))[:60])


@EACH
def test_no_head_is_too_damaged_to_be_looked_at(kind):
    packed = bytearray(PACKERS[kind](CSV)[:4_000])
    for at in range(0, len(packed), 7):
        damaged = bytes(packed[:at]) + b"\xff\0\x7f" + bytes(packed[at + 3 :])
        assert len(peek(damaged)) <= 1 << 21
