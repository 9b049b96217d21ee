"""In which encoding a file is written: found from all of it (BEHAVIOUR 3)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.encoding.byte_order_marks import marked_encoding, refuse_unmarked_utf_16, unmarked_utf_16
from ingest.loader.source.encoding.legacy import Ranked, cost, cost_in_utf_8, differ, distinct_words, letters, rank
from ingest.loader.source.encoding.mixed_lines import (
    BLOCK,
    is_utf_8,
    mixed_with,
    utf_8_places,
    utf_8_words,
    whole_lines,
)

UTF_8 = "utf-8"
_SAMPLE = 1 << 16
"""Bytes of lines that aren't ASCII: enough for a judgement, found in 10-30 ms."""
_MARGIN = 5
"""Bits by which the likeliest encoding has to be ahead of one that gives other letters: odds of 32 to 1."""
_LIKELY = 15
"""Bits for each letter up to which a word makes sense; those of known languages take 4 to 13."""
_DAMAGED = 2
"""Lines in another encoding that are taken for damage of UTF-8, if they aren't more than those in UTF-8."""
_FEW = 0.1
"""The share of a file's bytes up to which lines that can't be read are damage, and not a sign of another encoding."""
_OFFERED = 4
"""Encodings that a question offers at most."""
_SHOWN = 6
"""Lines that a question shows."""
_CHECKED, _OFTEN = 200, 20
"""Places of each block that are looked at for UTF-8; the second where there are more, as in encodings of two bytes."""
_LINE_END = re.compile(rb"[\r\n]")


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectedEncoding:
    """The encoding of a file, or those between which somebody has to choose."""

    encoding: str
    """The likeliest, as Python names it; ``utf-8+cp1252`` where each line has its own."""
    others: tuple[str, ...] = ()
    """Those that come into question as well, the likeliest first."""
    doubt: str = ""
    """Why it isn't clear, in a sentence; empty where it is."""
    lines: tuple[bytes, ...] = ()
    """Some of the lines by which they differ, as they are in the file."""


def find(path: Path, *, whole: bool = True) -> DetectedEncoding:
    """Return the encoding of the text file at ``path``; ``whole`` unless it is the head of one, cut anywhere.

    A byte order mark decides. Else UTF-8 if all is valid, but for a line or two of damage, which reject their rows.
    Else the encoding in which the words make most sense. Where some lines are UTF-8 and others clearly aren't, or where
    two encodings make sense and give other letters, there is a doubt. Raises RunFailed where no encoding makes sense.
    """
    with path.open("rb") as file:
        head = file.read(BLOCK)
    marked = marked_encoding(head)
    if marked and marked != UTF_8:
        return DetectedEncoding(encoding=marked)
    if not marked:
        if unmarked := unmarked_utf_16(head):
            return DetectedEncoding(encoding=unmarked)
        refuse_unmarked_utf_16(head)
    seen = _look(path, whole=whole)
    if not seen.others:
        return DetectedEncoding(encoding=UTF_8)
    return _judged(seen, path.stat().st_size, marked=bool(marked))


def detect(path: Path) -> str:
    """Return the likeliest encoding of the text file at ``path``. Raises RunFailed where none makes sense."""
    return find(path).encoding


# What the file holds


@dataclass(kw_only=True, slots=True)
class _Seen:
    """Lines of a file that aren't ASCII: ``_SAMPLE`` bytes of those that are UTF-8, and of those that aren't."""

    utf_8: list[bytes] = field(default_factory=list)
    others: list[bytes] = field(default_factory=list)
    room: dict[bool, int] = field(default_factory=lambda: {True: _SAMPLE, False: _SAMPLE})
    """Bytes that may still be kept, of lines that are UTF-8 and of those that aren't."""

    def take(self, piece: bytes) -> None:
        """Keep the lines of ``piece`` for which there is room."""
        for line in piece.splitlines():
            if not line.isascii() and self.room[valid := is_utf_8(line)] > 0:
                (self.utf_8 if valid else self.others).append(line[:_SAMPLE])
                self.room[valid] -= len(line) + 1
                if max(self.room.values()) <= 0:
                    break


def _look(path: Path, *, whole: bool) -> _Seen:
    """Read all of the file for lines that are UTF-8 and lines that aren't, until it is clear that it has both."""
    seen, other = _Seen(), ""
    with path.open("rb") as file:
        for number, piece in enumerate(whole_lines(file)):
            if piece.isascii() or (not whole and number and not piece.endswith((b"\n", b"\r"))):
                continue  # the last line of a head is cut, perhaps within a letter
            says_more = seen.others or seen.room[True] > 0 or not is_utf_8(piece)
            if says_more and seen.room[False] > 0:
                seen.take(piece)
            if seen.room[False] > 0:
                continue
            if not other:
                other = rank(b"\n".join(seen.others))[0].encoding
                if utf_8_words(b"\n".join(seen.utf_8), other):
                    break
            if late := _utf_8_lines(piece, other):
                seen.utf_8 += late
                break
    return seen


def _line_around(piece: bytes, place: int) -> bytes:
    """Return the line that holds byte ``place``."""
    start = max(piece.rfind(b"\n", 0, place), piece.rfind(b"\r", 0, place)) + 1
    end = _LINE_END.search(piece, place)
    return piece[start : min(end.start() if end else len(piece), start + _SAMPLE)]


def _utf_8_lines(piece: bytes, other: str) -> list[bytes]:
    """Return lines of ``piece``, which is in the encoding ``other``, that have words in UTF-8."""
    places = utf_8_places(piece)
    step = 0 if len(places) <= _CHECKED else len(places) // _OFTEN
    lines = dict.fromkeys(_line_around(piece, place) for place in places[:: max(1, step)].tolist())
    if step:  # a line that is UTF-8 as a whole is rare by chance: all of them are looked at
        lines |= dict.fromkeys(line[:_SAMPLE] for line in piece.splitlines() if not line.isascii() and is_utf_8(line))
    if not utf_8_words(b"\n".join(lines), other):
        return []
    return [line for line in lines if utf_8_words(line, other)]


# What that says


def _judged(seen: _Seen, size: int, *, marked: bool) -> DetectedEncoding:
    """Return what the lines say of a file of ``size`` bytes, some of which aren't UTF-8."""
    sample = b"\n".join(seen.others)
    ranked = rank(sample)
    other = ranked[0].encoding
    words = distinct_words(sample)
    garbled, sound = _compared(words, other)
    in_utf_8 = [line for line in seen.utf_8 if marked or utf_8_words(line, other)]
    if not (in_utf_8 or garbled or utf_8_words(sample, other)):
        return _alone(ranked, words, seen, size)
    lines = [line for line in seen.others if any(word[1:-1] in line for word in sound)]
    if len(lines) <= min(_DAMAGED, len(seen.utf_8)):
        return DetectedEncoding(encoding=UTF_8)
    near = _near(ranked, words)
    shown = in_utf_8[: _SHOWN // 2]
    return DetectedEncoding(
        encoding=mixed_with(other),
        others=(*map(mixed_with, near[:1]), UTF_8, other, *near)[: _OFFERED - 1],
        doubt=f"Some lines of the file are UTF-8, and others aren't: those may be {other}.",
        lines=(*shown, *lines[: _SHOWN - len(shown)]),
    )


def _compared(words: Sequence[bytes], other: str) -> tuple[list[bytes], list[bytes]]:
    """Return those of ``words`` that make more sense as damaged UTF-8, and those that do in the encoding ``other``."""
    garbled, sound = [], []
    for word, in_utf_8, in_other in zip(words, cost_in_utf_8(words, other), cost(words, other), strict=True):
        if in_utf_8 + _MARGIN <= in_other and not word.decode(errors="ignore").isascii():
            garbled.append(word)
        elif in_other + _MARGIN <= in_utf_8 and in_other <= _LIKELY * letters([word], other):
            sound.append(word)
    return garbled, sound


def _alone(ranked: Sequence[Ranked], words: Sequence[bytes], seen: _Seen, size: int) -> DetectedEncoding:
    """Return the encoding of a file without UTF-8. Raises RunFailed if it makes sense in none."""
    best = ranked[0]
    if best.is_noise:
        if sum(map(len, seen.others)) <= _FEW * size:
            return DetectedEncoding(encoding=UTF_8)
        raise RunFailed(
            "The file is text in an encoding that was not recognised: save it as UTF-8, or set the encoding on the "
            "dataset."
        )
    near = _near(ranked, words)
    if not near:
        return DetectedEncoding(encoding=best.encoding)
    return DetectedEncoding(
        encoding=best.encoding,
        others=tuple(near[: _OFFERED - 1]),
        doubt=f"The file may be written in {best.encoding} or in {near[0]}: the same bytes are other letters there.",
        lines=tuple(_differing(seen.others, best.encoding, near[0])[:_SHOWN]),
    )


def _near(ranked: Sequence[Ranked], words: Sequence[bytes]) -> list[str]:
    """Return the encodings that are hardly less likely than the first and give other letters than those before."""
    near: list[str] = []
    for one in ranked[1:]:
        is_near = one.bits - ranked[0].bits < _MARGIN
        if is_near and all(differ(words, one.encoding, other) for other in (ranked[0].encoding, *near)):
            near.append(one.encoding)
    return near


def _differing(lines: Sequence[bytes], one: str, other: str) -> list[bytes]:
    return [line for line in lines if differ(distinct_words(line), one, other)]
