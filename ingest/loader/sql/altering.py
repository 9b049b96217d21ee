"""SQL: what an operator changes by hand, held against every row."""

from collections.abc import Sequence

from psycopg2.sql import SQL, Composable, Composed, Identifier, Literal

from ingest.loader.outcome.target import SCHEMA
from ingest.loader.sql.matching import EXACT, Matching
from ingest.loader.sql.tables import IS_CASELESS, table
from ingest.loader.types.types import GRAMMAR, LONGEST_TYPED, SPACES, Type

KEYS = SQL(
    "select k.conname, array(select a.attname::text from pg_attribute a where a.attrelid = c.oid"
    " and a.attnum = any(k.conkey)) from pg_constraint k join pg_class c on c.oid = k.conrelid"
    " join pg_namespace n on n.oid = c.relnamespace"
    " where n.nspname = {} and c.relname = %s and k.contype in ('p', 'u')"
).format(Literal(SCHEMA))
"""The table's key constraints and their columns."""


def drop_key(name: str, constraint: str, key: Sequence[str]) -> Composed:
    """Drops a key; its columns may be NULL again."""
    steps = [SQL("drop constraint {}").format(Identifier(constraint))]
    steps += [SQL("alter column {} drop not null").format(Identifier(c)) for c in key if c != "record_id"]
    return SQL("alter table {} {}").format(table(name), SQL(", ").join(steps))


def _each(pattern: str, names: Sequence[str], between: str) -> Composed:
    return SQL(between).join(SQL(pattern).format(c=Identifier(name), spaces=Literal(SPACES)) for name in names)


def count_blank(name: str, key: Sequence[str]) -> Composed:
    """How many rows have no value in one of the columns."""
    return SQL("select count(*) from {} where {}").format(
        table(name), _each("coalesce(btrim({c}::text, {spaces}), '') = ''", key, " or ")
    )


def void_blanks(name: str, key: Sequence[str]) -> Composed:
    """Makes blank values of the columns NULL; the rows keep their run and its time."""
    blank = "nullif(btrim({c}::text, {spaces}), '') is null"
    return SQL("update {} set {} where {}").format(
        table(name),
        _each(f"{{c}} = case when {blank} then null else {{c}} end", key, ", "),
        _each(f"({{c}} is not null and {blank})", key, " or "),
    )


def has_key(name: str, key: Sequence[str]) -> Composed:
    """Whether a row has a value in each of the columns."""
    return SQL("select exists (select from {} where {})").format(table(name), _each("{c} is not null", key, " and "))


def count_longer(name: str, key: Sequence[str], limit: int) -> Composed:
    """How many rows have a longer key than an index entry holds."""
    return SQL("select count(*) from {} where {} > {}").format(
        table(name), _each("octet_length({c}::text)", key, " + "), Literal(limit)
    )


def repeated(name: str, key: Sequence[str], limit: int, match: Matching = EXACT) -> Composed:
    """Some keys that several rows have, each as the texts of two of these rows; NULL repeats nothing."""
    return SQL(
        "select min({key}), max({key}) from {table} where {known} group by {same} having count(*) > 1"
        " order by 1 limit {limit}"
    ).format(
        key=SQL("concat_ws(', ', {})").format(_each("{c}::text", key, ", ")),
        table=table(name),
        known=_each("{c} is not null", key, " and "),
        same=match.values(key),
        limit=Literal(limit),
    )


def count_repeated(name: str, key: Sequence[str], match: Matching) -> Composed:
    """How many keys several rows have."""
    return SQL(
        "select count(*) from (select from {table} where {known} group by {same} having count(*) > 1) repeated"
    ).format(table=table(name), known=_each("{c} is not null", key, " and "), same=match.values(key))


def are_addresses(name: str, column: str) -> Composed:
    """Whether the column has a value, and each holds exactly one @; blank ones are none."""
    return SQL("select coalesce(bool_and({c}::text ~ '^[^@]*@[^@]*$'), false) from {table} where {filled}").format(
        c=Identifier(column), table=table(name), filled=_each("btrim({c}::text, {spaces}) <> ''", [column], "")
    )


CASELESS_INDEXES = SQL(
    "select x.relname from pg_index i join pg_class x on x.oid = i.indexrelid join pg_class c on c.oid = i.indrelid"
    " join pg_namespace n on n.oid = c.relnamespace where n.nspname = {} and c.relname = %s and {}"
).format(Literal(SCHEMA), IS_CASELESS)
"""The table's unique indexes that ignore the case of e-mails."""


def drop_index(name: str) -> Composed:
    """Drops an index of a table."""
    return SQL("drop index {}").format(table(name))


def set_type(relation: Composable, column: str, kind: Type) -> Composed:
    """Gives the column the type; what is blank to the type becomes NULL."""
    value = SQL("{c}::text") if kind is Type.TEXT else SQL("nullif(btrim({c}::text, {spaces}), '')::{t}")
    return SQL("alter table {r} alter column {c} type {t} using {value}").format(
        r=relation,
        c=Identifier(column),
        t=SQL(kind.short),
        value=value.format(c=Identifier(column), spaces=Literal(SPACES), t=SQL(kind.short)),
    )


def _unfit(column: str, kind: Type) -> Composed:
    return SQL(
        "btrim({c}::text, {spaces}) <> '' and (btrim({c}::text, {spaces}) !~ {grammar}"
        " or length(btrim({c}::text, {spaces})) > {longest})"
    ).format(
        c=Identifier(column),
        spaces=Literal(SPACES),
        grammar=Literal(f"^(?:{GRAMMAR[kind]})$"),
        longest=Literal(LONGEST_TYPED),
    )


def count_unfit(name: str, column: str, kind: Type) -> Composed:
    """How many values the type doesn't hold."""
    return SQL("select count(*) from {} where {}").format(table(name), _unfit(column, kind))


def unfit_values(name: str, column: str, kind: Type, limit: int) -> Composed:
    """The first values that the type doesn't hold."""
    return SQL("select {}::text from {} where {} limit {}").format(
        Identifier(column), table(name), _unfit(column, kind), Literal(limit)
    )
