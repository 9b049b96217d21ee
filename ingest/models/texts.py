"""Make untrusted text storable in the database."""

from collections.abc import Iterable


def storable(text: str) -> str:
    """Return ``text`` without what PostgreSQL can't store: NUL and lone surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()


def storable_list(texts: Iterable[str]) -> list[str]:
    """Return each of ``texts`` without what PostgreSQL can't store."""
    return [storable(text) for text in texts]
