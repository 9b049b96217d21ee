"""What a run has changed is told from before-images, and what its undo would do is told before it is done."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection

from ingest.loader.changes import ChangedRow, Changes, Foretold, foretell_undo, look
from ingest.loader.errors import RunFailed
from ingest.loader.target import Mode
from tests.loader.conftest import clear
from tests.loader.test_undo import Table, files, table

__all__ = ["table"]


def changes(table: Table, run: int, *, own_transaction: bool = False) -> Changes:
    assert table.identities is not None
    found = look(table.connection, "t", table.identities, run, own_transaction=own_transaction)
    table.connection.rollback()
    return found


def foretold(table: Table, run: int) -> Foretold:
    assert table.identities is not None
    told = foretell_undo(table.connection, "t", table.identities, run)
    table.connection.rollback()
    return told


def test_changed_rows_are_shown_old_and_new_and_counted_by_column(table: Table) -> None:
    table.load("id,email,v,w\n1,a,1,x\n2,b,2,x\n3,c,3,x\n")
    run = table.load("id,email,v,w\n1,a,10,\n2,b,20,x\n3,c,3,x\n4,d,4,x\n")
    found = changes(table, run)
    assert sorted(found.changed, key=lambda row: str(row.key)) == [
        ChangedRow(key={"id": "1"}, cells={"v": ("1", "10"), "w": ("x", None)}),
        ChangedRow(key={"id": "2"}, cells={"v": ("2", "20")}),
    ]
    assert (found.by_column, found.compared, found.again, found.deleted) == ({"v": 2, "w": 1}, 2, 0, [])


def test_deleted_rows_are_shown(table: Table) -> None:
    table.load("id,v\n1,1\n2,2\n")
    assert changes(table, table.load("id,v\n1,1\n", Mode.SNAPSHOT)).deleted == [{"id": "2", "v": "2"}]


def test_rows_that_a_later_run_changed_again_are_counted_and_not_compared(table: Table) -> None:
    table.load("id,v\n1,1\n2,2\n")
    run = table.load("id,v\n1,10\n2,20\n")
    table.load("id,v\n1,100\n")
    found = changes(table, run)
    assert (found.compared, found.again) == (1, 1)
    assert found.changed == [ChangedRow(key={"id": "2"}, cells={"v": ("2", "20")})]


def test_within_the_loads_own_transaction_new_rows_are_shown_too(table: Table) -> None:
    table.load("id,v\n1,1\n")
    run = table.load("id,v\n1,2\n7,é\n")
    found = changes(table, run, own_transaction=True)
    assert found.inserted == [{"id": "7", "v": "é"}]
    assert found.by_column == {"v": 1}


def test_a_table_without_keys_or_images_has_no_changes_to_show(table: Table) -> None:
    run = table.load("v\n1\n", Mode.APPEND)
    assert changes(table, run) == Changes()
    assert changes(table, run, own_transaction=True).inserted == [{"v": "1"}]
    assert foretold(table, run) == Foretold(removed=1)


def test_a_table_that_is_gone_is_said_before_too(table: Table) -> None:
    run = table.load("id,v\n1,2\n")
    with table.connection.cursor() as cursor:
        cursor.execute("drop table datasets.t")
    table.connection.commit()
    for ask in (changes, foretold):
        with pytest.raises(RunFailed, match=r"gone|isn't there"):
            ask(table, run)
        table.connection.rollback()


def test_a_table_of_as_many_columns_as_there_may_be_is_compared_as_far_as_goes(table: Table) -> None:
    names = ["id", *(f"c{at}" for at in range(1_500))]
    header = ",".join(names)
    table.load(f"{header}\n1,{','.join('true' for _ in names[1:])}\n")
    found = changes(table, table.load(f"{header}\n1,{','.join('false' for _ in names[1:])}\n"))
    assert len(found.changed[0].cells) == len(found.by_column) == 799
    assert found.uncompared == 1_501 - 800


@settings(max_examples=60)
@given(
    history=st.lists(st.tuples(files(), st.sampled_from([Mode.UPSERT, Mode.SNAPSHOT])), min_size=1, max_size=4),
    chosen=st.integers(0, 4),
)
def test_an_undo_does_what_was_foretold(shared: Connection, history: list[tuple[str, Mode]], chosen: int) -> None:
    clear(shared)
    table = Table(shared)
    table.load("id,email,v\n1,a,1\n2,b,2\n3,c,3\n")
    for content, mode in history:
        table.load(content, mode)
    run = chosen % table.runs + 1
    told, done = foretold(table, run), table.undo(run)
    assert (told.removed, told.restored, told.reinserted) == (done.removed, done.restored, done.reinserted)
    stayed = [why for _, why in done.stayed]
    assert (told.changed, told.taken) == (len(stayed) - stayed.count("taken"), stayed.count("taken"))
