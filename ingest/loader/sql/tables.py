"""SQL: the catalogue, locks, the table's definition, the stage and COPY."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from psycopg2.sql import SQL, Composable, Composed, Identifier, Literal

from ingest.loader.outcome.target import SCHEMA, SHADOW_SCHEMA
from ingest.loader.source.dialect.dialect import Dialect
from ingest.loader.sql.matching import Matching
from ingest.loader.types.types import SPACES, Type

STAGE = Identifier("pg_temp", "ingest_stage")
"""The file's records, typed as the table, numbered by ``n$`` from 0: no file can give a column a name with ``$``."""
CHANGES = Identifier("pg_temp", "ingest_changes")
"""The records that are to be written, each with the place of the row that it changes, if there is one."""

_SESSION = SQL(
    # Texts of dates and times are read and written one way, whatever the server's defaults are.
    "set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local client_encoding = 'UTF8';"
    # A run that waits longer for a lock gives up its turn and is retried.
    "set local lock_timeout = '5s'; set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0;"
    # Joins and duplicates of some million records stay in memory (2 million keys: 0.5 s instead of 1.1 s with spills).
    "set local work_mem = '64MB'; set local maintenance_work_mem = '128MB'"
)


def table(name: str) -> Identifier:
    """A destination table, qualified."""
    return Identifier(SCHEMA, name)


def columns(names: Iterable[str], prefix: str = "") -> Composed:
    """A list of columns, each behind ``prefix`` if there is one."""
    return SQL(", ").join(Identifier(prefix, name) if prefix else Identifier(name) for name in names)


def batch(*statements: Composable) -> Composed:
    """Several statements in one message to the server, which answers with what the last one gives."""
    return SQL("; ").join(statements)


def lock_name(name: str) -> Composed:
    """Takes the advisory lock that makes it one run a table at a time, until the transaction ends."""
    turn = SQL("select pg_advisory_xact_lock(hashtextextended({}, 0))").format(Literal(f"{SCHEMA}.{name}"))
    return batch(_SESSION, turn)


def lock_table(name: str, *, ddl: bool) -> Composed:
    """Keeps writers out and lets readers in; with DDL keeps out all, since raising a lock later can deadlock."""
    mode = SQL("access exclusive" if ddl else "share row exclusive")
    return SQL("lock table {} in {} mode").format(table(name), mode)


IS_CASELESS = SQL(
    "i.indisunique and i.indisvalid and i.indpred is null and i.indexprs is not null"
    " and strpos(pg_get_indexdef(i.indexrelid), 'btrim(') > 0 and strpos(pg_get_indexdef(i.indexrelid), {}) > 0"
).format(Literal(SPACES))
"""Whether ``pg_index i`` is one that ``add_caseless_index`` made: no other has our list of spaces in it."""


def describe(schema: str, name: str) -> Composed:
    """What the catalogue knows of a table: its kind, columns with types, unique keys, the columns of its shadow, and
    the columns of unique indexes that ignore the case of e-mails."""
    return SQL(
        "select c.relkind::text,"
        " (select json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod), a.attgenerated)"
        "  order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),"
        " (select json_agg((select json_agg(a.attname order by a.attname) from pg_attribute a"
        "  where a.attrelid = c.oid and a.attnum = any(i.indkey))) from pg_index i"
        "  where i.indrelid = c.oid and i.indisunique and i.indpred is null and i.indexprs is null),"
        " (select json_agg(a.attname) from pg_attribute a join pg_class s on s.oid = a.attrelid"
        "  join pg_namespace m on m.oid = s.relnamespace where m.nspname = {shadows} and s.relname = c.relname"
        "  and a.attnum > 0 and not a.attisdropped),"
        " (select json_agg((select json_agg(distinct a.attname order by a.attname) from pg_depend d"
        "  join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid"
        "  where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid and d.refobjid = c.oid"
        "  and d.refclassid = 'pg_class'::regclass and a.attnum > 0))"
        "  from pg_index i where i.indrelid = c.oid and {caseless})"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = {schema} and c.relname = {name}"
    ).format(shadows=Literal(SHADOW_SCHEMA), caseless=IS_CASELESS, schema=Literal(schema), name=Literal(name))


DEPENDENT_VIEWS = SQL(
    "select distinct v.oid::regclass::text from pg_depend d join pg_rewrite r on r.oid = d.objid"
    " join pg_class v on v.oid = r.ev_class join pg_class c on c.oid = d.refobjid"
    " join pg_namespace n on n.oid = c.relnamespace"
    " where d.classid = 'pg_rewrite'::regclass and d.refclassid = 'pg_class'::regclass"
    " and n.nspname = %s and c.relname = %s and v.oid <> c.oid order by 1"
)

FOUND_FIRST = SQL(
    "select n.nspname, c.relkind::text, format('%%I.%%I', own.name, c.relname)"
    " from pg_class c join pg_namespace n on n.oid = c.relnamespace cross join (values (%s::name)) own (name)"
    " where c.relname = %s and n.oid <> pg_my_temp_schema() and array_position(current_schemas(true), n.nspname)"
    " < array_position(current_schemas(true), own.name)"
    " order by array_position(current_schemas(true), n.nspname) limit 1"
)
"""The relation that a name without a schema finds before the one in a schema: its schema, its kind, and how the other
has to be written; no row where there is none."""

ESTIMATE = SQL(
    "select c.reltuples::bigint from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where n.nspname = %s and c.relname = %s"
)
"""About how many rows the table has, as the planner knows it; -1 where it doesn't."""


def has_value(relation: Composable, column: str) -> Composed:
    """Whether the relation holds a value in the column."""
    return SQL("select exists (select from {} where {} is not null)").format(relation, Identifier(column))


def has_row(name: str, values: Mapping[str, Sequence[str]]) -> Composed:
    """Whether the table has a row that has one of the ``values`` in each of these columns."""
    wanted = SQL(" and ").join(
        SQL("{} in ({})").format(Identifier(column), SQL(", ").join(map(Literal, among)))
        for column, among in values.items()
    )
    return SQL("select exists (select from {} where {})").format(table(name), wanted)


def count_rows(name: str) -> Composed:
    """How many rows the table has."""
    return SQL("select count(*) from {}").format(table(name))


# -- the table's definition ---------------------------------------------------------------------------------------


def _definitions(kinds: Mapping[str, Type], prefix: str = "") -> list[Composed]:
    return [SQL(prefix + "{} {}").format(Identifier(name), SQL(kind.short)) for name, kind in kinds.items()]


def create_table(name: str, kinds: Mapping[str, Type], *, numbered: bool) -> Composed:
    """The table without our own columns but ``record_id``, which it has where rows have no identity."""
    record_id = [SQL("record_id bigint generated always as identity primary key")] if numbered else []
    return SQL("create table {} ({})").format(table(name), SQL(", ").join([*_definitions(kinds), *record_id]))


def alter_table(
    relation: Composable, added: Mapping[str, Type], altered: Mapping[str, Type], empty: Collection[str] = ()
) -> Composed:
    """Adds columns and widens others in place, their values as PostgreSQL writes them; ``empty`` ones have none."""
    steps = _definitions(added, "add column ")
    steps += [
        SQL("alter column {c} type {t} using {value}::{t}").format(
            c=Identifier(column), t=SQL(kind.short), value=SQL("null") if column in empty else Identifier(column)
        )
        for column, kind in altered.items()
    ]
    return SQL("alter table {} {}").format(relation, SQL(", ").join(steps))


_RETYPED = re.compile(r'alter column "((?:[^"]|"")+)" type ')


def retyped_columns(ddl: Iterable[str]) -> set[str]:
    """The columns to which statements of ``alter_table`` gave another type."""
    return {name.replace('""', '"') for statement in ddl for name in _RETYPED.findall(statement)}


def add_own_columns(name: str, missing: Sequence[str], run_id: int | None) -> list[Composed]:
    """Our own columns; the rows that stand get this run and its time without being written (a fast default)."""
    kinds = {"processed_at": ("timestamptz", SQL("now()")), "run_id": ("bigint", Literal(run_id))}
    add = [
        SQL("add column {} {} default {}").format(Identifier(c), SQL(kinds[c][0]), kinds[c][1])
        if run_id is not None
        else SQL("add column {} {}").format(Identifier(c), SQL(kinds[c][0]))
        for c in missing
    ]
    drop = [SQL("alter column {} drop default").format(Identifier(c)) for c in missing] if run_id is not None else []
    return [SQL("alter table {} {}").format(table(name), SQL(", ").join(steps)) for steps in (add, drop) if steps]


def add_record_id(name: str, *, primary: bool) -> Composed:
    """The number of each row, where rows have no identity."""
    return SQL("alter table {} add column record_id bigint generated always as identity {}").format(
        table(name), SQL("primary key" if primary else "unique")
    )


def add_key(name: str, key: Sequence[str], *, primary: bool) -> Composed:
    """The constraint that keeps an identity: the first is the primary key, a second unique."""
    kind = SQL("primary key" if primary else "unique")
    return SQL("alter table {} add {} ({})").format(table(name), kind, columns(key))


def add_caseless_index(name: str, key: Sequence[str], match: Matching) -> Composed:
    """The unique index of an identity whose e-mails are matched without regard to case, beside its constraint."""
    return SQL("create unique index on {} ({})").format(table(name), match.values(key))


# -- staging --------------------------------------------------------------------------------------------------------


_DROP_WORK = SQL(
    "drop table if exists pg_temp.ingest_stage, pg_temp.ingest_fate, pg_temp.ingest_filled, pg_temp.ingest_changes,"
    " pg_temp.ingest_held, pg_temp.ingest_named"
)


def create_stage(kinds: Mapping[str, Type]) -> Composed:
    """The stage; ``n$`` numbers records as they come, or is given.

    Two loads may share a transaction: the second starts without the first one's work.
    """
    number = SQL("n$ bigint generated by default as identity (minvalue 0 start 0)")
    create = SQL("create temp table {} ({}) on commit drop").format(
        Identifier("ingest_stage"), SQL(", ").join([number, *_definitions(kinds)])
    )
    return batch(_DROP_WORK, create)


def copy_rows(
    into: Composable, names: Sequence[str], typed: Sequence[str], dialect: Dialect, *, freeze: bool
) -> Composed:
    """COPY of CSV from the client: an empty cell is NULL, a quoted empty one too where the column is ``typed``."""
    options = [
        SQL("format csv, delimiter {}, quote {}, escape {}, encoding 'utf8'").format(
            Literal(dialect.delimiter), Literal(dialect.quote), Literal(dialect.escape)
        )
    ]
    if typed:
        options.append(SQL("force_null ({})").format(columns(typed)))
    if freeze:
        options.append(SQL("freeze"))
    return SQL("copy {} ({}) from stdin with ({})").format(into, columns(names), SQL(", ").join(options))


ANALYZE_STAGE = SQL("analyze {}").format(STAGE)
