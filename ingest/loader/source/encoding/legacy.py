"""Which encoding from before UTF-8 makes the best words of a text, and how far behind the next one is.

Each encoding is tried with the alphabets of the languages that were written in it. What a reading costs is counted in
bits: how rare its letters are in the language, and how rare between their neighbors. A capital within a word, a sign
between two letters or a letter of another script cost more than any letter. So the words themselves are the evidence,
each counted once; a difference of 6 bits is odds of 64 to 1.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from ingest.loader.source.encoding.alphabets import EDGE, Letter, alphabet, frequent
from ingest.loader.source.encoding.placement import can_stand, is_ascii_letter, is_in_place, is_sign, small

_WESTERN = (
    *("German", "French", "Spanish", "Portuguese", "Italian", "Swedish", "Danish and Norwegian", "Finnish", "Dutch"),
    *("Catalan", "Icelandic"),
)
_CENTRAL = ("Polish", "Czech", "Slovak", "Hungarian", "Croatian and Slovenian", "Romanian")
_BALTIC = ("Lithuanian", "Latvian", "Estonian")
_CYRILLIC = ("Russian", "Ukrainian", "Bulgarian", "Serbian", "Belarusian", "Macedonian")
LATIN = frozenset((*_WESTERN, *_CENTRAL, *_BALTIC, "Turkish"))
IDEOGRAPHIC = frozenset(("Japanese", "Chinese", "Taiwanese", "Korean"))

_ENCODINGS: dict[str, tuple[tuple[str, ...], int]] = {
    "cp1252": (_WESTERN, 0),
    "cp1250": (_CENTRAL, 2),
    "cp1254": (("Turkish",), 2),
    "cp1257": (_BALTIC, 3),
    "iso8859_2": (_CENTRAL, 4),
    "mac_roman": (_WESTERN, 5),
    "cp850": (_WESTERN, 6),
    "iso8859_15": (_WESTERN, 4),
    "cp852": (_CENTRAL, 8),
    "cp437": (_WESTERN, 9),
    "cp1251": (_CYRILLIC, 2),
    "koi8_r": (("Russian",), 4),
    "koi8_u": (("Ukrainian",), 4),
    "cp866": (_CYRILLIC, 5),
    "iso8859_5": (_CYRILLIC, 6),
    "mac_cyrillic": (_CYRILLIC, 8),
    "cp1253": (("Greek",), 2),
    "iso8859_7": (("Greek",), 4),
    "cp1255": (("Hebrew",), 2),
    "cp1256": (("Arabic", "Persian"), 2),
    "cp874": (("Thai",), 2),
    "cp1258": (("Vietnamese",), 4),
    "cp932": (("Japanese",), 2),
    "euc_jp": (("Japanese",), 4),
    "gb18030": (("Chinese",), 2),
    "big5": (("Taiwanese",), 3),
    "cp949": (("Korean",), 3),
}
"""Encoding -> the languages that are written in it, and how much rarer its files are than those of cp1252, in bits."""
_FAMILIES = tuple(dict.fromkeys(languages for languages, _ in _ENCODINGS.values()))
_RARER = {"Icelandic": 4, "Catalan": 3, "Croatian and Slovenian": 2, "Romanian": 2, "Slovak": 2, "Estonian": 2}
"""Languages that are rarer than the others of their encodings, in bits."""

_UNKNOWN, _STRANGE = 11, 8
"""Bits of a letter that the alphabet lacks, and of neighbors that aren't known."""
_NEIGHBOR = 9
"""Bits of a neighbor that isn't listed."""
_MISPLACED = 9
"""Bits on top, for a letter where it can't stand."""
_MIXED = 16
"""Bits on top, for a word of two scripts, and for each letter of ASCII in it that stands beside one of the other."""
_SIGN, _STRAY = 11, 17
"""Bits of a sign where it can stand, and where it can't."""
_BROKEN = 40
"""Bits of bytes that are no text in the encoding."""
_NOISE, _JUDGED = (18, 14.5), 12
"""Bits of each letter, and of each ideograph or syllable, above which so many and more of them are noise: those of a
text take 4 to 13."""
_OTHER_LANGUAGE = 6
"""Bits of a word that is of another language than the file."""

_SYLLABLES = (("぀", "ゟ", 6), ("゠", "ヿ", 7), ("、", "〿", 9), ("！", "｠", 10), ("｡", "ﾟ", 10))
"""Kana, East Asian punctuation, wide and narrow forms: from, to, bits."""

_WORD = re.compile(rb"[\x40-\xff]++")
"""What may be one word: the second byte of an ideograph can be any of these."""
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_BEFORE, _LONGEST = 60, 1_000
"""Bytes of a word that are examined before and from the first that isn't ASCII."""
_OTHER_SCRIPT = re.compile("[\u2e80-\uff60\uffa0-\uffef]|[^\\W\\d_\\x00-\u024f]{2}")
_FIRST, _ENOUGH = 150, 1500
"""Bytes beyond ASCII by which encodings are ruled out that are far behind, and by which the others are judged."""
_FAR = 60
"""Bits by which an encoding is behind that needn't be examined any further."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ranked:
    """One encoding, and what the text costs if it is written in it."""

    encoding: str
    bits: float
    language: str
    letters: int
    """How many characters aren't ASCII."""

    @property
    def is_noise(self) -> bool:
        """Whether the text makes no sense: its characters are strange, and they are too many to be a rare word."""
        most = _NOISE[self.language in IDEOGRAPHIC]
        return self.letters >= _JUDGED and self.bits > most * self.letters


def rank(sample: bytes) -> list[Ranked]:
    """Return the encodings in which ``sample`` can be read, the likeliest first."""
    words = distinct_words(sample)
    ranked = _ranked(words[: _count(words, _FIRST)], _ENCODINGS)
    words = words[: _count(words, _ENOUGH)]
    near = [candidate.encoding for candidate in ranked if candidate.bits - ranked[0].bits < _FAR]
    return _ranked(words, near)


def distinct_words(sample: bytes, pattern: re.Pattern[bytes] = _WORD) -> list[bytes]:
    """Return the words that aren't ASCII, each once, between two bytes that say what it stands beside."""
    text = b"\n" + sample + b"\n"
    words: dict[bytes, None] = {}
    for match in pattern.finditer(text):
        if foreign := _NOT_ASCII.search(text, match.start(), match.end()):
            start = max(match.start(), foreign.start() - _BEFORE)
            stop = min(match.end(), foreign.start() + _LONGEST)
            words[_beside(text[start - 1]) + text[start:stop] + _beside(text[stop])] = None
    return list(words)


def differ(words: Sequence[bytes], one: str, other: str) -> bool:
    """Return whether ``words`` have other letters in the one encoding than in the other.

    A sign where it can stand (``£``, a quote, a dash) decides nothing, whatever letter it is in the other encoding.
    """
    for word in words:
        texts = _text(word, one), _text(word, other)
        if texts[0] != texts[1] and not any(map(_has_signs_alone, texts)):
            return True
    return False


def cost(words: Iterable[bytes], encoding: str) -> list[float]:
    """Return the bits that each of ``words`` costs in ``encoding``, in the language in which it costs least."""
    families = _families_of(encoding)
    return [_least(_text(word, encoding), families) for word in words]


def cost_in_utf_8(words: Iterable[bytes], other: str) -> list[float]:
    """Return the bits that each of ``words`` costs in UTF-8, in a file whose other lines are in the encoding ``other``.

    They are in the same languages, or in Latin letters: else a word of two ideographs might be two Russian letters.
    """
    families = dict.fromkeys([*_families_of(other), *(family for family in _FAMILIES if LATIN.issuperset(family))])
    return [_least(word.decode(errors="replace"), families) for word in words]


def letters(words: Iterable[bytes], encoding: str) -> int:
    """Return how many characters of ``words`` aren't ASCII."""
    return sum(not character.isascii() for word in words for character in _text(word, encoding))


def _families_of(encoding: str) -> tuple[tuple[str, ...], ...]:
    """Return the languages that are written in ``encoding``: all, if it was pinned and is none that is tried."""
    tried = _ENCODINGS.get(encoding.replace("-", "_"))  # Python's own name of iso8859_2 is iso8859-2
    return (tried[0],) if tried else _FAMILIES


def _least(text: str, families: Iterable[tuple[str, ...]]) -> float:
    return min(min(_cost_of_word(text, family)) for family in families)


def _has_signs_alone(text: str) -> bool:
    """Return whether all that isn't ASCII in ``text`` is signs that can stand there."""
    return all(
        character.isascii() or (is_sign(character) and can_stand(before, character, after))
        for before, character, after in zip(text, text[1:], text[2:], strict=False)
    )


def _beside(byte: int) -> bytes:
    return b"0" if 0x30 <= byte <= 0x39 else b" "


def _count(words: Sequence[bytes], most: int) -> int:
    """Return how many of ``words`` have so many bytes beyond ASCII."""
    for number, word in enumerate(words):
        most -= sum(byte > 127 for byte in word)
        if most <= 0:
            return number + 1
    return len(words)


def _ranked(words: Sequence[bytes], encodings: Iterable[str]) -> list[Ranked]:
    ranked = []
    for encoding in encodings:
        languages, rarer = _ENCODINGS[encoding]
        texts = [_text(word, encoding) for word in words]
        if not LATIN.intersection(languages) and not any(map(_is_of_other_script, texts)):
            continue  # signs say nothing for another script, and neither do letters that stand alone
        costs = [_cost_of_word(text, languages) for text in texts]
        bits, language = _in_best_language(costs, languages)
        total = sum(not character.isascii() for text in texts for character in text)
        ranked.append(Ranked(encoding=encoding, bits=bits + rarer, language=language, letters=total))
    return sorted(ranked, key=lambda one: one.bits)


def _is_of_other_script(text: str) -> bool:
    """Return whether ``text`` has an ideograph, or two letters in a row that aren't Latin."""
    return _OTHER_SCRIPT.search(text) is not None


def _in_best_language(costs: Sequence[Sequence[float]], languages: Sequence[str]) -> tuple[float, str]:
    """Return what all words cost in the language that costs least, and that language; a word may be of another one."""
    least = [min(each) + _OTHER_LANGUAGE for each in costs]
    return min(
        (
            sum(min(each[at], other) for each, other in zip(costs, least, strict=True)) + _RARER.get(language, 0),
            language,
        )
        for at, language in enumerate(languages)
    )


def _text(word: bytes, encoding: str) -> str:
    text = chr(word[0]) + word[1:-1].decode(encoding, "replace") + chr(word[-1])
    return unicodedata.normalize("NFC", text) if encoding == "cp1258" else text


@lru_cache(maxsize=1 << 12)
def _cost_of_word(text: str, languages: tuple[str, ...]) -> tuple[float, ...]:
    """Return what the characters of ``text`` beyond ASCII cost in each language; its first and last are its context."""
    is_mixed = languages[0] not in LATIN | IDEOGRAPHIC and any(map(is_ascii_letter, text))
    costs = [float(_MIXED * is_mixed)] * len(languages)
    for before, character, after in zip(text, text[1:], text[2:], strict=False):
        if not character.isascii():
            for at, bits in enumerate(_cost(before, character, after, languages)):
                costs[at] += bits
    return tuple(costs)


@lru_cache(maxsize=1 << 14)
def _cost(before: str, character: str, after: str, languages: tuple[str, ...]) -> tuple[float, ...]:
    if character == "\ufffd" or character < "\xa0":  # undecodable, or a control character that no one writes
        return (_BROKEN,) * len(languages)
    if languages[0] in IDEOGRAPHIC:
        return (_cost_of_ideograph(character, languages[0]) + _mixed(before, after),)
    if is_sign(character):
        return (_SIGN if can_stand(before, character, after) else _STRAY,) * len(languages)
    letter = small(character)
    if languages[0] in LATIN:
        misplaced = 0 if is_in_place(before, character, after) else _MISPLACED
        return tuple(_cost_of_letter(letter, before, after, alphabet(language)) + misplaced for language in languages)
    misplaced = _mixed(before, after) + (0 if is_in_place(before, character, after) else _MISPLACED)
    return tuple(
        misplaced + (alphabet(language)[letter].bits if letter in alphabet(language) else _UNKNOWN)
        for language in languages
    )


def _mixed(before: str, after: str) -> int:
    """Return the bits of a character of another script between these two."""
    return _MIXED * sum(map(is_ascii_letter, (before, after)))


def _cost_of_letter(character: str, before: str, after: str, letters: dict[str, Letter]) -> float:
    letter = letters.get(character)
    if letter is None:
        return _UNKNOWN + _STRANGE
    if not letter.before:
        return letter.bits + _STRANGE
    left, right = (small(neighbor) if neighbor.isalpha() else EDGE for neighbor in (before, after))
    return letter.bits + letter.before.get(left, _NEIGHBOR) + letter.after.get(right, _NEIGHBOR)


@cache
def _cost_of_ideograph(character: str, language: str) -> float:
    """Return the bits of a character of two bytes and more; those of the first standards are in use, others hardly."""
    if character in frequent(language):
        return 9
    for first, last, bits in _SYLLABLES:
        if first <= character <= last:
            return bits if language == "Japanese" or bits > 8 else bits + 8
    plain, rows = {
        "Japanese": ("euc_jp", (0xB0, 0xCF)),
        "Chinese": ("gb2312", (0xB0, 0xD7)),
        "Taiwanese": ("big5", (0xA4, 0xC6)),
        "Korean": ("euc_kr", (0xB0, 0xC8)),
    }[language]
    try:
        lead = character.encode(plain)[0]
    except UnicodeEncodeError:
        return 24
    return 12 if rows[0] <= lead <= rows[1] else 17
