"""Validators for the fields of a dataset."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.encoding.names import known
from ingest.loader.source.identifiers import table_name


def texts_only(value: object) -> None:
    """Reject anything but a list of strings that PostgreSQL can store."""
    if not isinstance(value, list) or not all(isinstance(text, str) and "\0" not in text for text in value):
        raise ValidationError("Enter a list of strings.")


def emails_only(value: object) -> None:
    """Reject anything but a list of at most 50 e-mail addresses."""
    texts_only(value)
    if not isinstance(value, list) or len(value) > 50:
        raise ValidationError("Enter at most 50 addresses; a mailing list takes any number.")
    for address in value:
        try:
            validate_email(address)
        except ValidationError:
            raise ValidationError(f"{address!r} is not an e-mail address.") from None


def table_name_only(value: str) -> None:
    """Reject a table name that no file name leads to."""
    try:
        folded = table_name(f"{value}.csv")
    except RunFailed:
        folded = ""
    if folded != value:
        hint = f" For example: {folded!r}." if folded else ""
        raise ValidationError(f"No file name leads to the table {value!r}: use lower-case letters, digits and _.{hint}")


def encoding_only(value: str) -> None:
    """Reject anything but the name of an encoding that files can be read in."""
    if not known(value):
        raise ValidationError(
            f"{value!r} is not an encoding that files can be read in. Enter utf-8, utf-16, cp1252, iso8859-15, "
            "shift_jis, gb18030 or another standard encoding of Python, utf-8+cp1252 for lines of both, or nothing, to "
            "have it detected."
        )
