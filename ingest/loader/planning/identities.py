"""Which columns identify rows, which of them is the e-mail, and how e-mails are compared (file-rules#keys); pure."""

from collections.abc import Collection, Mapping

from ingest.loader.types.types import Type

Identities = tuple[tuple[str, ...], ...]
"""The identities of a table, each a tuple of columns: ``(("id",), ("email",))`` is two; () is none."""

EMAIL = "email"
EMAIL_ALIASES = ("e_mail", "email_address", "e_mail_address")
"""Other names of an e-mail column. One of them identifies rows only if each of its values holds one ``@``."""
EMAILS = frozenset({EMAIL, *EMAIL_ALIASES})


def email_beside_id(identities: Identities) -> str | None:
    """Return the e-mail column where ids and e-mails identify rows together; else None."""
    return identities[1][0] if len(identities) == 2 and identities[0] == ("id",) else None


def email_column(names: Collection[str]) -> str | None:
    """Return the column of ``names`` that may hold the e-mail by its name; None if there is none, or no single one."""
    if EMAIL in names:
        return EMAIL
    match = [name for name in EMAIL_ALIASES if name in names]
    return match[0] if len(match) == 1 else None


def email_alias(names: Collection[str]) -> str | None:
    """Return the e-mail column of ``names`` if its values still have to show that it is one; else None."""
    match = email_column(names)
    return match if match != EMAIL else None


def caseless_columns(identities: Identities, kinds: Mapping[str, Type], *, ignore_case: bool) -> frozenset[str]:
    """Return the identity columns that are matched without regard to ASCII case and outer spaces.

    ``kinds`` are the types in the table; ``ignore_case`` is the dataset's switch. Typed values have no case.
    """
    if not ignore_case:
        return frozenset()
    columns = {column for identity in identities for column in identity}
    return frozenset(column for column in columns & EMAILS if kinds.get(column) is Type.TEXT)


def evidence_of(identities: Identities, *, declared: bool = False, doubt: str = "") -> str:
    """Return the sentence that says why rows have these identities.

    ``doubt`` says why a column that is named like an e-mail is no identity; empty where there is no such column.
    """
    suffix = f" {doubt}" if doubt else ""
    if not identities:
        return f"The file has neither an id nor an email column: its rows are appended.{suffix}"
    if declared:
        return f"{' and '.join(identities[0])} is the key: it is declared on the dataset."
    email = email_beside_id(identities)
    if email:
        return f"id and {email} are keys: the file has both, and no two records with different ids share an e-mail."
    (name,) = identities[0]
    if name in EMAIL_ALIASES:
        return f"{name} is the key: the file has it, and each of its values has exactly one @."
    return f"{name} is the key: the file has it.{suffix}"


def no_email_evidence(email: str) -> str:
    """Return the sentence for a file whose column ``email`` has no value."""
    return f"id is the key: the file has it, and no record has an e-mail in {email}."


def shared_email_evidence(email: str) -> str:
    """Return the sentence for a file in which an e-mail belongs to several ids."""
    return f"id is the key; {email} is not a second one, since records with different ids share an e-mail."
