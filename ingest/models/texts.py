"""Strangers' texts as the database can hold them."""

from collections.abc import Iterable


def storable(text: str) -> str:
    """``text`` as PostgreSQL can hold it: no NUL, no half surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def storable_list(texts: Iterable[str]) -> list[str]:
    """Each of ``texts`` as PostgreSQL can hold it."""
    return [storable(text) for text in texts]
