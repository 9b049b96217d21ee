"""In which encoding a file is written, and the same text in UTF-8 (BEHAVIOUR 3)."""

import codecs
import re
from collections.abc import Callable
from pathlib import Path

from charset_normalizer import from_bytes

from ingest.loader.encoding_names import known
from ingest.loader.errors import RunFailed
from ingest.loader.latin import likeliest_latin

UTF_8 = "utf-8"
_BLOCK = 1 << 20
_SAMPLE = 1 << 16
"""Bytes of lines that aren't ASCII: enough for a judgement, found in 10-30 ms."""
_MARKS = (
    (codecs.BOM_UTF8, UTF_8),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, which begins alike
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LIKELY: tuple[str, ...] = (
    *("cp1252", "cp1251", "cp932", "gb18030", "cp1250", "euc_jp", "big5", "cp949", "cp1254", "cp1253", "cp1255"),
    *("cp1256", "koi8_r", "mac_roman", "cp850", "iso8859_2"),
)
"""What spreadsheets and databases write, in the order in which they count where a text reads alike in several. Offered
these alone, the library was right on 91 % of 480 samples of 10 to 300 lines; on 75 % with its own list."""
_RARE: tuple[str, ...] = (
    "cp1257",
    "cp1258",
    "cp874",
    "koi8_u",
    "cp437",
    "cp866",
    "iso8859_5",
    "iso8859_7",
    "iso8859_9",
    "iso8859_15",
)
_OTHER_SCRIPTS = {
    "cp1251",
    "cp1253",
    "cp1255",
    "cp1256",
    "koi8_r",
    "koi8_u",
    "cp866",
    "cp874",
    "iso8859_5",
    "iso8859_7",
}
"""Of one byte a letter, none of which is Latin: their words have no letters of ASCII."""
_FOREIGN_RUN = re.compile(rb"[\x80-\xff]+")
_WITHIN_WORD = re.compile(rb"(?<=[A-Za-z])[\x80-\xff](?![\x80-\xff])|(?<![\x80-\xff])[\x80-\xff](?=[A-Za-z])")
_MESS = 0.3
"""The library's measure of how improbable a text may look; its own limit, 0.2, gave up lists of Turkish names."""
_FEW = 0.1
"""The share of a file's bytes up to which lines that can't be read are damage, and not a sign of another encoding."""
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_LINE_END = re.compile(rb"[\r\n]")
_SEQUENCE = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
)
_UNDECODABLE = "ingest-undecodable"


def detect(path: Path) -> str:
    """The encoding of the text file at ``path``, as Python names it.

    A byte order mark decides; else UTF-8, if what isn't ASCII is mostly UTF-8 (the rest of it is damage, which
    rejects its rows); else what the library finds likeliest. Where that is nothing, a few lines are damage too; for
    many RunFailed is raised.
    """
    with path.open("rb") as file:
        head = file.read(_BLOCK)
    if marked := _marked(head):
        return marked
    if unmarked := _utf_16_without_mark(head):
        return unmarked
    sample = _sample(path)
    sequences = len(_SEQUENCE.findall(sample))
    damaged = len(_NOT_ASCII.findall(_SEQUENCE.sub(b"", sample)))
    if sequences >= damaged:
        return UTF_8
    likeliest = _likeliest(sample)
    if likeliest or len(sample) <= _FEW * path.stat().st_size:
        return likeliest or UTF_8
    raise RunFailed(
        "The file is text in an encoding that was not recognised: save it as UTF-8, or set the encoding on the dataset."
    )


def settle(path: Path, pinned: str) -> str:
    """The encoding of the file at ``path`` if ``pinned`` is the dataset's: a byte order mark knows better.

    UTF-16 without a mark is taken to be of the order of Windows.

    Raises RunFailed for a name that means no encoding that files can be read in.
    """
    name = known(pinned)
    if not name:
        raise RunFailed(f"The encoding {pinned!r} that is set on the dataset doesn't exist: set another, or none.")
    with path.open("rb") as file:
        marked = _marked(file.read(4))
    return marked or (f"{name}-le" if name in ("utf-16", "utf-32") else name)


def transcode(source: Path, target: Path, encoding: str, *, progress: Callable[[int], None] = lambda _: None) -> None:
    """Write the text of ``source`` to ``target`` in UTF-8; ``progress`` is told the bytes read so far.

    What can't be decoded becomes the byte 0xFF, which no UTF-8 holds: so the splitter rejects its row.
    """
    codecs.register_error(_UNDECODABLE, _replace)
    decoder = codecs.getincrementaldecoder(encoding)(errors=_UNDECODABLE)
    read = 0
    with source.open("rb") as packed, target.open("wb") as file:
        while block := packed.read(_BLOCK):
            read += len(block)
            file.write(decoder.decode(block).encode(UTF_8, "surrogateescape"))
            progress(read)
        file.write(decoder.decode(b"", final=True).encode(UTF_8, "surrogateescape"))


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff", error.end


def _marked(head: bytes) -> str:
    return next((name for mark, name in _MARKS if head.startswith(mark)), "")


def _utf_16_without_mark(head: bytes) -> str:
    """UTF-16 by its NUL bytes, every other of which belongs to a letter of ASCII; nothing where there are few."""
    enough = len(head) * 0.3
    if head.count(b"\0", 0, _SAMPLE) < min(enough, _SAMPLE * 0.3):
        return ""
    head = head[:_SAMPLE]
    even, odd = head[::2].count(b"\0"), head[1::2].count(b"\0")
    if odd > 10 * even:
        return "utf-16-le"
    return "utf-16-be" if even > 10 * odd else ""


def _sample(path: Path) -> bytes:
    """The first lines that aren't ASCII; if they are all UTF-8, those of one block are enough."""
    sample = bytearray()
    with path.open("rb") as file:
        while len(sample) < _SAMPLE and (block := file.read(_BLOCK)):
            if block.isascii():
                continue
            found = _foreign_lines(block, _SAMPLE - len(sample))
            sample += found
            if not _NOT_ASCII.search(_SEQUENCE.sub(b"", found)):
                break
    return bytes(sample)


def _foreign_lines(block: bytes, most: int) -> bytes:
    """The lines of ``block`` that aren't ASCII, up to so many bytes; those that the block may cut are left out."""
    lines, size, at = [], 0, 0
    while size < most and (found := _NOT_ASCII.search(block, at)):
        start = max(block.rfind(b"\n", at, found.start()), block.rfind(b"\r", at, found.start())) + 1
        line_end = _LINE_END.search(block, found.end())
        at = line_end.start() if line_end else len(block)
        lines.append(block[start : min(at, start + most)])
        size += len(lines[-1]) + 1
    if len(lines) > 1 and at == len(block):
        lines.pop()
    return b"\n".join(lines) + b"\n"


def _likeliest(sample: bytes) -> str:
    """What the alphabets of Latin letters say, else what the library finds; nothing if it finds nothing."""
    if latin := likeliest_latin(sample):
        return latin
    runs, within_words = len(_FOREIGN_RUN.findall(sample)), len(_WITHIN_WORD.findall(sample))
    for offered in (_LIKELY, _RARE):
        if within_words > runs / 2:  # one accent alone in a word is no Greek and no Cyrillic, as the library has it
            offered = tuple(name for name in offered if name not in _OTHER_SCRIPTS)
        found = from_bytes(sample, cp_isolation=[*offered], threshold=_MESS, preemptive_behaviour=False)
        if found:
            score = (found[0].chaos, found[0].coherence)
            alike = {name for one in found if (one.chaos, one.coherence) == score for name in one.could_be_from_charset}
            return next(name for name in offered if name in alike)
    return ""
