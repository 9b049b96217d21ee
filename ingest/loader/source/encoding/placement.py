"""Where letters and signs can be in a text: this distinguishes words from bytes in the wrong encoding."""

import unicodedata

_ALONE = frozenset("àáâäåæèéêíîòóôöøüı")
"""Letters that are a word in one of the languages, or might be an initial."""
_ANYWHERE = frozenset("©®™°§–—•…±µ×÷·№\N{NO-BREAK SPACE}")
"""Signs that stand alone, after a word or a number, or before one; never between two letters."""
_RAISED, _FRACTIONS = frozenset("²³¹ªº"), frozenset("½¼¾")
"""Signs after a word or a number, and signs beside no letter."""
_MONEY = frozenset("€£¥¢")
_APOSTROPHE = "’"
_OPENING, _CLOSING = frozenset("“«„‚¿¡»"), frozenset("”»“«’")


def is_ascii_letter(character: str) -> bool:
    """Return whether it is one of A to Z, small or not."""
    return character.isascii() and character.isalpha()


def is_sign(character: str) -> bool:
    """Return whether it is no letter, nor a mark on one."""
    return not (character.isalpha() or unicodedata.combining(character)) or character in "ªºµ"


def small(letter: str) -> str:
    """Return the small letter as the alphabets list it: one character, which that of ``İ`` isn't."""
    return letter if letter == "İ" else letter.lower()[:1]


def is_in_place(before: str, letter: str, after: str) -> bool:
    """Return whether the letter can stand between these two characters.

    No capital stands within a word of small letters, no small one before a capital, none beside a digit, and by itself
    only a vowel.
    """
    if before.isdigit() or after.isdigit():
        return False
    if not (before.isalpha() or after.isalpha()) and letter.lower() not in _ALONE:
        return False
    if letter.isupper():
        return not before.islower() and not (before.isupper() and after.islower())
    return not after.isupper()


def can_stand(before: str, sign: str, after: str) -> bool:
    """Return whether the sign can stand between these two characters."""
    if sign == _APOSTROPHE and before.isalpha():
        return True
    if before.isalpha() and after.isalpha():
        return False
    if sign in _RAISED:
        return before.isalnum() and not after.isalpha()
    if sign in _FRACTIONS:
        return not (before.isalpha() or after.isalpha())
    if sign in _ANYWHERE or (sign in _MONEY and not after.isalpha()):
        return True
    return (sign in _OPENING and not before.isalnum()) or (sign in _CLOSING and not after.isalnum())
