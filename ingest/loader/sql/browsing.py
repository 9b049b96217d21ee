"""SQL: a table of any shape is read for people, in bounded time and memory; nothing here writes.

Cells are read as PostgreSQL writes them, cut in the server: a cell may have megabytes, a number any digits, and a date
may lie outside of what Python knows.
"""

from collections.abc import Mapping, Sequence

from psycopg2.sql import SQL, Composable, Composed, Identifier, Literal

from ingest.loader.outcome.target import SCHEMA
from ingest.loader.sql.before_images import shadow
from ingest.loader.sql.matching import caseless
from ingest.loader.sql.reader import TAKE
from ingest.loader.sql.tables import table
from ingest.loader.types.values import MARK

_SESSION = SQL(
    # The database itself refuses whatever would write, from here to the transaction's end.
    "set transaction read only;"
    "set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local bytea_output = 'hex';"
    # A load that changes the columns keeps readers out: they are told so instead of left waiting.
    "set local lock_timeout = '2s'; set local synchronize_seqscans = off;"
    # Compiling takes longer than what is asked for here.
    "set local jit = off; set local statement_timeout = {};"
    # Whatever a page asks for, it is asked by a role that can read these tables and nothing else.
    "{}"
)


def read_only(milliseconds: int) -> Composed:
    """Makes the transaction one that can only read, and only these tables, each statement for so long at most."""
    return _SESSION.format(Literal(milliseconds), TAKE)


def limit_time(milliseconds: int) -> Composed:
    """Another limit for the statements that follow."""
    return SQL("set local statement_timeout = {}").format(Literal(milliseconds))


IN_ORDER = SQL("set local max_parallel_workers_per_gather = 0")
"""Rows come as they lie: several workers would mix them."""


def describe(name: str) -> Composed:
    """The table's kind and about how many rows it has; its columns; its indexes with what each can tell; the columns
    that an index has in lower case."""
    return SQL(
        "select c.relkind::text, c.reltuples::bigint,"
        " (select json_agg(json_build_array(a.attname, format_type(a.atttypid, a.atttypmod),"
        "   format_type(a.atttypid, null), t.typcategory::text, a.attnum) order by a.attnum)"
        "  from pg_attribute a join pg_type t on t.oid = a.atttypid"
        "  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),"
        " (select json_agg(json_build_array(i.indisprimary, i.indisunique and i.indimmediate, m.amname,"
        "   (select json_agg(a.attname order by k.place) from unnest(i.indkey::int2[]) with ordinality k(number, place)"
        "    join pg_attribute a on a.attrelid = c.oid and a.attnum = k.number where k.place <= i.indnkeyatts),"
        "   (select bool_and(a.attnotnull) from pg_attribute a where a.attrelid = c.oid and a.attnum = any(i.indkey)))"
        "   order by i.indisprimary desc, i.indnkeyatts, i.indexrelid)"
        "  from pg_index i join pg_class x on x.oid = i.indexrelid join pg_am m on m.oid = x.relam"
        "  where i.indrelid = c.oid and i.indisvalid and i.indpred is null and i.indexprs is null),"
        " (select json_agg(distinct a.attname) from pg_index i join pg_class x on x.oid = i.indexrelid"
        "  join pg_am m on m.oid = x.relam and m.amname = 'btree' join pg_attribute a on a.attrelid = c.oid"
        "  where i.indrelid = c.oid and i.indisvalid and i.indpred is null and i.indkey[0] = 0"
        "  and pg_get_indexdef(i.indexrelid, 1, true) in"
        "   (format('lower(%I)', a.attname), format('lower(%I::text)', a.attname)))"
        " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname = {schema} and c.relname = {name}"
    ).format(schema=Literal(SCHEMA), name=Literal(name))


def are_valid(values: Sequence[tuple[str, str]]) -> Composed:
    """Whether each text, beside its type, is one of that type's."""
    pairs = (SQL("pg_input_is_valid({}, {})").format(Literal(value), Literal(kind)) for value, kind in values)
    return SQL("select ") + SQL(", ").join(pairs)


# -- conditions: each of one column --------------------------------------------------------------------------------


def value(text: str, kind: str) -> Composable:
    """``text`` as a value of the type ``kind``; without one, of whatever it is compared with."""
    return SQL("{}::{}").format(Literal(text), SQL(kind)) if kind else Literal(text)


def _column(name: str) -> Composed:
    return SQL("t.{}").format(Identifier(name))


def is_one_of(column: str, kind: str, texts: Sequence[str]) -> Composed:
    """The value is one of these."""
    return SQL("{} in ({})").format(_column(column), SQL(", ").join(value(text, kind) for text in texts))


def is_in_lower_case(column: str, text: str) -> Composed:
    """The value is this one, in upper or lower case; an index of ``lower(column)`` finds it."""
    return SQL("lower({}) = lower({}::text)").format(_column(column), Literal(text))


def is_caseless(column: str, text: str) -> Composed:
    """The value is this one, in upper or lower case and with or without outer spaces, as identities ignore them."""
    return SQL("{} = {}").format(caseless(_column(column)), caseless(SQL("{}::text").format(Literal(text))))


def compares(column: str, operator: str, text: str, kind: str, *, days: int = 0) -> Composed:
    """``>=``, ``<=`` or ``<`` the value, some days later."""
    later = SQL(" + interval {}").format(Literal(f"{days} days")) if days else SQL("")
    return SQL("{} {} {}{}").format(_column(column), SQL(operator), value(text, kind), later)


def contains(column: str, text: str, *, at_start: bool = False) -> Composed:
    """The text is in the cell, in upper or lower case."""
    escaped = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return SQL("{}::text ilike {}").format(_column(column), Literal(f"{escaped}%" if at_start else f"%{escaped}%"))


def is_null(column: str) -> Composed:
    """There is no value."""
    return SQL("{} is null").format(_column(column))


def is_filled(column: str, *, text: bool) -> Composed:
    """There is a value, and one that isn't the empty string."""
    return SQL("{0} <> ''" if text else "{0} is not null").format(_column(column))


def is_empty(column: str) -> Composed:
    """There is no value, or the empty string."""
    return SQL("({0} is null or {0} = '')").format(_column(column))


def any_of(conditions: Sequence[Composable]) -> Composed:
    """One of them holds."""
    return SQL("({})").format(SQL(" or ").join(conditions))


def _where(conditions: Sequence[Composable]) -> Composable:
    return SQL(" where ") + SQL(" and ").join(conditions) if conditions else SQL("")


# -- order and place -------------------------------------------------------------------------------------------------


def order(columns: Sequence[str], *, descending: bool) -> Composable:
    """By these columns, all in one direction, so that an index serves both."""
    direction = SQL(" desc" if descending else "")
    terms = [_column(column) + direction for column in columns]
    return SQL(" order by ") + SQL(", ").join(terms) if terms else SQL("")


def beyond(columns: Sequence[str], texts: Sequence[str], kinds: Sequence[str], *, descending: bool) -> Composed:
    """The rows that come after one with these values, of which none is NULL."""
    return SQL("({}) {} ({})").format(
        SQL(", ").join(map(_column, columns)),
        SQL("<" if descending else ">"),
        SQL(", ").join(map(value, texts, kinds)),
    )


def up_to(columns: Sequence[str], texts: Sequence[str], kinds: Sequence[str]) -> Composed:
    """The rows up to the one with these values, itself included."""
    return SQL("({}) <= ({})").format(SQL(", ").join(map(_column, columns)), SQL(", ").join(map(value, texts, kinds)))


LONGEST_PLACE = 2_700
"""Characters of a value in an address: as many as the bytes that an entry of an index has."""


# -- rows --------------------------------------------------------------------------------------------------------------


def whole(name: str) -> Composed:
    """All rows of the table, to be read from."""
    return SQL("{} t").format(table(name))


def nth(name: str, key: Sequence[str], conditions: Sequence[Composable], number: int) -> Composed:
    """The key of the ``number``-th row that meets the conditions, in the key's order; no row if there are fewer."""
    return SQL("select {cells} from {source}{where}{order} offset {before} limit 1").format(
        cells=SQL(", ").join(SQL("{}::text").format(_column(column)) for column in key),
        source=whole(name),
        where=_where(conditions),
        order=order(key, descending=False),
        before=Literal(number - 1),
    )


def _cell(column: str, longest: int) -> Composed:
    """One character more than ``longest`` tells that the cell goes on; only so much of it is read."""
    return SQL("substr({}::text, 1, {})").format(_column(column), Literal(longest + 1))


def page(
    name: str,
    source: Composable,
    conditions: Sequence[Composable],
    *,
    key: Sequence[str],
    ordered: Sequence[str],
    descending: bool,
    columns: Sequence[str],
    longest: int,
    limit: int,
    offset: int,
) -> Composed:
    """Some rows: their ``key`` and what they are ``ordered`` by, then the cells of ``columns``, cut.

    They are found by key first and read then: sorting or skipping millions carries no wide rows along.
    """
    placed = list(dict.fromkeys([*key, *ordered]))
    return SQL(
        "select {own}, {cells} from (select {placed} from {source}{where}{order} limit {limit} offset {offset}) k"
        " join {table} t on {same}{shown}"
    ).format(
        own=SQL(", ").join(_cell(column, LONGEST_PLACE) for column in [*key, *ordered]),
        shown=order(ordered or key, descending=descending),
        cells=SQL(", ").join(_cell(column, longest) for column in columns) or SQL("null"),
        placed=SQL(", ").join(map(_column, placed)),
        source=source,
        where=_where(conditions),
        order=order(ordered, descending=descending),
        limit=Literal(limit),
        offset=Literal(offset),
        table=table(name),
        same=SQL(" and ").join(SQL("t.{c} = k.{c}").format(c=Identifier(column)) for column in key),
    )


def exists(name: str, conditions: Sequence[Composable]) -> Composed:
    """Whether the table has such a row."""
    return SQL("select exists (select from {}{})").format(whole(name), _where(conditions))


def count(source: Composable, conditions: Sequence[Composable], most: int) -> Composed:
    """How many rows there are, up to ``most``."""
    return SQL("select count(*) from (select from {}{} limit {}) s").format(source, _where(conditions), Literal(most))


def row(name: str, key: Mapping[str, tuple[str, str]], columns: Sequence[str], longest: int) -> Composed:
    """The row that has this key (value and type by column): each cell, cut, and how many characters it has."""
    cells = [SQL("{}, length({}::text)").format(_cell(column, longest), _column(column)) for column in columns]
    same = [is_one_of(column, kind, [text]) for column, (text, kind) in key.items()]
    return SQL("select {} from {}{} limit 1").format(SQL(", ").join(cells), whole(name), _where(same))


def image(name: str, run_id: int, same: Sequence[Composable], columns: Sequence[str], longest: int) -> Composed:
    """The row as it was before the run changed it."""
    cells = SQL(", ").join(_cell(column, longest) for column in columns)
    before = [SQL('t."$run" = {}').format(Literal(run_id)), SQL('not t."$deleted"'), *same]
    return SQL("select {} from {} t{} limit 1").format(cells, shadow(name), _where(before))


# -- facets ------------------------------------------------------------------------------------------------------------


def known_facets(name: str, most: int, longest: int) -> Composed:
    """Column, commonest values, their shares and that of NULL, where values are few; as ANALYZE has found them."""
    return SQL(
        "select attname, most_common_vals::text::text[], most_common_freqs, null_frac from pg_stats"
        " where schemaname = {schema} and tablename = {name} and not inherited and n_distinct between 1 and {most}"
        " and most_common_vals is not null"
        " and (select max(length(v)) from unnest(most_common_vals::text::text[]) v) <= {longest}"
    ).format(schema=Literal(SCHEMA), name=Literal(name), most=Literal(most), longest=Literal(longest))


def counted_facets(
    source: Composable, conditions: Sequence[Composable], columns: Sequence[str], *, most: int, longest: int, rows: int
) -> Composed:
    """Column's number, value and count, the commonest first: one more than ``most`` values of each column."""
    cells = SQL(", ").join(
        SQL("{} {}").format(_cell(column, longest), Identifier(f"c{at}")) for at, column in enumerate(columns)
    )
    counts = SQL(" union all ").join(
        SQL("(select {}, {c}, count(*) from s group by {c} order by 3 desc, 2 limit {})").format(
            Literal(at), Literal(most + 1), c=Identifier(f"c{at}")
        )
        for at, _ in enumerate(columns)
    )
    return (
        SQL("with s as materialized (select {} from {}{} limit {}) ").format(
            cells, source, _where(conditions), Literal(rows)
        )
        + counts
    )


# -- export ------------------------------------------------------------------------------------------------------------

EXPORTED = "spreadsheet-safe"
"""What the last column of such an export says in each row."""
FORMULA = "=+-@\t\r"
"""What a cell begins with that a spreadsheet would run."""


def marked(column: str) -> Composed:
    """The text, with a mark before it where a spreadsheet would take it for a formula, or where it has one already."""
    return SQL("case when left({c}, 1) in ({signs}) then {mark} || {c} else {c} end").format(
        c=SQL("{}::text").format(_column(column)),
        signs=SQL(", ").join(map(Literal, FORMULA + MARK)),
        mark=Literal(MARK),
    )


def _rows_of(
    source: Composable, conditions: Sequence[Composable], ordered: Sequence[str], cells: Composable, *, descending: bool
) -> Composed:
    return SQL("select {} from {}{}{}").format(cells, source, _where(conditions), order(ordered, descending=descending))


def csv(
    source: Composable,
    conditions: Sequence[Composable],
    *,
    ordered: Sequence[str],
    descending: bool,
    columns: Mapping[str, bool],
    delimiter: str,
    quote: str,
    escape: str,
    safe: bool,
) -> Composed:
    """COPY of the rows as CSV without a header; ``columns`` says which are texts.

    Their values are quoted, each of them: nothing but NULL is an empty cell then, and no text is taken for a comment or
    a delimiter. ``safe`` marks what a spreadsheet would run, and adds a last column that says so.
    """
    written = [marked(column) if safe else SQL("{}::text").format(_column(column)) for column in columns]
    cells = [SQL("{} as {}").format(cell, Identifier(f"c{at}")) for at, cell in enumerate(written)]
    texts = [Identifier(f"c{at}") for at, is_text in enumerate(columns.values()) if is_text]
    return SQL("copy ({}) to stdout (format csv, delimiter {}, quote {}, escape {}{}, encoding 'utf8')").format(
        _rows_of(
            source,
            conditions,
            ordered,
            SQL(", ").join([*cells, SQL("{} as export").format(Literal(EXPORTED))] if safe else cells),
            descending=descending,
        ),
        Literal(delimiter),
        Literal(quote),
        Literal(escape),
        SQL(", force_quote ({})").format(SQL(", ").join(texts)) if texts else SQL(""),
    )


def json(
    source: Composable,
    conditions: Sequence[Composable],
    *,
    ordered: Sequence[str],
    descending: bool,
    columns: Sequence[str],
) -> Composed:
    """COPY of the rows as JSON objects, one a line, a comma before each; ``\\x01`` and ``\\x02`` occur in no JSON."""
    cells = SQL(", ").join(map(_column, columns))
    objects = SQL("',' || row_to_json((select r from (select {}) r))").format(cells)
    return SQL("copy ({}) to stdout (format csv, quote E'\\x01', delimiter E'\\x02', encoding 'utf8')").format(
        _rows_of(source, conditions, ordered, objects, descending=descending)
    )
