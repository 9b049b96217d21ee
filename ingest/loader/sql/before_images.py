"""SQL: before-images and undo (file-rules#undo).

The shadow of a table has its columns and three of its own, whose names no file can give a column (``$``): the run
that changed the row, whether it deleted it, and the id that the row has had since where that may have changed.
"""

from collections.abc import Sequence

from psycopg2.sql import SQL, Composable, Composed, Identifier, Literal

from ingest.loader.outcome.target import SHADOW_SCHEMA
from ingest.loader.planning.identities import Identities, email_beside_id
from ingest.loader.sql.matching import EXACT, Matching
from ingest.loader.sql.tables import CHANGES, STAGE, columns, table
from ingest.loader.types.types import Type

BACK = Identifier("pg_temp", "ingest_back")
"""The images of a run that is undone, each with the place of its row."""
NAMED = Identifier("pg_temp", "ingest_named")
"""The keys of records that aren't in the stage, but stand in the file all the same."""

_META = SQL('"$run", "$deleted", "$id"')


def shadow(name: str) -> Identifier:
    """The shadow of a table, qualified."""
    return Identifier(SHADOW_SCHEMA, name)


def alter_id(name: str, kind: Type) -> Composed:
    """Widens the id that rows have had since, with the table's own."""
    return SQL('alter table {} alter column "$id" type {t} using "$id"::{t}').format(shadow(name), t=SQL(kind.short))


def add_column(name: str, column: str, kind: str) -> Composed:
    """A column that the table has got; ``kind`` is a type as the catalogue writes it."""
    return SQL("alter table {} add column {} {}").format(shadow(name), Identifier(column), SQL(kind))


def create_shadow(name: str, id_type: Type) -> list[Composed]:
    """The shadow, typed as the table; ``id_type`` is that of its column ``id``."""
    return [
        SQL("create schema if not exists {}").format(Identifier(SHADOW_SCHEMA)),
        SQL(
            'create table {shadow} ("$run" bigint not null, "$deleted" boolean not null, "$id" {id}, like {table})'
        ).format(shadow=shadow(name), table=table(name), id=SQL(id_type.short)),
        SQL('create index on {shadow} ("$run")').format(shadow=shadow(name)),
    ]


def drop_shadow(name: str) -> Composed:
    """Ends the undo of all runs so far."""
    return SQL("drop table if exists {}").format(shadow(name))


def forget(name: str, runs: Sequence[int]) -> Composed:
    """Ends the undo of some runs."""
    return SQL('delete from {} where "$run" = any({})').format(shadow(name), Literal(list(runs)))


def save_changed(name: str, names: Sequence[str], run_id: int, *, moves: bool) -> Composed:
    """Keeps the rows that the table of changes is about to change; ``moves`` says whether they may get another id."""
    return SQL(
        "insert into {shadow} ({meta}, {names}) select {run}, false, {new_id}, {values} from {changes} c"
        " join {table} t on t.ctid = c.target$"
    ).format(
        shadow=shadow(name),
        meta=_META,
        names=columns(names),
        run=Literal(run_id),
        new_id=SQL("c.id" if moves else "null"),
        values=columns(names, "t"),
        changes=CHANGES,
        table=table(name),
    )


def create_named(kinds: dict[str, Type]) -> Composed:
    """Takes the keys of records that the plan leaves out."""
    return SQL("create temp table ingest_named ({}) on commit drop").format(
        SQL(", ").join(SQL("{} {}").format(Identifier(name), SQL(kind.short)) for name, kind in kinds.items())
    )


def delete_missing(
    name: str,
    names: Sequence[str],
    identities: Identities,
    known: Sequence[str],
    run_id: int,
    match: Matching = EXACT,
    *,
    named: bool,
) -> Composed:
    """Deletes the rows that no record of the file names by any identity, and keeps them as images.

    ``known`` are the file's columns: an identity that the file lacks names nothing.
    """
    sources: list[Composable] = [STAGE, NAMED] if named else [STAGE]
    unnamed = [
        SQL("not exists (select from {source} s where {same})").format(
            source=source, same=match.same(identity, "s", "t")
        )
        for identity in identities
        if all(column in known for column in identity)
        for source in sources
    ]
    return SQL(
        "with gone as (delete from {table} t where {unnamed} returning {returned})"
        " insert into {shadow} ({meta}, {names}) select {run}, true, null, {names} from gone"
    ).format(
        table=table(name),
        unnamed=SQL(" and ").join(unnamed) if unnamed else SQL("true"),
        returned=columns(names, "t"),
        shadow=shadow(name),
        meta=_META,
        names=columns(names),
        run=Literal(run_id),
    )


def same_row(identities: Identities, image: str, row: str, match: Matching = EXACT) -> Composed:
    """The row that an image's run left: by its id since, or by the key, which never changes otherwise."""
    if email_beside_id(identities):
        return SQL('{row}.id = {image}."$id"').format(row=Identifier(row), image=Identifier(image))
    return match.same(identities[0], row, image)


def find_back(name: str, identities: Identities, run_id: int, match: Matching = EXACT) -> list[Composed]:
    """The run's images with the rows that it left and nobody has changed since."""
    return [
        SQL("drop table if exists pg_temp.ingest_back"),
        SQL(
            'create temp table ingest_back on commit drop as select u.*, u.ctid as "$place", t.ctid as "$row",'
            ' null::text as "$stays" from {shadow} u left join {table} t'
            ' on not u."$deleted" and {same} and t.run_id = {run} where u."$run" = {run}'
        ).format(
            shadow=shadow(name), table=table(name), same=same_row(identities, "u", "t", match), run=Literal(run_id)
        ),
    ]


def remove_inserted(name: str, identities: Identities, run_id: int, match: Matching = EXACT) -> Composed:
    """Deletes the rows that the run inserted: they have its number and no image."""
    imaged = (
        SQL(' and not exists (select from {back} u where not u."$deleted" and {same})').format(
            back=BACK, same=same_row(identities, "u", "t", match)
        )
        if identities
        else SQL("")
    )
    return SQL("delete from {table} t where t.run_id = {run}{imaged}").format(
        table=table(name), run=Literal(run_id), imaged=imaged
    )


def mark_staying(name: str, identities: Identities, match: Matching = EXACT) -> list[Composed]:
    """Images that stay: their row was changed or deleted since, or another row has taken their old identity."""
    taken = SQL(" or ").join(
        SQL('exists (select from {table} o where {same} and o.ctid is distinct from b."$row")').format(
            table=table(name), same=match.same(identity, "o", "b")
        )
        for identity in identities
    )
    return [
        SQL('update {back} set "$stays" = \'changed\' where not "$deleted" and "$row" is null').format(back=BACK),
        SQL('update {back} b set "$stays" = \'taken\' where "$stays" is null and ({taken})').format(
            back=BACK, taken=taken
        ),
    ]


def put_back(name: str, names: Sequence[str]) -> Composed:
    """Gives changed rows their old values, ``processed_at`` and ``run_id`` included."""
    sets = SQL(", ").join(SQL("{c} = b.{c}").format(c=Identifier(column)) for column in names)
    return SQL('update {table} t set {sets} from {back} b where t.ctid = b."$row" and b."$stays" is null').format(
        table=table(name), sets=sets, back=BACK
    )


def reinsert(name: str, names: Sequence[str]) -> Composed:
    """Puts deleted rows back."""
    return SQL('insert into {table} ({names}) select {names} from {back} where "$deleted" and "$stays" is null').format(
        table=table(name), names=columns(names), back=BACK
    )


def forget_back(name: str) -> Composed:
    """Forgets the images that were put back; those that stay can be tried again."""
    return SQL('delete from {shadow} u using {back} b where u.ctid = b."$place" and b."$stays" is null').format(
        shadow=shadow(name), back=BACK
    )


def staying(identity: Sequence[str], limit: int) -> Composed:
    """What stays: its key and why."""
    return SQL('select {key}, "$stays" from {back} where "$stays" is not null order by 1 limit {limit}').format(
        key=_shown(identity, ""), back=BACK, limit=Literal(limit)
    )


def changed_since(name: str, identities: Identities, run_id: int, limit: int, match: Matching = EXACT) -> Composed:
    """Rows that the run inserted and a later run has changed or deleted: its images carry the run's number."""
    return SQL(
        "select {key}, case when bool_or(v.\"$deleted\") then 'deleted' else 'changed' end from {shadow} v"
        " where v.run_id = {run} and not exists (select from {back} u where {same}) group by 1 order by 1 limit {limit}"
    ).format(
        key=_shown(identities[0], "v"),
        shadow=shadow(name),
        run=Literal(run_id),
        back=BACK,
        same=same_row(identities, "u", "v", match),
        limit=Literal(limit),
    )


def _shown(identity: Sequence[str], prefix: str) -> Composed:
    parts = SQL(", ', ', ").join(
        SQL("{}::text").format(Identifier(prefix, c) if prefix else Identifier(c)) for c in identity
    )
    return SQL("concat({})").format(parts)
