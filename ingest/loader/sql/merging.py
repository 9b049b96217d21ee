"""SQL: each record finds its row, and what differs is written (file-rules#keys).

Everything unusual ends in one small table of fates; what is left in the table of changes goes in by one MERGE.
"""

from collections.abc import Sequence

from psycopg2.sql import SQL, Composed, Identifier, Literal

from ingest.loader.outcome.reject_codes import Code
from ingest.loader.sql import lookalikes
from ingest.loader.sql.matching import EXACT, Matching, caseless
from ingest.loader.sql.tables import CHANGES, STAGE, columns, table
from ingest.loader.types.types import SPACES

FATE = Identifier("pg_temp", "ingest_fate")
FILLED = Identifier("pg_temp", "ingest_filled")
HELD = Identifier("pg_temp", "ingest_held")

CREATE_FATE = SQL("create temp table ingest_fate (n$ bigint, code text, other bigint, holder text) on commit drop")
"""Records that don't go in: ``other`` is the number of the record that counts instead, ``holder`` the id of the row
that holds the e-mail."""
INDEX_FATE = SQL("create index on {} (n$)").format(FATE)
ANALYZE_FATE = SQL("analyze {}").format(FATE)

COUNT_FATES = SQL("select code, count(*) from {} group by code").format(FATE)

BY_PLACE = SQL("set local enable_hashjoin = off; set local enable_mergejoin = off")
"""Rows are read at their places, one by one: 0.5 s for 133,000 of 4 million where reading all takes 2 s. The planner
counts each as a random read from disk."""
BY_ANY_WAY = SQL("set local enable_hashjoin = on; set local enable_mergejoin = on")


def rejected_fates(key: Sequence[str]) -> Composed:
    """The records without a usable key or in conflict, in their order: n, code, other, holder, the key's values."""
    values = SQL(", ").join(SQL("s.{}::text").format(Identifier(name)) for name in key)
    return SQL(
        "select f.n$, f.code, f.other, f.holder, array[{values}] from {fate} f join {stage} s on s.n$ = f.n$"
        " where f.code <> 'duplicate' order by f.n$"
    ).format(values=values, fate=FATE, stage=STAGE)


def _each(pattern: str, names: Sequence[str], between: str) -> Composed:
    return SQL(between).join(SQL(pattern).format(c=Identifier(name)) for name in names)


_NOT_FATED = SQL("not exists (select from {fate} f where f.n$ = s.n$)").format(fate=FATE)


def fate_null_keys(key: Sequence[str]) -> Composed:
    """Records without a value in one of the key's columns."""
    return SQL("insert into {fate} (n$, code) select s.n$, {code} from {stage} s where {null}").format(
        fate=FATE, code=Literal(Code.NULL_KEY.value), stage=STAGE, null=_each("s.{c} is null", key, " or ")
    )


def repeats(key: Sequence[str], match: Matching = EXACT) -> Composed:
    """Whether two records have the same key: a sort, 0.45 s for 2 million numbers where grouping takes 1.8 s."""
    return SQL("select count(*) <> count(distinct {key}) from {stage} where {known}").format(
        key=match.values(key) if len(key) == 1 else SQL("({})").format(match.values(key)),
        stage=STAGE,
        known=_each("{c} is not null", key, " and "),
    )


BEFORE_INDEX = SQL("savepoint ingest_index")
WITHOUT_INDEX = SQL("rollback to savepoint ingest_index")


def index_stage(key: Sequence[str], match: Matching = EXACT, *, unique: bool) -> Composed:
    """An index of the stage by its key; ``unique`` fails where two records have the same."""
    kind = SQL("unique index" if unique else "index")
    return SQL("create {kind} on {stage} ({key})").format(kind=kind, stage=STAGE, key=match.values(key))


def fate_duplicates(key: Sequence[str], match: Matching = EXACT) -> Composed:
    """Of records with the same key the last counts."""
    return SQL(
        "insert into {fate} (n$, code, other) select s.n$, 'duplicate', d.last$"
        " from (select {named}, max(n$) as last$ from {stage} where {known} group by {key} having count(*) > 1) d"
        " join {stage} s on ({mine}) = ({theirs}) where s.n$ < d.last$"
    ).format(
        fate=FATE,
        stage=STAGE,
        named=match.named(key),
        key=match.values(key),
        known=_each("{c} is not null", key, " and "),
        mine=match.values(key, "s"),
        theirs=columns(key, "d"),
    )


def count_differing(rest: Sequence[str]) -> Composed:
    """How many duplicates differ, in a column that isn't their key, from the record that counts."""
    return SQL(
        "select count(*) from {fate} f join {stage} s on s.n$ = f.n$ join {stage} w on w.n$ = f.other"
        " where f.code = 'duplicate' and ({mine}) is distinct from ({others})"
    ).format(fate=FATE, stage=STAGE, mine=columns(rest, "s"), others=columns(rest, "w"))


def emails_are_shared(email: str, match: Matching = EXACT) -> Composed:
    """Whether two records with different ids have the same e-mail: it identifies nobody then."""
    return SQL(
        "select exists (select from {stage} where {told} and id is not null"
        " group by {email} having min(id::text) <> max(id::text))"
    ).format(stage=STAGE, told=_told(email), email=match.value(email))


def has_value(column: str) -> Composed:
    """Whether a record of the stage has a value, not a blank one, in the text column."""
    return SQL("select exists (select from {stage} where {told})").format(stage=STAGE, told=_told(column))


def void_blanks(column: str) -> Composed:
    """Makes blank cells of a text column that turned out to be a key NULL."""
    return SQL("update {stage} set {column} = null where {column} is not null and not {told}").format(
        stage=STAGE, column=Identifier(column), told=_told(column)
    )


def _told(column: str) -> Composed:
    return SQL("btrim({}::text, {}) <> ''").format(Identifier(column), Literal(SPACES))


def fill_ids(name: str, email: str, match: Matching = EXACT) -> list[Composed]:
    """A record without id takes the one of the last record with its e-mail, else of the row with its e-mail."""
    named = {"stage": STAGE, "table": table(name), "email": Identifier(email), "key": match.value(email)}
    return [
        SQL(
            "create temp table ingest_filled on commit drop as select s.n$, coalesce(f.id, t.id) as id from {stage} s"
            " left join (select distinct on ({key}) {key} as key$, id from {stage} where id is not null and {key} in"
            "  (select {key} from {stage} where id is null and {email} is not null) order by {key}, n$ desc) f"
            "  on f.key$ = {of_record}"
            " left join {table} t on {of_row} = {of_record} where s.id is null"
        ).format(**named, of_record=match.value(email, "s"), of_row=match.value(email, "t")),
        SQL("insert into {fate} (n$, code) select n$, {code} from {filled} where id is null").format(
            code=Literal(Code.NULL_KEY.value), fate=FATE, filled=FILLED
        ),
        SQL("update {stage} s set id = f.id from {filled} f where f.n$ = s.n$ and f.id is not null").format(
            stage=STAGE, filled=FILLED
        ),
    ]


def find_changes(
    name: str,
    key: Sequence[str],
    rest: Sequence[str],
    match: Matching = EXACT,
    *,
    fated: bool,
    email: str | None,
) -> Composed:
    """The records that have no row, or differ from it in a column of ``rest``: all that is to be written.

    ``target`` is the place of the row that stands: under the table's lock no row moves, and finding it again by its
    place costs less than by its key. ``email`` is the second identity, if there is one.
    """
    differs = [SQL("t.{k} is null").format(k=Identifier(key[0]))]
    if rest:
        differs.append(SQL("({}) is distinct from ({})").format(columns(rest, "t"), columns(rest, "s")))
    old_email = SQL(", t.{} as email$").format(Identifier(email)) if email else SQL("")
    return SQL(
        "create temp table ingest_changes on commit drop as"
        " select s.*, t.ctid as target${old_email} from {stage} s left join {table} t on {same}"
        " where {fated}({differs})"
    ).format(
        old_email=old_email,
        stage=STAGE,
        table=table(name),
        same=match.same(key, "t", "s"),
        fated=SQL("{} and ").format(_NOT_FATED) if fated else SQL(""),
        differs=SQL(" or ").join(differs),
    )


def _is_new_email(email: str, match: Matching, row: str = "") -> Composed:
    """Whether a change brings another e-mail than its row has, or than a new row, which has none."""
    before = SQL("{}.email$").format(Identifier(row)) if row else SQL("email$")
    return SQL("{} is distinct from {}").format(
        match.value(email, row), caseless(before) if email in match.caseless else before
    )


def count_changes(name: str, email: str | None, match: Matching = EXACT, alike: Composed | None = None) -> Composed:
    """How many records are new, how many change a row, whether one changes the e-mail of a row; and, by a query of
    ``lookalikes``, how many new ones are ``alike`` another row, and whether all rows were compared."""
    freed = SQL("false")
    if email:
        freed = SQL("coalesce(bool_or(target$ is not null and {}), false)").format(_is_new_email(email, match))
    counts = SQL("select count(*) - count(target$) as new, count(target$) as changed, {} as freed from {}").format(
        freed, CHANGES
    )
    if alike is None:
        return SQL("select new, changed, freed, 0, true from ({}) n").format(counts)
    return SQL("select new, changed, freed, {}, whole from ({}) n, lateral ({}) w").format(
        alike, counts, lookalikes.is_compared_whole(name)
    )


ANALYZE_CHANGES = SQL("analyze {}").format(CHANGES)


def settle_emails(name: str, email: str, match: Matching = EXACT) -> list[Composed]:
    """Records that bring an e-mail which another row or record holds: who conflicts, and who takes that row over."""
    drop_fated = SQL("delete from {changes} c using {fate} f where f.n$ = c.n$").format(changes=CHANGES, fate=FATE)
    names = {"changes": CHANGES, "fate": FATE, "held": HELD, "stage": STAGE, "table": table(name)}
    names |= {"conflict": Literal(Code.KEY_CONFLICT.value)}
    names |= {"email": Identifier(email), "key": match.value(email)}
    return [
        SQL(
            "create temp table ingest_held on commit drop as"
            " select c.n$, c.target$ is not null as known, h.id, h.ctid as row"
            " from {changes} c join {table} h on {same} where {new}"
        ).format(same=match.same([email], "h", "c"), new=_is_new_email(email, match, "c"), **names),
        SQL("analyze {held}").format(**names),
        # Two rows are meant where the record has one of its own, or where the file names the holder by its id.
        SQL(
            "insert into {fate} (n$, code, other, holder)"
            " select h.n$, {conflict}, case when not h.known then w.n$ end, h.id::text from {held} h"
            " left join {stage} w on w.id = h.id and not exists (select from {fate} f where f.n$ = w.n$)"
            " where h.known or w.n$ is not null"
        ).format(**names),
        drop_fated,
        SQL("update {changes} c set target$ = h.row from {held} h where h.n$ = c.n$ and not h.known").format(**names),
        SQL(
            "insert into {fate} (n$, code, other) select x.n$, {conflict}, x.last$ from"
            " (select n$, max(n$) over (partition by {key}) as last$ from {changes}"
            "  where {email} is not null and {new}) x where x.n$ < x.last$"
        ).format(new=_is_new_email(email, match), **names),
        drop_fated,
    ]


def merge(
    name: str, key: Sequence[str], rest: Sequence[str], run_id: int, *, updated: bool, with_email: bool
) -> Composed:
    """Writes every change: rows get the file's columns, this run and its time.

    ``updated`` says whether a change is of a row that stands; without any, a plain INSERT does.
    """
    # A row that was found by its e-mail takes the record's id; a key found by itself needs no writing.
    written = [*key, *rest] if with_email else list(rest)
    names = list(dict.fromkeys([*key, *rest]))
    own = SQL("now(), {}").format(Literal(run_id))
    update = SQL("when matched then update set {sets}, processed_at = now(), run_id = {run} ").format(
        sets=_each("{c} = c.{c}", written, ", "), run=Literal(run_id)
    )
    inserted = SQL(
        "insert into {table} ({names}, processed_at, run_id) select {values}, {own} from {changes} c order by n$"
    ).format(table=table(name), names=columns(names), values=columns(names, "c"), own=own, changes=CHANGES)
    if not updated:
        return inserted
    return SQL(
        "merge into {table} t using {changes} c on t.ctid = c.target$ {update}"
        "when not matched then insert ({names}, processed_at, run_id) values ({values}, {own})"
    ).format(
        table=table(name),
        changes=CHANGES,
        update=update if written else SQL(""),
        names=columns(names),
        values=columns(names, "c"),
        own=own,
    )


def append(name: str, names: Sequence[str], run_id: int) -> Composed:
    """Writes every record as a new row, in the file's order."""
    return SQL(
        "insert into {table} ({names}, processed_at, run_id) select {names}, now(), {run} from {stage} order by n$"
    ).format(table=table(name), names=columns(names), run=Literal(run_id), stage=STAGE)
