"""Undo puts rows back exactly, own columns included, and lists what it leaves (file-rules#undo)."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.target import Mode, Target
from ingest.loader.planning.identities import Identities
from ingest.loader.planning.safeguards import EVERYTHING
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

    def __init__(
        self, connection: Connection, identities: Identities | None = None, *, ignore_email_case: bool = False
    ) -> None:
        self.connection = connection
        self.identities = identities
        self.ignore_email_case = ignore_email_case
        self.runs = 0

    def load(self, content: str, mode: Mode = Mode.UPSERT) -> int:
        self.runs += 1
        target = Target(
            table="t",
            run_id=self.runs,
            mode=mode,
            identities=self.identities,
            ignore_email_case=self.ignore_email_case,
            approved=EVERYTHING,
        )
        outcome = load_bytes(self.connection, content.encode(), target)
        if isinstance(outcome, RunFailed) and outcome.outcome and outcome.outcome.records == outcome.outcome.rejected:
            return self.runs  # every record was rejected: nothing was loaded
        assert isinstance(outcome, Outcome), outcome
        self.identities = outcome.identities
        return self.runs

    def undo(self, run: int) -> Undone:
        assert self.identities is not None
        ignores = self.ignore_email_case
        undone = undo(self.connection, "t", self.identities, run, ignore_email_case=ignores)
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


@dataclass(frozen=True)
class Story:
    """Files that follow one another into a dataset; every one has the columns of the first."""

    first: str
    later: list[tuple[str, Mode]]
    identities: Identities
    ignore_email_case: bool

    def begin(self, connection: Connection) -> Table:
        """A table with the first file in it."""
        table = Table(connection, ignore_email_case=self.ignore_email_case)
        table.load(self.first)
        assert table.identities == self.identities
        return table


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Ids and e-mails, or e-mails alone, in a column of any of their names, in capitals and with spaces too."""
    header = draw(st.sampled_from(["email", "email", "E-mail"]))
    column = header.lower().replace("-", "_")
    with_id = draw(st.integers(0, 3)) > 0
    cells = st.tuples(st.sampled_from("123456"), st.sampled_from([*"abcdefAB", " a"]), st.integers(0, 3))

    def written(rows: list[tuple[str, str, int]]) -> str:
        lines = [f"{'id,' if with_id else ''}{header},v"]
        lines += [f"{f'{own},' if with_id else ''}{email}@x,{v}" for own, email, v in rows]
        return "\n".join(lines) + "\n"

    modes = st.sampled_from([Mode.UPSERT, Mode.SNAPSHOT])
    later = draw(st.lists(st.tuples(st.lists(cells, max_size=5).map(written), modes), min_size=1, max_size=4))
    return Story(
        first=written([("1", "a", 1), ("2", "b", 2), ("3", "c", 3)]),
        later=later,
        identities=(("id",), (column,)) if with_id else ((column,),),
        ignore_email_case=draw(st.booleans()),
    )


@settings(max_examples=60)
@given(story=stories())
def test_undone_in_turn_every_run_leaves_the_table_as_it_found_it(shared: Connection, story: Story) -> None:
    clear(shared)
    table = story.begin(shared)
    states = []
    for content, mode in story.later:
        states.append(table.rows())
        table.load(content, mode)
    for run, state in zip(range(table.runs, 1, -1), reversed(states), strict=True):
        assert table.undo(run).stayed == ()
        assert table.rows() == state


def test_with_case_ignored_a_row_gets_its_e_mail_back_as_it_was_written(table: Table) -> None:
    table.ignore_email_case = True
    table.load("email,v\nAda@x,1\nbob@x,2\n")
    before = table.rows()
    run = table.load("email,v\nADA@X,1\ncy@x,3\n", Mode.SNAPSHOT)
    later = table.load("email,v\nada@x,1\nBob@x,5\n")
    assert table.undo(run) == Undone(
        removed=1, restored=0, reinserted=0, stayed=(("Ada@x", "changed"), ("bob@x", "taken"))
    )
    table.undo(later)
    assert table.undo(run) == Undone(removed=0, restored=1, reinserted=1, stayed=())
    assert table.rows() == before


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
