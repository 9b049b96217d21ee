"""`python -m tests.bench.alphabets FOLDER`: count letters and their neighbors for ``encoding/alphabets.py``.

FOLDER holds a file ``German.txt`` and so on, in UTF-8: words of a language, one a line. Those that the table was made
of came from the translations of Django and Wagtail, the names of countries, languages, currencies, cities, months and
days in the CLDR (Babel has them), and 1,500 names, cities, streets, jobs and companies each of Faker.
"""

import math
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from ingest.loader.source.encoding.alphabets import EDGE
from ingest.loader.source.encoding.legacy import IDEOGRAPHIC, LATIN

_CEDILLAS = str.maketrans("șțȘȚ", "şţŞŢ")
"""Romanian as the old encodings have it."""
_FREQUENT = 250
_ENOUGH = 12
"""Of a letter that was met more rarely no neighbors are told."""
_LISTED = 7
"""Bits of the rarest neighbor that is listed."""


def main(folder: Path) -> None:
    """Print a line of the table for each file."""
    for path in sorted(folder.glob("*.txt")):
        words = {word.translate(_CEDILLAS) for word in path.read_text("utf-8").split()}
        told = (
            _latin(words) if path.stem in LATIN else _ideographs(words) if path.stem in IDEOGRAPHIC else _other(words)
        )
        print(f"{path.stem}: {told}")


def _latin(words: Iterable[str]) -> str:
    count: Counter[str] = Counter()
    before: defaultdict[str, Counter[str]] = defaultdict(Counter)
    after: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for word in words:
        small = EDGE + "".join(map(_small, word)) + EDGE
        if not word.isalpha() or len(small) != len(word) + 2:
            continue
        for at, letter in enumerate(word, 1):
            if not letter.isascii():
                kept = letter if letter == "İ" else small[at]
                count[kept] += 1
                before[kept][small[at - 1]] += 1
                after[kept][small[at + 1]] += 1
    return " ".join(
        f"{letter}{share}"
        + (f"<{_listed(before[letter])}>{_listed(after[letter])}" if count[letter] >= _ENOUGH else "")
        for letter, share in _shares(count, 2)
    )


def _other(words: Iterable[str]) -> str:
    count = Counter(_small(letter) for word in words for letter in word if not letter.isascii())
    return " ".join(f"{letter}{share}" for letter, share in _shares(count, 1))


def _ideographs(words: Iterable[str]) -> str:
    count = Counter(each for word in words for each in word if "一" <= each <= "鿿" or "가" <= each <= "힣")
    return "".join(each for each, _ in sorted(count.items(), key=lambda one: (-one[1], one[0]))[:_FREQUENT])


def _shares(count: Counter[str], least: int) -> list[tuple[str, int]]:
    """Return the letters with their share of a thousand, the most frequent first."""
    total = count.total() or 1
    shares = [(each, round(1000 * met / total)) for each, met in count.items() if unicodedata.category(each)[0] in "LM"]
    return sorted(((each, share) for each, share in shares if share >= least), key=lambda one: (-one[1], one[0]))


def _listed(count: Counter[str]) -> str:
    """Return neighbors by their bits: ``2ab3c``."""
    by_bits: defaultdict[int, list[str]] = defaultdict(list)
    for each, met in count.items():
        by_bits[round(-math.log2((met + 0.3) / (count.total() + 9)))].append(each)
    return "".join(f"{bits}{''.join(sorted(by_bits[bits]))}" for bits in sorted(by_bits) if bits <= _LISTED)


def _small(letter: str) -> str:
    return "i" if letter == "İ" else re.sub(r"(?<=.).+", "", letter.lower())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
