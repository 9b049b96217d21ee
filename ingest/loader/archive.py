"""The one file of a zip archive."""

import os
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO

from ingest.loader.errors import RunFailed

_DIRECTORY = 1 << 20
"""Bytes of a zip archive's directory, some 10,000 files: it is read into memory whole."""
_END, _END_64, _LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
_FULL = 0xFFFFFFFF
_ENCRYPTED = 1
_OFFICE = {
    "xl/workbook.xml": "an Excel workbook (.xlsx)",
    "word/document.xml": "a Word document (.docx)",
    "content.xml": "an OpenDocument file (.ods)",
    "META-INF/MANIFEST.MF": "a Java program (.jar)",
}


@contextmanager
def open_only_file(stream: BinaryIO) -> Iterator[IO[bytes]]:
    """Open the one file in the zip archive ``stream``, which can be sought; what macOS adds doesn't count.

    Raises RunFailed if there is none, or several, or it can't be read; zipfile.BadZipFile for a damaged archive.
    """
    if _directory_size(stream) > _DIRECTORY:
        raise RunFailed("The zip archive holds thousands of files: drop an archive of one CSV file each.")
    with zipfile.ZipFile(stream) as archive:
        only = _only_file(archive)
        if only.flag_bits & _ENCRYPTED:
            raise RunFailed("The zip archive is encrypted: drop it without a password.")
        if only.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise RunFailed(
                f"The zip archive uses compression method {only.compress_type}, which few programs read: make it with "
                "the usual one (deflate)."
            )
        with archive.open(only) as member:
            yield member


def _only_file(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    names = set(archive.namelist())
    for name, kind in _OFFICE.items():
        if name in names:
            raise RunFailed(f"The file is {kind}, not a CSV file: open it and save the table as CSV (UTF-8).")
    files = [one for one in archive.infolist() if not one.is_dir() and not _is_of_macos(one.filename)]
    if not files:
        raise RunFailed("The zip archive holds no file: drop one that holds a CSV file.")
    if len(files) > 1:
        some = ", ".join(_shown(one.filename) for one in files[:3]) + (", …" if len(files) > 3 else "")
        raise RunFailed(f"The zip archive holds {len(files):,} files ({some}): drop an archive of one CSV file each.")
    return files[0]


def _shown(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name[:80])


def _is_of_macos(name: str) -> bool:
    last = name.rsplit("/", 1)[-1]
    return name.startswith("__MACOSX/") or last == ".DS_Store" or last.startswith("._")


def _directory_size(stream: BinaryIO) -> int:
    """Bytes of the archive's directory as its end record tells them."""
    size = stream.seek(0, os.SEEK_END)
    start = max(0, size - (1 << 16) - 64)
    stream.seek(start)
    tail = stream.read()
    end = tail.rfind(_END)
    if end < 0 or end + 22 > len(tail):
        raise zipfile.BadZipFile("its directory is missing: it is cut off")
    told: int = struct.unpack_from("<L", tail, end + 12)[0]
    if told == _FULL and end >= 20 and tail[end - 20 : end - 16] == _LOCATOR_64:
        stream.seek(min(struct.unpack_from("<Q", tail, end - 12)[0], size))
        record = stream.read(56)
        if len(record) == 56 and record.startswith(_END_64):
            told = struct.unpack_from("<Q", record, 40)[0]
    stream.seek(0)
    return told
