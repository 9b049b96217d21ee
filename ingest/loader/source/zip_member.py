"""The one file of a zip archive."""

import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, BinaryIO, cast

from ingest.loader.outcome.errors import RunFailed

_DIRECTORY = 1 << 20
"""Bytes of a zip archive's directory, some 10,000 files: it is read into memory whole."""
_END, _END_SIZE = b"PK\x05\x06", 22
_MEMBER = b"PK\x03\x04"
_ENCRYPTED, _SIZE_BEHIND = 1, 8
_OFFICE = {
    "xl/workbook.xml": "an Excel workbook (.xlsx)",
    "word/document.xml": "a Word document (.docx)",
    "content.xml": "an OpenDocument file (.ods)",
    "META-INF/MANIFEST.MF": "a Java program (.jar)",
}
_OFFICE_FIRST = {
    "[Content_Types].xml": "an Excel workbook (.xlsx) or another Office document",
    "_rels/.rels": "an Excel workbook (.xlsx) or another Office document",
    "mimetype": "an OpenDocument file (.ods)",
}
"""What stands first in them: their directory, which tells for certain, is at their end."""
_SAVE = "open it and save the table as CSV (UTF-8)."


@contextmanager
def open_only_file(stream: BinaryIO) -> Iterator[IO[bytes]]:
    """Open the one file in the zip archive ``stream``, which can be sought; what macOS adds doesn't count.

    Raises RunFailed if there is none, or several, or it can't be read; zipfile.BadZipFile for a damaged archive.
    """
    _require_end(stream)
    with zipfile.ZipFile(cast("IO[bytes]", _BoundedReads(stream))) as archive:
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


def peek_only_file(head: bytes, most: int) -> bytes:
    """The first bytes, ``most`` of them at most, of the file in the zip archive that begins with ``head``.

    Nothing where they can't be told without the archive's directory, which is its end. Raises RunFailed for an office
    document and for an encrypted archive, struct.error and zlib.error where ``head`` ends too soon or is damaged.
    """
    at = 0
    while head.startswith(_MEMBER, at):
        flags, method, packed, name_size, more = struct.unpack_from("<HH8xL4xHH", head, at + 6)
        name = head[at + 30 : at + 30 + name_size].decode(errors="replace")
        start = at + 30 + name_size + more
        if name in _OFFICE_FIRST:
            raise RunFailed(f"The file is {_OFFICE_FIRST[name]}, not a CSV file: {_SAVE}")
        if flags & _ENCRYPTED:
            raise RunFailed("The zip archive is encrypted: drop it without a password.")
        if flags & _SIZE_BEHIND:
            packed = len(head)
        if not name.endswith("/") and not _is_of_macos(name):
            content = head[start : start + packed]
            if method == zipfile.ZIP_DEFLATED:
                return zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, most)
            return content[:most] if method == zipfile.ZIP_STORED and not flags & _SIZE_BEHIND else b""
        at = start + packed
    return b""


def _only_file(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    names = set(archive.namelist())
    for name, kind in _OFFICE.items():
        if name in names:
            raise RunFailed(f"The file is {kind}, not a CSV file: {_SAVE}")
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


def _require_end(stream: BinaryIO) -> None:
    """Raise zipfile.BadZipFile if the archive's last record, which points to its directory, is missing."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - (1 << 16) - 64))
    tail = stream.read()
    end = tail.rfind(_END)
    if end < 0 or end + _END_SIZE > len(tail):
        raise zipfile.BadZipFile("its directory is missing: it is cut off")


class _BoundedReads:
    """A stream that refuses to read a directory of more than ``_DIRECTORY`` bytes into memory.

    An archive can state several sizes of it. Which of them counts, zipfile alone knows, and each Python's differs.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def read(self, size: int = -1) -> bytes:
        """Read at most ``size`` bytes, or the rest of the archive. Raises RunFailed if that is too much."""
        content = self._stream.read(_DIRECTORY + 1 if size < 0 else min(size, _DIRECTORY + 1))
        if len(content) > _DIRECTORY:
            raise RunFailed("The zip archive holds thousands of files: drop an archive of one CSV file each.")
        return content
