"""E-mails that differ by case or outer spaces only: told, or matched where the dataset says so.

See file-rules#email-case.
"""

from collections.abc import Iterator, Sequence

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection
from psycopg2.sql import SQL, Literal

from ingest.loader.alter import change_key, change_type, ignore_email_case
from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.target import Mode, Target
from ingest.loader.planning.identities import Identities
from ingest.loader.planning.safeguards import EVERYTHING
from ingest.loader.sql import lookalikes, matching
from ingest.loader.types.types import Type
from ingest.loader.types.values import caseless, caseless_sql, literal
from tests.loader.conftest import WAYS, clear, going
from tests.loader.loading import load_bytes, read_table

EMAIL: Identities = (("email",),)
BOTH: Identities = (("id",), ("email",))


@pytest.fixture
def database(shared: Connection) -> Iterator[Connection]:
    clear(shared)
    yield shared
    shared.rollback()


def load(connection: Connection, content: str, run_id: int, **known: object) -> Outcome:
    target = Target(table="t", run_id=run_id, approved=EVERYTHING, **known)  # type: ignore[arg-type]
    outcome = load_bytes(connection, content.encode(), target)
    assert isinstance(outcome, Outcome), outcome
    return outcome


def told(outcome: Outcome) -> list[str]:
    return [note.partition(" an e-mail that differs")[0] for note in outcome.notes if "differs" in note]


# -- one rule in three languages ------------------------------------------------------------------------------------

TEXTS = st.text(
    st.one_of(
        st.sampled_from("aAzZ@ \t\r\n\v\fİıßÖö\u00a0\u212a'\\"), st.characters(codec="utf-8", exclude_characters="\0")
    )
)


@settings(max_examples=200)
@given(text=TEXTS)
def test_python_duckdb_and_postgresql_compare_the_same_text(newest: Connection, text: str) -> None:
    mine = caseless(text)
    assert duckdb.execute(f"select {caseless_sql(literal(text))}").fetchall() == [(mine,)]
    with newest.cursor() as cursor:
        cursor.execute(SQL("select {}").format(matching.caseless(Literal(text))))
        assert cursor.fetchone() == (mine,)


def test_only_the_letters_of_ascii_and_outer_spaces_are_ignored() -> None:
    assert caseless(" \tAda.L@X.ORG\r\n\v\f") == "ada.l@x.org"
    assert caseless("\u00a0ÖzİI@x") == "\u00a0ÖzİI@x".replace("I", "i")
    assert caseless("a b@x") == "a b@x"


# -- without the switch: how many new rows look like others ---------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        ("email,v\nAda@x,1\nbob@x,1\n", "email,v\nada@x,2\nBOB@X ,2\nbob@x,2\nnew@x,1\n", ["2 new rows have"]),
        ("email,v\nAda@x,1\n", "email,v\nADA@x,1\n", ["1 new row has"]),
        ("email,v\nAda@x,1\n", "email,v\nAda@x,2\nnew@x,1\n", []),
        ("email,v\nAda@x,1\n", "email,v\nada@y,2\n", []),
        ("id,email\n1,Ada@x\n2,bob@x\n3,\n", "id,email\n4,ada@x\n5,\n6,BOB@x\n", ["2 new rows have"]),
        ("id,email\n1,Ada@x\n", "id,email\n1,ADA@x\n", []),  # its own row: updated
        ("id,email\n1,Ada@x\n2,b@x\n", "id,email\n2,c@x\n3,ada@x\n1,b@x\n", ["1 new row has"]),
        ("id,E-mail\n1,Ada@x\n", "id,E-mail\n2,ada@x\n", ["1 new row has"]),
        ("id,email\n1,Ada@x\n2,Ada@x\n", "id,email\n3,ada@x\n", []),  # e-mails identify nobody there
        ("a,v\nAda@x,1\n", "a,v\nada@x,1\n", []),
    ],
)
def test_new_rows_whose_e_mail_looks_like_another_ones_are_counted_on_every_way(
    database: Connection, first: str, then: str, said: list[str]
) -> None:
    for way in WAYS:
        clear(database)
        with going(way):
            _load_both(database, first, then, said)


def _load_both(database: Connection, first: str, then: str, said: list[str]) -> None:
    before = load(database, first, 1, reject_count=99)
    outcome = load(database, then, 2, identities=before.identities, headers=before.headers, reject_count=99)
    assert (told(before), told(outcome)) == ([], said)


def test_the_e_mail_of_a_declared_key_is_looked_at_with_its_other_columns(database: Connection) -> None:
    key = ("country", "email")
    load(database, "country,email\nde,Ada@x\n", 1, declared_key=key)
    outcome = load(database, "country,email\nde,ada@x\nfr,ada@x\n", 2, declared_key=key, identities=(key,))
    assert told(outcome) == ["1 new row has"]


def test_of_a_large_table_only_rows_in_lower_case_are_looked_up(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookalikes, "COMPARED", 0)
    monkeypatch.setattr(lookalikes, "SHARE", 0)
    load(database, "email,v\nAda@x,1\nbob@x,1\n", 1)
    outcome = load(database, "email,v\nADA@x,2\n BOB@x,2\n", 2, identities=EMAIL)
    assert told(outcome) == ["At least 1 new row has"]
    assert told(load(database, "email,v\naDA@x,2\n", 3, identities=EMAIL)) == []
    assert told(load(database, "email,v\nada@x,2\n", 4, identities=EMAIL)) == []


def test_with_the_switch_nothing_is_left_to_tell(database: Connection) -> None:
    load(database, "email,v\nAda@x,1\n", 1, ignore_email_case=True)
    assert load(database, "email,v\nada@x,2\nb@x,1\n", 2, identities=EMAIL, ignore_email_case=True).notes == ()


# -- the switch --------------------------------------------------------------------------------------------------------


def rows(connection: Connection) -> set[Sequence[object]]:
    found = read_table(connection, "t")
    assert found is not None
    return {tuple(value for name, value in row.items() if name in found.kinds) for row in found.rows}


def indexes(connection: Connection) -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from pg_indexes where schemaname = 'datasets' and indexdef like '%btrim%'")
        (count,) = cursor.fetchone() or (0,)
    return int(count)


@pytest.mark.parametrize("identities", [EMAIL, BOTH])
def test_it_is_refused_where_two_rows_would_become_one(database: Connection, identities: Identities) -> None:
    load(database, "id,email\n1,Ada@x\n2,ada@x\n3,b@x\n4,B@x \n5,c@x\n", 1, identities=identities)
    with pytest.raises(RunFailed, match="2 e-mails are in several rows that would become one, such as ") as refused:
        ignore_email_case(database, "t", identities, ignore=True)
    assert "'Ada@x'" in str(refused.value)
    assert "'ada@x'" in str(refused.value)
    database.rollback()
    assert indexes(database) == 0


def test_it_needs_an_e_mail_in_the_key(database: Connection) -> None:
    load(database, "id,email\n1,Ada@x\n", 1, identities=(("id",),))
    with pytest.raises(RunFailed, match=r"The key of t \(id\) has no e-mail column"):
        ignore_email_case(database, "t", (("id",),), ignore=True)
    assert not ignore_email_case(database, "t", (("id",),), ignore=False)


@pytest.mark.parametrize("identities", [EMAIL, BOTH])
def test_once_it_is_on_the_table_itself_refuses_a_second_row(database: Connection, identities: Identities) -> None:
    load(database, "id,email,v\n1,Ada@x,1\n2,b@x,1\n", 1, identities=identities)
    assert ignore_email_case(database, "t", identities, ignore=True)
    database.commit()
    assert indexes(database) == 1
    outcome = load(database, "id,email,v\n1,ADA@x,1\n2,b@x,1\n", 2, identities=identities, ignore_email_case=True)
    assert (outcome.updated, outcome.unchanged, outcome.ddl) == (1, 1, ())
    with database.cursor() as cursor, pytest.raises(Exception, match="duplicate key"):
        cursor.execute("insert into datasets.t (id, email) values (9, ' aDA@x')")
    database.rollback()
    assert ignore_email_case(database, "t", identities, ignore=False)
    database.commit()
    assert indexes(database) == 0
    outcome = load(database, "id,email,v\n7,ada@x,1\n", 3, identities=identities)
    assert (outcome.inserted, told(outcome)) == (1, ["1 new row has"])


def test_a_table_that_lacks_its_index_gets_it_with_the_next_load(database: Connection) -> None:
    load(database, "email,v\nAda@x,1\n", 1)
    outcome = load(database, "email,v\nada@x,2\n", 2, identities=EMAIL, ignore_email_case=True)
    assert (outcome.updated, indexes(database)) == (1, 1)
    assert "btrim" in outcome.ddl[0]


def test_rows_that_would_become_one_fail_a_load_in_a_sentence(database: Connection) -> None:
    load(database, "email,v\nAda@x,1\nada@x,1\n", 1)
    target = Target(table="t", run_id=2, identities=EMAIL, ignore_email_case=True)
    failed = load_bytes(database, b"email,v\nada@x,2\n", target)
    assert isinstance(failed, RunFailed)
    assert "email can't be the key of t" in str(failed)


def test_another_key_takes_the_index_with_it(database: Connection) -> None:
    load(database, "email,v\nAda@x,1\nb@x,2\n", 1, ignore_email_case=True)
    assert indexes(database) == 1
    change_key(database, "t", (("v",),), ignore_email_case=True)
    database.commit()
    assert indexes(database) == 0
    change_key(database, "t", EMAIL, ignore_email_case=True)
    assert indexes(database) == 1


def test_another_key_is_held_against_rows_as_they_would_be_matched(database: Connection) -> None:
    load(database, "id,email\n1,Ada@x\n2,ada@x\n", 1, declared_key=("id",))
    with pytest.raises(RunFailed, match="rows repeat it, such as "):
        change_key(database, "t", BOTH, ignore_email_case=True)
    database.rollback()
    change_key(database, "t", BOTH)


def test_a_column_whose_case_is_ignored_stays_text(database: Connection) -> None:
    load(database, "email,v\n1@x,1\n", 1, ignore_email_case=True)
    with database.cursor() as cursor:
        cursor.execute("update datasets.t set email = '1'")
    with pytest.raises(RunFailed, match="email can't become bigint: it is a key whose case is ignored"):
        change_type(database, "t", "email", Type.BIGINT)


def test_a_large_file_finds_its_rows_by_an_index_of_the_stage(
    database: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.loader.writing.match_rows.INDEXED", 1)
    load(database, "email,v\nAda@x,1\nb@x,1\n", 1, ignore_email_case=True)
    known = {"identities": EMAIL, "ignore_email_case": True, "mode": Mode.SNAPSHOT}
    outcome = load(database, "email,v\nada@x,2\nADA@x,3\n", 2, **known)
    assert (outcome.updated, outcome.duplicate, outcome.deleted) == (1, 1, 1)
    assert rows(database) == {("ADA@x", "3")}
