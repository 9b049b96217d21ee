"""SQL: new records that an existing row is like, but for the case or the outer spaces of an e-mail.

See file-rules#email-case.
"""

from collections.abc import Sequence

from psycopg2.sql import SQL, Composed, Identifier, Literal

from ingest.loader.outcome.target import SCHEMA
from ingest.loader.sql.matching import Matching
from ingest.loader.sql.tables import CHANGES, columns, table

COMPARED = 64 << 20
"""Bytes of a table of which every row is compared to new e-mails, however few they are. 600,000 rows of 80 MiB took
1.4 s on a busy machine, on which a plain count of them took 0.1."""

SHARE = 250
"""Bytes of a larger table for each new row up to which the same is done: inserting them takes several times as long."""


def is_compared_whole(name: str) -> Composed:
    """The table's ``size``, and whether the ``whole`` of it is compared to ``new`` records."""
    return SQL(
        "select size, size <= greatest({compared}, {share} * new) as whole"
        " from (select pg_relation_size(to_regclass(format('%I.%I', {schema}, {table}))) as size) s"
    ).format(compared=Literal(COMPARED), share=Literal(SHARE), schema=Literal(SCHEMA), table=Literal(name))


def count(name: str, identity: Sequence[str], emails: Sequence[str], *, lower: bool) -> Composed:
    """How many there are by this ``identity``, beside ``is_compared_whole`` and the number of ``new`` records.

    ``lower`` says that the file's ``emails`` are all in lower case without outer spaces: only rows whose e-mails aren't
    are looked for then. In a table that isn't compared whole, the index finds rows whose e-mails are.
    """
    match = Matching(frozenset(emails))
    of_all, looked_up = _odd_rows(name, identity, emails, match), SQL("0")
    if not lower:
        of_all = _having(name, match.same(identity, "t", "c"))
        looked_up = _having(name, _lower_row(identity, emails, match))
    return SQL("case when new = 0 or size = 0 then 0 when whole then {} else {} end").format(of_all, looked_up)


_NEW = SQL("select count(*) from {} c where c.target$ is null").format(CHANGES)


def _odd_rows(name: str, identity: Sequence[str], emails: Sequence[str], match: Matching) -> Composed:
    odd = (SQL("t.{} <> {}").format(Identifier(column), match.value(column, "t")) for column in emails)
    return SQL("({new} and ({mine}) in (select {theirs} from {table} t where {odd}))").format(
        new=_NEW,
        mine=columns(identity, "c"),
        theirs=match.values(identity, "t"),
        table=table(name),
        odd=SQL(" or ").join(odd),
    )


def _having(name: str, same: Composed) -> Composed:
    return SQL("({new} and exists (select from {table} t where {same}))").format(new=_NEW, table=table(name), same=same)


def _lower_row(identity: Sequence[str], emails: Sequence[str], match: Matching) -> Composed:
    """That a row has the e-mails in lower case: an index of the column has the collation of the database."""
    pairs = (
        SQL('t.{} = {} collate "default"').format(Identifier(column), match.value(column, "c"))
        if column in emails
        else match.same([column], "t", "c")
        for column in identity
    )
    return SQL(" and ").join(pairs)
