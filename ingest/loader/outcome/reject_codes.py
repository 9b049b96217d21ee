"""The reject codes, and the sentence for each cause: the one place where either is written (file-rules#rejects).

A new code is a line in ``Code``, one in ``_DETAILS`` and its sentences in ``Cause``; the place that detects it names
the ``Cause``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum


class Code(StrEnum):
    """Why a record was rejected; where several apply, the first one in this order counts."""

    MISSING_COLUMNS = "missing_columns"
    EXTRA_COLUMNS = "extra_columns"
    BAD_QUOTE = "bad_quote"
    BAD_ENCODING = "bad_encoding"
    NUL_BYTE = "nul_byte"
    BAD_VALUE = "bad_value"
    TOO_LONG = "too_long"
    NULL_KEY = "null_key"
    KEY_CONFLICT = "key_conflict"

    @property
    def label(self) -> str:
        """The code in words, for pages."""
        return _DETAILS[self].label

    @property
    def advice(self) -> str:
        """What to do about such a record, in a sentence."""
        return _DETAILS[self].advice

    @property
    def has_column(self) -> bool:
        """Whether its rejects name the column that is at fault."""
        return _DETAILS[self].has_column

    @property
    def is_about_key(self) -> bool:
        """Whether many of them suggest that the dataset has the wrong key."""
        return _DETAILS[self].is_about_key

    @property
    def summary(self) -> str:
        """A template for rejects that share code and ``column`` but not the value; empty if sentences say it all."""
        return _DETAILS[self].summary


@dataclass(frozen=True, kw_only=True, slots=True)
class _Details:
    label: str
    advice: str
    has_column: bool = False
    is_about_key: bool = False
    summary: str = ""


_DETAILS: Mapping[Code, _Details] = {
    Code.MISSING_COLUMNS: _Details(
        label="Missing columns",
        advice="Add the missing cells, or the missing delimiters for empty ones.",
    ),
    Code.EXTRA_COLUMNS: _Details(
        label="Extra columns",
        advice="Remove the extra cells, or quote the cell that contains the delimiter.",
    ),
    Code.BAD_QUOTE: _Details(
        label="Invalid quoting",
        advice="Quote the whole cell, and double every quote inside it.",
    ),
    Code.BAD_ENCODING: _Details(
        label="Invalid encoding",
        advice="Save the file as UTF-8.",
    ),
    Code.NUL_BYTE: _Details(
        label="NUL byte",
        advice="Remove the NUL bytes from the record.",
    ),
    Code.BAD_VALUE: _Details(
        label="Invalid value",
        advice="Correct the value, or change the column's type.",
        has_column=True,
        summary="each for its value in the column {column}",
    ),
    Code.TOO_LONG: _Details(
        label="Too long",
        advice="Shorten the record, or its key.",
        has_column=True,
    ),
    Code.NULL_KEY: _Details(
        label="Missing key",
        advice="Fill in the key, or declare another key for the dataset.",
        has_column=True,
        is_about_key=True,
    ),
    Code.KEY_CONFLICT: _Details(
        label="Key conflict",
        advice="Remove one of the two records, correct its key, or declare another key for the dataset.",
        has_column=True,
        is_about_key=True,
    ),
}


class Cause(Enum):
    """One cause of a reject: its code, and the template of the sentence that a person reads."""

    TOO_FEW_CELLS = Code.MISSING_COLUMNS, "The record has {cells}; the header has {columns:,}."
    TOO_MANY_CELLS = Code.EXTRA_COLUMNS, "The record has {cells}; the header has {columns:,}."
    TEXT_AFTER_QUOTE = Code.BAD_QUOTE, "A closing quote is followed by text."
    UNCLOSED_QUOTE = (
        Code.BAD_QUOTE,
        "A quote is not closed before the end of the file, or within {longest:,} bytes, the longest record allowed.",
    )
    QUOTE_WITHIN_TEXT = (
        Code.BAD_QUOTE,
        "A quoted cell begins within the text of another cell: the delimiter before its opening quote is missing.",
    )
    MIXED_ENCODINGS = (
        Code.BAD_ENCODING,
        "The record has bytes that are valid in neither UTF-8 nor {encoding}, or has words in both.",
    )
    NOT_IN_ENCODING = Code.BAD_ENCODING, "The record has bytes that are not valid {encoding}."
    NOT_UTF_8 = Code.BAD_ENCODING, "Byte {place:,} of the record, 0x{byte:02X}, is not valid UTF-8."
    NUL_BYTE = Code.NUL_BYTE, "The record has a NUL byte, which PostgreSQL can't store in text."
    NOT_OF_TYPE = Code.BAD_VALUE, "{value!r} is not a valid {type}."
    LONG_RECORD = (
        Code.TOO_LONG,
        "The record is longer than {longest:,} bytes, the longest allowed; its first {kept:,} are kept.",
    )
    LONG_KEY = Code.TOO_LONG, "The key is longer than {longest:,} bytes, the longest that an index entry can hold."
    NO_ID_FOR_EMAIL = (
        Code.NULL_KEY,
        "The record has no id, and no other record or row with its e-mail has one.",
    )
    NO_KEY = Code.NULL_KEY, "The record has no value in {column}, which identifies its row."
    NO_PART_OF_KEY = Code.NULL_KEY, "The record has no value in {column}, which identifies its row with {others}."
    EMAIL_OF_RECORD = (
        Code.KEY_CONFLICT,
        "The e-mail {email!r} is also in the record on line {line:,}, which is loaded instead.",
    )
    EMAIL_OF_ROW = Code.KEY_CONFLICT, "The e-mail {email!r} belongs to the row with id {id}."

    def __init__(self, code: Code, template: str) -> None:
        self.code = code
        self.template = template

    def sentence(self, **values: object) -> str:
        """Return the sentence with these values."""
        return self.template.format(**values)


def as_clause(sentence: str) -> str:
    """Return a sentence as a clause within another one, with a small first letter and without the full stop."""
    return f"{sentence[:1].lower()}{sentence[1:]}".removesuffix(".")
