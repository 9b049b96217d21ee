"""A key or a type changed by hand is held against every row first (file-rules#types and #keys)."""

from collections.abc import Iterator

import pytest
from psycopg2.extensions import connection as Connection

from ingest.loader.alter import change_key, change_type
from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.target import Target
from ingest.loader.types.types import Type
from tests.loader.conftest import clear
from tests.loader.loading import load_bytes, read_table


@pytest.fixture
def table(shared: Connection) -> Iterator[Connection]:
    clear(shared)
    load(shared, "id,email,country,no,v,w\n1,a,de,1,1,\n2,b,de,2,2,x\n3,c,fr,1,oops,x\n", 1)
    yield shared
    shared.rollback()


def load(connection: Connection, content: str, run_id: int, **known: object) -> Outcome:
    outcome = load_bytes(connection, content.encode(), Target(table="t", run_id=run_id, **known))  # type: ignore[arg-type]
    assert isinstance(outcome, Outcome), outcome
    return outcome


def test_a_key_of_two_columns_takes_the_place_of_id_and_email(table: Connection) -> None:
    change_key(table, "t", (("country", "no"),))
    outcome = load(table, "country,no,v\nde,1,9\nfr,2,9\n", 2, identities=(("country", "no"),))
    assert (outcome.inserted, outcome.updated) == (1, 1)


BOTH = (("id",), ("email",))


@pytest.fixture
def lacking(shared: Connection) -> Iterator[Connection]:
    """A table under the key ``id``, in which e-mails lack, as NULL, as an empty text and as spaces."""
    clear(shared)
    content = 'id,email,v\n1,a,x\n2,,x\n3,"",x\n4," ",x\n5,,x\n'
    load(shared, content, 1, declared_key=("id",))
    yield shared
    shared.rollback()


def test_rows_without_an_email_don_t_end_its_identity(lacking: Connection) -> None:
    change_key(lacking, "t", BOTH)
    outcome = load(lacking, "id,email,v\n,a,y\n3,,x\n4,b,x\n,b,z\n", 2, identities=BOTH)
    assert (outcome.inserted, outcome.updated, outcome.unchanged, outcome.duplicate) == (0, 2, 1, 1)
    rows = {(row["id"], row["email"], row["v"], row["run_id"]) for row in read_table(lacking, "t").rows}
    assert rows == {
        ("1", "a", "y", 2),
        ("2", None, "x", 1),
        ("3", None, "x", 1),
        ("4", "b", "z", 2),
        ("5", None, "x", 1),
    }


def test_where_no_row_has_an_email_it_is_no_identity(lacking: Connection) -> None:
    load(lacking, "id,email\n1,\n", 2, identities=(("id",),))
    with pytest.raises(RunFailed, match="email can't be a second key of t: no row has a value there"):
        change_key(lacking, "t", BOTH)


def test_an_email_of_two_rows_is_no_identity(lacking: Connection) -> None:
    load(lacking, "id,email\n5,a\n", 2, identities=(("id",),))
    with pytest.raises(RunFailed, match="email can't be the key of t: rows repeat it, such as 'a'"):
        change_key(lacking, "t", BOTH)


def test_rows_without_a_key_are_numbered(table: Connection) -> None:
    change_key(table, "t", ())
    outcome = load(table, "id,email\n1,a\n1,a\n", 2, identities=())
    assert outcome.inserted == 2


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (("w",), "1 rows have no value"),
        (("country",), "rows repeat it, such as 'de'"),
        (("nothing",), "no column nothing"),
    ],
)
def test_rows_that_don_t_allow_the_key_are_told(table: Connection, key: tuple[str, ...], said: str) -> None:
    with pytest.raises(RunFailed, match=said):
        change_key(table, "t", (key,))


def test_a_value_that_stands_in_the_way_of_a_type_is_named(table: Connection) -> None:
    with pytest.raises(RunFailed, match="1 values are none, such as 'oops'"):
        change_type(table, "t", "v", Type.BIGINT)


def test_a_type_that_holds_every_value_is_given(table: Connection) -> None:
    with table.cursor() as cursor:
        cursor.execute("update datasets.t set v = ' 7 ' where v = 'oops'")
    change_type(table, "t", "v", Type.BIGINT)
    with table.cursor() as cursor:
        cursor.execute("select sum(v) from datasets.t")
        assert cursor.fetchone() == (10,)


def test_a_narrower_type_ends_undo_and_a_wider_one_does_not(table: Connection) -> None:
    identities = (("id",), ("email",))
    load(table, "id,email,country,no,v,w\n1,a,de,8,1,\n", 2, identities=identities)
    change_type(table, "t", "no", Type.NUMERIC)
    assert _shadow_rows(table) == 1
    change_type(table, "t", "no", Type.BIGINT)
    assert _shadow_rows(table) is None


def test_a_view_in_the_way_is_named(table: Connection) -> None:
    with table.cursor() as cursor:
        cursor.execute("create view datasets.looks as select no from datasets.t")
    with pytest.raises(RunFailed, match="looks"):
        change_type(table, "t", "no", Type.TEXT)


def _shadow_rows(connection: Connection) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute("select to_regclass('datasets_before.t')")
        if cursor.fetchone() == (None,):
            return None
        cursor.execute("select count(*) from datasets_before.t")
        (count,) = cursor.fetchone() or (0,)
        return int(count)
