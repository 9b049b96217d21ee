"""Undo puts rows back exactly, own columns included, and lists what it leaves (BEHAVIOUR 8)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection

from ingest.loader.brakes import EVERYTHING
from ingest.loader.errors import RunFailed
from ingest.loader.outcome import Outcome
from ingest.loader.plan import ID_AND_EMAIL, Identities
from ingest.loader.target import Mode, Target
from ingest.loader.undo import Undone, forget, undo
from tests.loader.conftest import clear
from tests.loader.loading import load_bytes

EMAIL: Identities = (("email",),)


@pytest.fixture
def table(shared: Connection) -> "Table":
    clear(shared)
    with shared.cursor() as cursor:
        cursor.execute("drop schema if exists datasets_before cascade")
    shared.commit()
    return Table(shared)


class Table:
    """One dataset, loaded and undone by the number of the run."""

    def __init__(self, connection: Connection, identities: Identities | None = None) -> None:
        self.connection = connection
        self.identities = identities
        self.runs = 0

    def load(self, content: str, mode: Mode = Mode.UPSERT) -> int:
        self.runs += 1
        target = Target(table="t", run_id=self.runs, mode=mode, identities=self.identities, approved=EVERYTHING)
        outcome = load_bytes(self.connection, content.encode(), target)
        if isinstance(outcome, RunFailed) and outcome.outcome and outcome.outcome.records == outcome.outcome.rejected:
            return self.runs  # every record was rejected: nothing was loaded
        assert isinstance(outcome, Outcome), outcome
        self.identities = outcome.identities
        return self.runs

    def undo(self, run: int) -> Undone:
        assert self.identities is not None
        undone = undo(self.connection, "t", self.identities, run)
        self.connection.commit()
        return undone

    def rows(self) -> list[tuple[object, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute("select * from datasets.t order by 1, 2")
            rows = cursor.fetchall()
        self.connection.commit()
        return rows

    def images(self) -> int:
        with self.connection.cursor() as cursor:
            cursor.execute("select count(*) from datasets_before.t")
            (count,) = cursor.fetchone() or (0,)
        self.connection.commit()
        return int(count)


def test_it_takes_back_inserted_updated_and_deleted_rows(table: Table) -> None:
    table.load("id,email,v\n1,a,1\n2,b,2\n3,c,3\n")
    before = table.rows()
    run = table.load("id,email,v\n1,a,10\n4,d,4\n", Mode.SNAPSHOT)
    assert table.undo(run) == Undone(removed=1, restored=1, reinserted=2, stayed=())
    assert table.rows() == before
    assert table.images() == 0


def test_a_row_found_by_its_email_gets_its_old_id_back(table: Table) -> None:
    table.load("id,email,v\n1,a,1\n2,b,2\n")
    before = table.rows()
    run = table.load("id,email,v\n9,b,2\n")
    assert [row[:2] for row in table.rows()] == [(1, "a"), (9, "b")]
    assert table.undo(run).restored == 1
    assert table.rows() == before


def test_it_leaves_and_lists_what_a_later_run_changed(table: Table) -> None:
    table.load("id,email,v\n1,a,1\n2,b,2\n")
    first = table.load("id,email,v\n1,a,10\n5,e,5\n6,f,6\n")
    second = table.load("id,email,v\n1,a,100\n5,e,50\n")
    assert table.undo(first) == Undone(removed=1, restored=0, reinserted=0, stayed=(("1", "changed"), ("5", "changed")))
    assert table.undo(second).restored == 2
    assert table.undo(first) == Undone(removed=1, restored=1, reinserted=0, stayed=())
    assert [row[:3] for row in table.rows()] == [(1, "a", 1), (2, "b", 2)]


def test_it_lists_a_row_whose_old_email_another_row_has_taken(table: Table) -> None:
    table.load("id,email,v\n1,a,1\n")
    run = table.load("id,email,v\n1,new,1\n")
    table.load("id,email,v\n2,a,2\n")
    assert table.undo(run).stayed == (("1", "taken"),)
    assert [row[:2] for row in table.rows()] == [(1, "new"), (2, "a")]


def test_a_deleted_row_that_was_loaded_anew_stays_as_it_is(table: Table) -> None:
    table.load("id,email,v\n1,a,1\n2,b,2\n")
    run = table.load("id,email,v\n1,a,1\n", Mode.SNAPSHOT)
    table.load("id,email,v\n2,bb,22\n")
    assert table.undo(run).stayed == (("2", "taken"),)
    assert [row[:3] for row in table.rows()] == [(1, "a", 1), (2, "bb", 22)]


def test_images_widen_and_grow_with_their_table(table: Table) -> None:
    table.load("id,email,v\n1,a,1\n2,b,2\n")
    run = table.load("id,email,v\n1,a,10\n")
    table.load("id,email,v,w\n2,b,2.5,x\n")
    assert table.undo(run).restored == 1
    assert [row[:3] for row in table.rows()] == [(1, "a", 1), (2, "b", 2.5)]


def test_appended_rows_go(table: Table) -> None:
    table.load("v\n1\n2\n", Mode.APPEND)
    run = table.load("v\n1\n3\n", Mode.APPEND)
    assert table.undo(run) == Undone(removed=2, restored=0, reinserted=0, stayed=())
    assert [row[0] for row in table.rows()] == [1, 2]


def test_images_can_be_forgotten(table: Table) -> None:
    table.load("email,v\na,1\n")
    run = table.load("email,v\na,2\n")
    forget(table.connection, "t", [run])
    assert table.images() == 0


def test_a_table_that_is_gone_is_said(table: Table) -> None:
    run = table.load("id,v\n1,2\n")
    with table.connection.cursor() as cursor:
        cursor.execute("drop table datasets.t")
    with pytest.raises(RunFailed, match="gone"):
        table.undo(run)
    table.connection.rollback()


@st.composite
def files(draw: st.DrawFn) -> str:
    pairs = draw(st.lists(st.tuples(st.sampled_from("123456"), st.sampled_from("abcdef")), max_size=5))
    return "id,email,v\n" + "".join(f"{i},{e},{draw(st.integers(0, 3))}\n" for i, e in pairs)


@settings(max_examples=60)
@given(history=st.lists(st.tuples(files(), st.sampled_from([Mode.UPSERT, Mode.SNAPSHOT])), min_size=1, max_size=4))
def test_undone_in_turn_every_run_leaves_the_table_as_it_found_it(
    shared: Connection, history: list[tuple[str, Mode]]
) -> None:
    clear(shared)
    table = Table(shared)
    table.load("id,email,v\n1,a,1\n2,b,2\n3,c,3\n")
    assert table.identities == ID_AND_EMAIL
    states = []
    for content, mode in history:
        states.append(table.rows())
        table.load(content, mode)
    for run, state in zip(range(table.runs, 1, -1), reversed(states), strict=True):
        assert table.undo(run).stayed == ()
        assert table.rows() == state


def test_columns_that_somebody_added_by_hand_are_kept_and_left_alone(table: Table) -> None:
    table.load("id,email,v\n1,a,1\n2,b,2\n")
    table.load("id,email,v\n2,b,3\n")
    with table.connection.cursor() as cursor:
        cursor.execute("alter table datasets.t add z int not null default 5, add tags text[], add loud text")
        cursor.execute("alter table datasets.t add g int generated always as (z + 1) stored")
        cursor.execute("update datasets.t set tags = '{x,y}', z = 7")
    before = table.rows()
    run = table.load("id,email,v\n1,a,10\n", Mode.SNAPSHOT)
    assert table.undo(run) == Undone(removed=0, restored=1, reinserted=1, stayed=())
    assert table.rows() == before


@pytest.mark.parametrize(("column", "said"), [("z", "of the type integer"), ("g", "computed by PostgreSQL")])
def test_a_file_that_brings_such_a_column_is_refused(table: Table, column: str, said: str) -> None:
    table.load("id,v\n1,1\n")
    with table.connection.cursor() as cursor:
        cursor.execute("alter table datasets.t add z int, add g int generated always as (1) stored")
    with pytest.raises(AssertionError, match=said):
        table.load(f"id,{column}\n1,1\n")


@pytest.mark.parametrize("key", ["k", "email"])
@pytest.mark.parametrize("wider", ["2.5", "w"])
def test_a_key_that_widens_does_so_in_its_images(table: Table, key: str, wider: str) -> None:
    table.identities = ((key,),)
    table.load(f"{key},a\n1,x\n")
    run = table.load(f"{key},a\n1,y\n")
    table.load(f"{key},a\n{wider},z\n")
    assert table.undo(run).restored == 1
    assert [(str(row[0]), row[1]) for row in table.rows()] == [("1", "x"), (wider, "z")]
