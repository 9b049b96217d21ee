"""SQL: a look at what a run has changed, and at what its undo would do; nothing is written."""

from collections.abc import Sequence

from psycopg2.sql import SQL, Composed, Identifier, Literal

from ingest.loader.planning.identities import Identities
from ingest.loader.sql.before_images import same_row, shadow
from ingest.loader.sql.matching import EXACT, Matching
from ingest.loader.sql.tables import table

LONGEST = 200
"""Characters of a value that are shown."""

BRIEFLY = SQL(
    "set local transaction_read_only = on; set local statement_timeout = '3s'; set local lock_timeout = '1s';"
    " set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'"
)
"""Whoever looks at a page neither writes nor waits for long."""
SOON = SQL("set local statement_timeout = '3s'")
"""For a look within a load's own transaction."""


def _texts(names: Sequence[str], prefix: str) -> Composed:
    """The values as an array of texts, each cut: more columns than one SELECT may have."""
    values = SQL(", ").join(SQL("left({}::text, {})").format(Identifier(prefix, c), Literal(LONGEST)) for c in names)
    return SQL("array[{}]::text[]").format(values)


def changed_rows(
    name: str,
    names: Sequence[str],
    identities: Identities,
    run_id: int,
    limit: int,
    match: Matching = EXACT,
    *,
    overtaken: bool,
) -> Composed:
    """Some rows that the run changed: old, new, and where they differ.

    Those that still are as it left them; or those that were ``overtaken``, as the run that changed or deleted them next
    has kept them. Its image bears the number of the run that wrote the row.
    """
    differs = SQL(", ").join(SQL("t.{c} is distinct from u.{c}").format(c=Identifier(c)) for c in names)
    return SQL(
        "select {old}, {new}, array[{differs}] from {shadow} u join {table} t on {same} and t.run_id = {run}"
        ' where u."$run" = {run} and not u."$deleted" limit {limit}'
    ).format(
        old=_texts(names, "u"),
        new=_texts(names, "t"),
        differs=differs,
        shadow=shadow(name),
        table=shadow(name) if overtaken else table(name),
        same=same_row(identities, "u", "t", match),
        run=Literal(run_id),
        limit=Literal(limit),
    )


def count_changed(
    name: str,
    names: Sequence[str],
    identities: Identities,
    run_id: int,
    limit: int,
    match: Matching = EXACT,
    *,
    overtaken: bool,
) -> Composed:
    """Of the first ``limit`` rows that the run changed: how many, how many are as it left them (or were ``overtaken``,
    and are kept as it left them), and the changes by column."""
    counts = SQL(", ").join(
        SQL("count(*) filter (where t.{c} is distinct from u.{c})").format(c=Identifier(c)) for c in names
    )
    return SQL(
        'with images as (select * from {shadow} where "$run" = {run} and not "$deleted" limit {limit})'
        " select (select count(*) from images), count(*), array[{counts}]"
        " from images u join {table} t on {same} and t.run_id = {run}"
    ).format(
        shadow=shadow(name),
        run=Literal(run_id),
        limit=Literal(limit),
        counts=counts,
        table=shadow(name) if overtaken else table(name),
        same=same_row(identities, "u", "t", match),
    )


def deleted_rows(name: str, names: Sequence[str], run_id: int, limit: int) -> Composed:
    """Some rows that the run deleted."""
    return SQL('select {values} from {shadow} u where u."$run" = {run} and u."$deleted" limit {limit}').format(
        values=_texts(names, "u"), shadow=shadow(name), run=Literal(run_id), limit=Literal(limit)
    )


def inserted_rows(
    name: str,
    names: Sequence[str],
    identities: Identities,
    run_id: int,
    limit: int,
    match: Matching = EXACT,
    *,
    kept: bool,
) -> Composed:
    """Some rows that the run inserted; ``kept`` says whether there are before-images to tell them by."""
    return SQL("select {values} from {table} t where t.run_id = {run}{imaged} limit {limit}").format(
        values=_texts(names, "t"),
        table=table(name),
        run=Literal(run_id),
        imaged=_without_image(name, identities, run_id, "t", match) if identities and kept else SQL(""),
        limit=Literal(limit),
    )


def count_inserted(name: str, run_id: int) -> Composed:
    """How many rows have the run's number."""
    return SQL("select count(*) from {table} where run_id = {run}").format(table=table(name), run=Literal(run_id))


def preview_undo(name: str, identities: Identities, run_id: int, match: Matching = EXACT) -> Composed:
    """How many rows an undo would remove, restore and reinsert, and how many would stay: changed, taken, and those
    that the run inserted and a later one changed or deleted."""
    taken = SQL(" or ").join(
        # Rows that the undo itself removes take nothing.
        SQL(
            "exists (select from {table} o where {same} and o.ctid is distinct from b.row$"
            " and not (o.run_id = {run}{imaged}))"
        ).format(
            table=table(name),
            same=match.same(identity, "o", "b"),
            run=Literal(run_id),
            imaged=_without_image(name, identities, run_id, "o", match),
        )
        for identity in identities
    )
    return SQL(
        "with back as (select u.*, t.ctid as row$ from {shadow} u left join {table} t"
        '  on not u."$deleted" and {same} and t.run_id = {run} where u."$run" = {run}),'
        ' fated as (select b."$deleted" as deleted,'
        "  case when not b.\"$deleted\" and b.row$ is null then 'changed' when {taken} then 'taken' end as stays"
        "  from back b)"
        " select (select count(*) from {table} t where t.run_id = {run}{imaged}),"
        " count(*) filter (where stays is null and not deleted), count(*) filter (where stays is null and deleted),"
        " count(*) filter (where stays = 'changed'), count(*) filter (where stays = 'taken'),"
        " (select count(distinct ({key})) from {shadow} v where v.run_id = {run} and not exists"
        "  (select from back u where {same_image})) from fated"
    ).format(
        shadow=shadow(name),
        table=table(name),
        same=same_row(identities, "u", "t", match),
        same_image=same_row(identities, "u", "v", match),
        run=Literal(run_id),
        taken=taken,
        imaged=_without_image(name, identities, run_id, "t", match),
        key=SQL(", ").join(SQL("v.{}::text").format(Identifier(c)) for c in identities[0]),
    )


def _without_image(name: str, identities: Identities, run_id: int, row: str, match: Matching) -> Composed:
    return SQL(
        ' and not exists (select from {shadow} i where i."$run" = {run} and not i."$deleted" and {same})'
    ).format(shadow=shadow(name), run=Literal(run_id), same=same_row(identities, "i", row, match))
