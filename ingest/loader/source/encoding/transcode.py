"""Resolve the encoding that is set for a file, and convert its text to UTF-8 (file-rules#encoding)."""

import codecs
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.encoding.byte_order_marks import marked_encoding
from ingest.loader.source.encoding.detection import UTF_8, DetectedEncoding, detect, find
from ingest.loader.source.encoding.mixed_lines import BLOCK, UNDECODABLE, decode_lines, other_of, whole_lines
from ingest.loader.source.encoding.names import known

__all__ = ["UTF_8", "DetectedEncoding", "decoded", "detect", "find", "known", "settle", "transcode"]

_UNDECODABLE = "ingest-undecodable"


def settle(path: Path, pinned: str) -> str:
    """Return the encoding of the file at ``path`` if ``pinned`` is the dataset's: a byte order mark knows better.

    UTF-16 without a mark is taken to be of the order of Windows. ``utf-8+cp1252`` is each line in its own encoding.
    Raises RunFailed for a name that means no encoding that files can be read in.
    """
    name = known(pinned)
    if not name:
        raise RunFailed(f"The dataset's encoding {pinned!r} doesn't exist. Set another one, or none.")
    with path.open("rb") as file:
        marked = marked_encoding(file.read(4))
    if marked and not (marked == UTF_8 and other_of(name)):
        return marked
    return f"{name}-le" if name in ("utf-16", "utf-32") else name


def transcode(source: Path, target: Path, encoding: str, *, progress: Callable[[int], None] = lambda _: None) -> None:
    """Write the text of ``source`` to ``target`` in UTF-8; ``progress`` is called with the bytes read so far.

    What can't be decoded becomes the byte 0xFF, which no UTF-8 holds: so the splitter rejects its row.
    """
    codecs.register_error(_UNDECODABLE, _replace)
    read = 0
    with source.open("rb") as packed, target.open("wb") as file:
        for block, text in _decoded(packed, encoding):
            read += block
            file.write(text.encode(UTF_8, "surrogateescape"))
            progress(read)


def _decoded(file: BinaryIO, encoding: str) -> Iterator[tuple[int, str]]:
    """Yield how many bytes were read of ``file``, and their text."""
    if other := other_of(encoding):
        for piece in whole_lines(file):
            yield len(piece), decode_lines(piece, other, _UNDECODABLE)
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors=_UNDECODABLE)
    while block := file.read(BLOCK):
        yield len(block), decoder.decode(block)
    yield 0, decoder.decode(b"", final=True)


def decoded(data: bytes, encoding: str) -> bytes:
    """Return whole lines in UTF-8, as ``transcode`` writes them."""
    codecs.register_error(_UNDECODABLE, _replace)
    other = other_of(encoding)
    text = decode_lines(data, other, _UNDECODABLE) if other else data.decode(encoding, _UNDECODABLE)
    return text.encode(UTF_8, "surrogateescape")


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return UNDECODABLE, error.end
