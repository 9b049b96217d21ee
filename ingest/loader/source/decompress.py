"""Unpack compressed files, recognized by content: gzip, zstd, bzip2, xz and zip of one file.

See file-rules#compression.
"""

import bz2
import errno
import io
import lzma
import math
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Protocol

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.formats import format_of
from ingest.loader.source.zip_member import open_only_file, peek_only_file

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_PACKED, _PLAIN = 1 << 15, 1 << 20
"""Bytes read, and bytes written at most, at a time."""
_HARMLESS = 64 << 20
"""The ratio isn't checked up to so many bytes: a file of one value a million times shrinks 1,000 times."""
_MEMBERS = 100
"""Archives one after another of which the head is looked at: each takes memory of its own, however short it is."""
_WINDOW_LOG, _XZ_MEMORY = 27, 128 << 20
"""An archive asks its reader for memory: 128 MiB is what ``zstd --ultra -22`` asks for, twice what ``xz -9`` does."""


class Compression(StrEnum):
    """How a file can come compressed."""

    GZIP = "gzip"
    ZSTD = "zstd"
    BZIP2 = "bzip2"
    XZ = "xz"
    ZIP = "zip"


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How far a file may expand: a decompression bomb fails the run before the disk is full."""

    size: int = 8 << 30
    """Bytes of the unpacked file."""
    ratio: int = 200
    """Times the bytes of the packed one, asked beyond 64 MiB."""


class _Decoder(Protocol):
    """What bz2, lzma and zstd have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _GzipDecoder:
    """zlib in the shape of the others."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        plain = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self.needs_input = not self._inner.unconsumed_tail and len(plain) < max_length
        return plain


_DECODERS: dict[Compression, Callable[[], _Decoder]] = {
    Compression.GZIP: _GzipDecoder,
    Compression.ZSTD: lambda: zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG}),
    Compression.BZIP2: bz2.BZ2Decompressor,
    Compression.XZ: lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY),
}
_DAMAGED: tuple[type[Exception], ...] = (zlib.error, lzma.LZMAError, zstd.ZstdError, zipfile.BadZipFile, EOFError)
_DAMAGED += (ValueError, RuntimeError, LookupError, struct.error, OSError)  # zipfile, of what makes no sense


def compression_of(head: bytes) -> Compression | None:
    """Return how the file that begins with ``head`` is compressed, if it is."""
    if head.startswith(b"\x1f\x8b\x08"):
        return Compression.GZIP
    if head.startswith(b"\x28\xb5\x2f\xfd") or (head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50):
        return Compression.ZSTD
    if head.startswith(b"BZh") and head[4:10] in (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90"):
        return Compression.BZIP2
    if head.startswith(b"\xfd7zXZ\0"):
        return Compression.XZ
    return Compression.ZIP if head.startswith((b"PK\x03\x04", b"PK\x05\x06")) else None


def peek(head: bytes, most: int = _PLAIN) -> bytes:
    """Return what can be read of the file that begins with ``head``, unpacked if it is compressed.

    At most ``most`` bytes, and of no more than ``_MEMBERS`` archives one after another; nothing where it can't be
    read so far. Raises RunFailed for an office document, which is a zip archive too.
    """
    kind = compression_of(head)
    if kind is None:
        return head[:most]
    plain = bytearray()
    with suppress(*_DAMAGED):  # most of all the end of what there is; the load will say what else
        if kind is Compression.ZIP:
            return peek_only_file(head, most)
        for block in _decode(kind, io.BytesIO(head), most, members=_MEMBERS):
            plain += block
            if len(plain) >= most:
                break
    return bytes(plain[:most])


def unpack(
    packed: Path, target: Path, *, limits: Limits | None = None, progress: Callable[[int], None] = lambda _: None
) -> Compression | None:
    """Unpack the file at ``packed`` to ``target``; None, and nothing written, if it isn't compressed.

    ``progress`` is told the bytes written so far. Raises RunFailed for an archive that is cut off, damaged, encrypted,
    a bomb, or holds more than one file or an archive again. ``target`` is then of no use.
    """
    limits = limits or Limits()
    with packed.open("rb") as stream:
        kind = compression_of(stream.read(16))
        stream.seek(0)
        if kind is None:
            return None
        written = 0
        with target.open("wb") as file, _told_as_damage(kind, stream):
            for plain in _plain_blocks(kind, stream):
                if not written:
                    _refuse_nested(kind, plain)
                file.write(plain)
                written += len(plain)
                _check_size(kind, written, packed.stat().st_size, limits)
                progress(written)
    return kind


def _plain_blocks(kind: Compression, stream: BinaryIO) -> Iterator[bytes]:
    if kind is not Compression.ZIP:
        yield from _decode(kind, stream)
        return
    with open_only_file(stream) as member:
        while plain := member.read(_PLAIN):
            yield plain


def _decode(kind: Compression, stream: BinaryIO, most: int = _PLAIN, *, members: float = math.inf) -> Iterator[bytes]:
    """Return the content of all members of an archive, one after another; zeros after one are padding.

    At most ``most`` bytes at a time, and of the first ``members`` members only.
    """
    decoder, data, within = _DECODERS[kind](), b"", True
    while True:
        if not data and (not within or decoder.needs_input):
            data = stream.read(_PACKED)
            if not data:
                if within:
                    raise EOFError
                return
        if not within:
            data = data.lstrip(b"\0")
            if not data:
                continue
            members -= 1
            if members <= 0:
                return
            decoder, within = _DECODERS[kind](), True
        plain, data = decoder.decompress(data, most), b""
        if plain:
            yield plain
        if decoder.eof:
            data, within = decoder.unused_data, False


@contextmanager
def _told_as_damage(kind: Compression, stream: BinaryIO) -> Iterator[None]:
    """Turn the decoders' errors into a message for the operator; errors of the disk stay as they are."""
    try:
        yield
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # a place before the file
            raise
        if isinstance(error, EOFError):
            what = f"is truncated after {stream.tell():,} bytes"
        else:
            what = f"is damaged ({str(error).rstrip('.')})"
        raise RunFailed(f"The {kind} archive {what}. Create it again and upload it.") from error


def _check_size(kind: Compression, written: int, packed: int, limits: Limits) -> None:
    if written > limits.size:
        raise RunFailed(
            f"The {kind} archive unpacks to more than {limits.size:,} bytes, the limit. Split the file, or raise "
            "the limit."
        )
    if written > _HARMLESS and written > limits.ratio * packed:
        raise RunFailed(
            f"The {kind} archive unpacks to more than {limits.ratio:,} times its own {packed:,} "
            "bytes, as a decompression bomb does. Upload the uncompressed file instead."
        )


def _refuse_nested(kind: Compression, plain: bytes) -> None:
    inner = compression_of(plain)
    if format_of(plain).convert or (inner is None and plain[257:262] != b"ustar"):
        return
    raise RunFailed(
        f"The {kind} archive contains another archive ({inner or 'tar'}), not a CSV file. Unpack it and upload the "
        "file inside."
    )
