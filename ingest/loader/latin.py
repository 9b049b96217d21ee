"""Which encoding of one byte a letter makes words of a text in Latin letters: by the alphabets of their languages.

The general library judges by how probable whole texts are; a list of names has a handful of accents, each alone among
letters of ASCII. What tells there is whether one language has all of them, and whether they stand where a letter, a
capital or a sign can stand.
"""

import re
from collections import Counter
from dataclasses import dataclass

WESTERN = ("cp1252", "mac_roman", "cp850")
CENTRAL = ("cp1250", "iso8859_2")

_LESS_LIKELY = {"iso8859_2": 0.05, "mac_roman": 0.12, "cp850": 0.2}
"""What an encoding must be better by than the Windows ones, of which there are far more files."""


@dataclass(frozen=True, slots=True)
class _Alphabet:
    """Small letters of a language that aren't of ASCII, in which encodings it was written, and how rare it is."""

    letters: str
    encodings: tuple[str, ...]
    rare: float = 0.0


_WEST = (
    _Alphabet("äöüß", WESTERN),  # German
    _Alphabet("àâæçéèêëîïôœùûüÿ", WESTERN),  # French
    _Alphabet("áéíñóúü", WESTERN),  # Spanish
    _Alphabet("ãáâàçéêíóôõúü", WESTERN),  # Portuguese
    _Alphabet("àèéìíîòóùú", WESTERN),  # Italian
    _Alphabet("åäöé", WESTERN, 0.02),  # Swedish, Finnish
    _Alphabet("æøåéòô", WESTERN, 0.02),  # Danish, Norwegian
    _Alphabet("ëïöüéèêóáíç", WESTERN, 0.02),  # Dutch
    _Alphabet("àçèéíïòóúü", WESTERN, 0.05),  # Catalan
    _Alphabet("áðéíóúýþæö", ("cp1252",), 0.035),  # Icelandic
)
_CENTRE = (
    _Alphabet("ąćęłńóśźż", CENTRAL, 0.03),  # Polish
    _Alphabet("áčďéěíňóřšťúůýž", CENTRAL, 0.03),  # Czech
    _Alphabet("áéíóöőúüű", CENTRAL, 0.04),  # Hungarian
    _Alphabet("ăâîşţ", CENTRAL, 0.05),  # Romanian
    _Alphabet("áäčďéíĺľňóôŕšťúýž", CENTRAL, 0.06),  # Slovak
    _Alphabet("čćđšž", CENTRAL, 0.06),  # Croatian, Slovenian
)
_OTHERS = (
    _Alphabet("çğıöşüâî", ("cp1254",), 0.04),  # Turkish
    _Alphabet("ąčęėįšųūž", ("cp1257",), 0.07),  # Lithuanian
    _Alphabet("āčēģīķļņšūž", ("cp1257",), 0.07),  # Latvian
    _Alphabet("äõöüšž", ("cp1257",), 0.08),  # Estonian
)
_MIXED = (
    _Alphabet("".join({*"".join(one.letters for one in _WEST)}), WESTERN, 0.15),
    _Alphabet("".join({*"".join(one.letters for one in _CENTRE)}), CENTRAL, 0.2),
)
"""Lists of names from many countries."""
_ALPHABETS = (*_WEST, *_CENTRE, *_OTHERS, *_MIXED)

_ALONE = frozenset("àáâäåæèéêíîòóôöøü")
"""Letters that are a word in one of the languages, or might be an initial."""
_ANYWHERE = frozenset("©®™°§–—•…±µ²³¹½¼¾ªº×÷·\N{NO-BREAK SPACE}")
"""Signs that stand alone, behind a word or a number, or before one; never between two letters."""
_MONEY = frozenset("€£¢¥")
_APOSTROPHES = frozenset("’‘")
_OPENING, _CLOSING = frozenset("“«„‚¿¡»"), frozenset("”»“«’")
_SIGN = 0.9
"""What a sign counts for, of what a letter does: it says less of the language."""

_ENOUGH = 0.5
"""Of 1, which is a text whose letters and signs all stand where they may."""
_SHARE, _SHARE_OF_MANY, _MANY = 0.7, 0.5, 4
"""Of the letters of words, those that ASCII lacks: a single word may have more of them than many together have. In
other scripts it is nearly all of them, in Japanese (cp932) every other one."""
_FOREIGN = re.compile(rb"[\x80-\xff]")
_WORD = re.compile(rb"[A-Za-z\x80-\xff]++")


def likeliest_latin(sample: bytes) -> str:
    """The encoding, as Python names it, in which ``sample`` makes the best sense; nothing if it is no Latin text."""
    words = [word for word in _WORD.findall(sample) if len(word) > 1 and not word.isascii()]
    foreign = sum(len(_FOREIGN.findall(word)) for word in words)
    if foreign > (_SHARE if foreign < _MANY else _SHARE_OF_MANY) * sum(map(len, words)):
        return ""
    text = b"\n" + sample + b"\n"
    return _best(Counter(text[found.start() - 1 : found.end() + 1] for found in _FOREIGN.finditer(text)))


def _best(places: Counter[bytes]) -> str:
    scores: dict[str, float] = {}
    for encoding in dict.fromkeys(name for alphabet in _ALPHABETS for name in alphabet.encodings):
        score = _score(places, encoding)
        if score is not None:
            scores[encoding] = score - _LESS_LIKELY.get(encoding, 0)
    best = max(scores, key=lambda name: scores[name], default="")
    return best if best and scores[best] >= _ENOUGH else ""


def _score(places: Counter[bytes], encoding: str) -> float | None:
    """How much sense the bytes make, each between its neighbours, 1 at most; None if some can't be decoded."""
    letters: Counter[str] = Counter()
    signs = 0.0
    for place, count in places.items():
        try:
            text = place.decode(encoding)
        except UnicodeDecodeError:
            return None
        before, character, behind = text[0], text[1], text[2]
        if character.isalpha() and character not in "ªºµ":
            letters[_small(character) if _is_in_place(before, character, behind) else "?"] += count
        else:
            signs += _SIGN * count if _can_stand(before, character, behind) else -count
    best = max(
        sum(count if letter in one.letters else -count for letter, count in letters.items())
        - one.rare * letters.total()
        for one in _ALPHABETS
        if encoding in one.encodings
    )
    return (best + signs) / places.total()


def _small(letter: str) -> str:
    """The small letter, one character of it: that of ``İ`` would be two."""
    return "ı" if letter == "İ" else letter.lower()


def _is_in_place(before: str, letter: str, behind: str) -> bool:
    """Whether the letter can stand between these two characters.

    No capital stands within a word of small letters, no small one before a capital, none beside a digit, and by itself
    only a vowel.
    """
    if before.isdigit() or behind.isdigit():
        return False
    if not (before.isalpha() or behind.isalpha()) and letter.lower() not in _ALONE:
        return False
    if letter.isupper():
        return not before.islower() and not (before.isupper() and behind.islower())
    return not behind.isupper()


def _can_stand(before: str, sign: str, behind: str) -> bool:
    """Whether the sign can stand between these two characters."""
    if sign in _APOSTROPHES and before.isalpha():
        return True
    if before.isalpha() and behind.isalpha():
        return False
    if sign in _ANYWHERE or (sign in _MONEY and not behind.isalpha()):
        return True
    return (sign in _OPENING and not before.isalnum()) or (sign in _CLOSING and not behind.isalnum())
