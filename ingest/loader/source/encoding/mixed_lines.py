"""Files that mix two encodings: each line is UTF-8 if it is valid UTF-8, else in the other encoding."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from ingest.loader.source.encoding.legacy import cost, cost_in_utf_8, distinct_words

BLOCK = 1 << 20
UNDECODABLE = "\udcff"
"""Becomes the byte 0xFF, which no UTF-8 holds: so the splitter rejects its row."""
_LONGEST = 16 << 20
"""Bytes of a line from which it is taken in pieces, so that memory stays bounded."""
_MARK = "utf-8+"
_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
_CLEARLY = 12
"""Bits by which a word has to make more sense in UTF-8, though it could be of the other encoding."""


def mixed_with(other: str) -> str:
    """Return the name of the encoding that is UTF-8, and ``other`` in lines that aren't: ``utf-8+cp1252``."""
    return _MARK + other


def other_of(encoding: str) -> str:
    """Return the encoding of lines that aren't UTF-8; empty if ``encoding`` is a single one."""
    return encoding.removeprefix(_MARK) if encoding.startswith(_MARK) else ""


def whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield all of ``file`` in pieces of about ``BLOCK`` bytes that end with a line.

    A line of more than 16 MiB comes in several pieces; they end after a byte of ASCII, if there is one.
    """
    rest = bytearray()
    while block := file.read(BLOCK):
        end = max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
        if end:
            yield bytes(rest) + block[:end]
            rest = bytearray(block[end:])
            continue
        rest += block
        if len(rest) >= _LONGEST:
            end = next((at for at in range(len(rest), len(rest) - BLOCK, -1) if rest[at - 1] < 128), len(rest))
            yield bytes(rest[:end])
            del rest[:end]
    if rest:
        yield bytes(rest)


def is_utf_8(data: bytes) -> bool:
    """Return whether ``data`` is valid UTF-8."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def utf_8_places(data: bytes) -> npt.NDArray[np.int64]:
    """Return where a character of UTF-8 that isn't ASCII may begin: by its first two bytes, in 1 ms for a MiB."""
    codes = np.frombuffer(data, np.uint8)
    leads: npt.NDArray[np.int64] = np.flatnonzero(codes[:-1] >= 0xC2)
    return leads[np.flatnonzero((codes[leads + 1] & 0xC0) == 0x80)]


def utf_8_words(data: bytes, other: str) -> list[bytes]:
    """Return the words of ``data`` that are clearly UTF-8, though they could be read in the encoding ``other``.

    ``Ã¼`` is a word in no language. But a lone ``É®`` is also valid UTF-8, and there it is no letter that anybody uses.
    """
    words = [word for word in distinct_words(data, _WORD) if is_utf_8(word)]
    costs = zip(words, cost_in_utf_8(words, other), cost(words, other), strict=True)
    return [word for word, in_utf_8, in_other in costs if in_utf_8 + _CLEARLY <= in_other]


def decode_lines(lines: bytes, other: str, errors: str) -> str:
    """Return the text of whole ``lines``, each by its own encoding; ``errors`` names the handler for bad bytes."""
    if is_utf_8(lines):
        return lines.decode()
    if not len(utf_8_places(lines)):
        return lines.decode(other, errors)
    return "".join(
        line.decode() if is_utf_8(line) else _decode(line, other, errors) for line in lines.splitlines(keepends=True)
    )


def _decode(line: bytes, other: str, errors: str) -> str:
    """Return the text of a line that isn't UTF-8; where words of it are, they are marked, so that it is rejected."""
    if not len(utf_8_places(line)):
        return line.decode(other, errors)
    parts, at = [], 0
    for word in _WORD.finditer(line):
        if _is_clearly_utf_8(word.group(), other):
            parts += [line[at : word.start()].decode(other, errors), word.group().decode(), UNDECODABLE]
            at = word.end()
    return "".join([*parts, line[at:].decode(other, errors)])


@lru_cache(maxsize=1 << 12)
def _is_clearly_utf_8(word: bytes, other: str) -> bool:
    return not word.isascii() and bool(utf_8_words(word, other))
