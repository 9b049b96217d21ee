"""Find files whose cells are separated by spaces."""

import re
from collections.abc import Sequence

from ingest.loader.source.layout.cell_shapes import columns
from ingest.loader.source.layout.grammar import grammar_of
from ingest.loader.source.layout.sample import Sample, sample

DOUBT = "The file has one column, or a space as its delimiter: its lines look like cells separated by spaces."
_SET_APART = re.compile(rb'[^ ]++ ++"[^"]*+"(?= |\Z)|\A"[^"]*+" ++[^ ]')
"""A part in quotes, and another one beside it."""
_MOST, _HALF = 0.9, 0.5
_LEAST_CELLS, _LEAST_TYPED, _LEAST_LINES = 3, 2, 2


def are_between_spaces(text: bytes, *, whole: bool) -> bool | None:
    """Return whether ``text``, which has one column by any other delimiter, likely has cells with spaces between them.

    It has where parts of its lines are in quotes. None: it may have, where all lines have as many words, of which
    several columns have a type. Words alone are no sign: a first and a last name are one text.
    """
    plain = sample(text, grammar_of(" ", '"', '"'), whole=whole)
    lines = [plain.raw(number) for number in range(len(plain.records))]
    if len(lines) < _LEAST_LINES or not any(b" " in line for line in lines):
        return False
    apart = sum(bool(_SET_APART.search(line)) for line in lines)
    if apart >= _HALF * len(lines):
        return True
    return None if _has_columns(plain, lines) else False


def _has_columns(plain: Sample, lines: Sequence[bytes]) -> bool:
    fitting = [record for record in plain.records if len(record) == plain.width]
    if plain.width < _LEAST_CELLS or len(plain.records[0]) != plain.width or len(fitting) < _MOST * len(lines):
        return False
    if columns([(line,) for line in lines[1:]], 1)[0].type:  # a date with its time, or a number in groups
        return False
    return sum(bool(column.type) for column in columns(fitting[1:], plain.width)) >= _LEAST_TYPED
