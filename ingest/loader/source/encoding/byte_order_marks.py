"""Recognize byte order marks, and UTF-16 without one by the positions of its NUL bytes."""

import codecs
import unicodedata

from ingest.loader.outcome.errors import RunFailed

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, which begins alike
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LOOKED_AT = 1 << 16
_LATIN = 0.3
"""The share of NUL bytes from which most letters are of ASCII."""
_TEXT = 0.99
"""The share of characters that text consists of, read in its own order; nothing else reaches it in UTF-16."""
_OF_TEXT = frozenset("LMNPSZ")


def marked_encoding(head: bytes) -> str:
    """Return the encoding that a byte order mark at the start of ``head`` names, if there is one; else nothing."""
    return next((name for mark, name in _MARKS if head.startswith(mark)), "")


def unmarked_utf_16(head: bytes) -> str:
    """Return the encoding of a file without a mark that begins with ``head``, if it is UTF-16; else nothing.

    Every other byte of letters of ASCII is NUL; of other letters too few are for anybody to be sure.
    """
    encoding, most, few = _side_of_nulls(head[:_LOOKED_AT])
    return encoding if few + most >= _LATIN * min(len(head), _LOOKED_AT) and most > 10 * few else ""


def refuse_unmarked_utf_16(head: bytes) -> None:
    """Raise RunFailed if ``head``, a file's first bytes, is text in UTF-16 without a mark, of letters beyond ASCII."""
    head = head[: min(len(head) & ~1, _LOOKED_AT)]
    encoding, most, few = _side_of_nulls(head)
    if most > few and _is_text(head, encoding):
        raise RunFailed(
            f"The file seems to be UTF-16 without a byte order mark. Set its dataset's encoding to {encoding}, and "
            "reload the file."
        )


def _side_of_nulls(head: bytes) -> tuple[str, int, int]:
    """Return in which order of bytes most NUL bytes are halves of ASCII characters, how many are, and how many not."""
    even = head[::2].count(b"\0")
    odd = head.count(b"\0") - even
    return ("utf-16-le", odd, even) if odd > even else ("utf-16-be", even, odd)


def _is_text(head: bytes, encoding: str) -> bool:
    """Return whether ``head`` is text of several lines in ``encoding``, and of letters beyond ASCII."""
    text = head.decode(encoding, "replace").removesuffix("\ufffd")
    foreign = [character for character in text if not character.isascii()]
    if not foreign or not ("\n" in text or "\r" in text):
        return False
    if all(31 < byte < 127 for character in foreign for byte in character.encode(encoding)):
        return False  # two characters of ASCII each, taken for one
    known = sum(
        character in "\t\r\n" or (unicodedata.category(character)[0] in _OF_TEXT and character != "\ufffd")
        for character in text
    )
    return known >= _TEXT * len(text)
