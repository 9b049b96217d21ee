"""SQL: how values of identities are compared, exactly or, of e-mails, without regard to case (file-rules#keys)."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg2.sql import SQL, Composable, Composed, Identifier, Literal

from ingest.loader.types.types import SPACES


def caseless(value: Composable) -> Composed:
    """The text in ASCII lower case without outer spaces; ``loader.values.caseless`` in Python and DuckDB.

    By the collation "C" no other letter has a case: the server's own would fold what Python and DuckDB keep apart.
    """
    return SQL('lower(btrim({}, {}) collate "C")').format(value, Literal(SPACES))


@dataclass(frozen=True, slots=True)
class Matching:
    """How columns of identities are compared; ``caseless`` ones without regard to ASCII case and outer spaces."""

    caseless: frozenset[str] = frozenset()

    def value(self, column: str, prefix: str = "") -> Composable:
        """What of the column is compared."""
        named = Identifier(prefix, column) if prefix else Identifier(column)
        return caseless(named) if column in self.caseless else named

    def values(self, key: Sequence[str], prefix: str = "") -> Composed:
        """The same of several columns, as a list."""
        return SQL(", ").join(self.value(column, prefix) for column in key)

    def named(self, key: Sequence[str]) -> Composed:
        """The same, each under its column's name."""
        return SQL(", ").join(SQL("{} as {}").format(self.value(column), Identifier(column)) for column in key)

    def same(self, key: Sequence[str], one: str, other: str) -> Composed:
        """The condition that two rows have the same value in each of the columns."""
        pairs = (SQL("{} = {}").format(self.value(column, one), self.value(column, other)) for column in key)
        return SQL(" and ").join(pairs)

    def written(self, names: Sequence[str], key: Sequence[str]) -> list[str]:
        """The columns of ``names`` in which a record may differ from the row that has its ``key``."""
        return [name for name in names if name not in key or name in self.caseless]


EXACT = Matching()
