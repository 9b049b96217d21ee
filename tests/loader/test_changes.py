"""What a run has changed is told from before-images, and what its undo would do is told before it is done."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection

from ingest.loader.changes import ChangedRow, Changes, UndoPreview, changes_of, preview_undo
from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.target import Mode
from ingest.loader.undo import forget
from tests.loader.conftest import clear
from tests.loader.test_undo import Story, Table, stories, table

__all__ = ["table"]


def changes(table: Table, run: int, *, own_transaction: bool = False) -> Changes:
    assert table.identities is not None
    ignores = table.ignore_email_case
    found = changes_of(
        table.connection, "t", table.identities, run, own_transaction=own_transaction, ignore_email_case=ignores
    )
    table.connection.rollback()
    return found


def foretold(table: Table, run: int) -> UndoPreview:
    assert table.identities is not None
    told = preview_undo(table.connection, "t", table.identities, run, ignore_email_case=table.ignore_email_case)
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


def told(table: Table, run: int) -> dict[str, dict[str, tuple[str | None, str | None]]]:
    """Of each changed row, by its id, the cells that the run changed; nothing is left untold."""
    found = changes(table, run)
    assert (found.compared, found.again) == (len(found.changed), 0)
    return {", ".join(map(str, row.key.values())): dict(row.cells) for row in found.changed}


def test_of_three_runs_on_the_same_rows_each_tells_what_it_wrote(table: Table) -> None:
    table.load("id,v\n1,1\n2,2\n3,3\n")
    second = table.load("id,v\n1,10\n2,20\n3,30\n")
    third = table.load("id,v\n1,100\n3,3\n")
    fourth = table.load("id,v\n1,1000\n")
    assert told(table, second) == {"1": {"v": ("1", "10")}, "2": {"v": ("2", "20")}, "3": {"v": ("3", "30")}}
    assert told(table, third) == {"1": {"v": ("10", "100")}, "3": {"v": ("30", "3")}}
    assert told(table, fourth) == {"1": {"v": ("100", "1000")}}
    assert changes(table, second).by_column == {"v": 3}


def test_a_row_whose_id_and_email_changed_in_between_is_followed(table: Table) -> None:
    table.load("id,email,v\n1,a@x,1\n2,b@x,2\n")
    second = table.load("id,email,v\n9,a@x,10\n")  # gives the row of a@x its id
    third = table.load("id,email,v\n9,c@x,100\n")  # and another e-mail
    fourth = table.load("id,email,v\n7,c@x,1000\n1,a@x,5\n")  # another id, and others take what it had
    fifth = table.load("id,email,v\n7,c@x,0\n1,a@x,6\n")
    assert told(table, second) == {"9": {"id": ("1", "9"), "v": ("1", "10")}}
    assert told(table, third) == {"9": {"email": ("a@x", "c@x"), "v": ("10", "100")}}
    assert told(table, fourth) == {"7": {"id": ("9", "7"), "v": ("100", "1000")}}
    assert told(table, fifth) == {"7": {"v": ("1000", "0")}, "1": {"v": ("5", "6")}}


def test_with_case_ignored_a_row_is_followed_however_its_e_mail_is_written(table: Table) -> None:
    table.ignore_email_case = True
    table.load("email,v\nAda@x,1\n")
    second = table.load("email,v\nADA@x,1\n")
    third = table.load("email,v\nada@x ,3\n")
    assert told(table, second) == {"ADA@x": {"email": ("Ada@x", "ADA@x")}}
    assert told(table, third) == {"ada@x ": {"email": ("ADA@x", "ada@x "), "v": ("1", "3")}}
    table.load("email,v\naDA@x,4\nbob@x,1\n")
    fifth = table.load("email,v\naDA@x,5\nBob@x,1\nnew@x,2\n")
    assert [row["email"] for row in changes(table, fifth, own_transaction=True).inserted] == ["new@x"]


def test_what_a_run_wrote_is_told_after_its_rows_were_deleted(table: Table) -> None:
    table.load("id,v\n1,1\n2,2\n")
    second = table.load("id,v\n1,10\n2,20\n")
    third = table.load("id,v\n2,200\n", Mode.SNAPSHOT)
    assert told(table, second) == {"1": {"v": ("1", "10")}, "2": {"v": ("2", "20")}}
    table.undo(third)
    assert told(table, second) == {"1": {"v": ("1", "10")}, "2": {"v": ("2", "20")}}
    table.load("id,v\n2,2000\n", Mode.SNAPSHOT)
    table.load("id,v\n1,7\n2,7\n")
    assert told(table, second) == {"1": {"v": ("1", "10")}, "2": {"v": ("2", "20")}}


def test_what_an_undo_in_between_put_back_is_told(table: Table) -> None:
    table.load("id,v\n1,1\n")
    second = table.load("id,v\n1,10\n")
    third = table.load("id,v\n1,100\n")
    table.undo(third)
    fourth = table.load("id,v\n1,50\n")
    assert told(table, second) == {"1": {"v": ("1", "10")}}
    assert told(table, fourth) == {"1": {"v": ("10", "50")}}


def test_what_isnt_kept_any_more_is_counted_and_not_guessed(table: Table) -> None:
    table.load("id,v\n1,1\n2,2\n")
    run = table.load("id,v\n1,10\n2,20\n")
    later = table.load("id,v\n1,100\n")
    forget(table.connection, "t", [later])
    table.connection.commit()
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
    assert foretold(table, run) == UndoPreview(removed=1)


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
@given(story=stories(), chosen=st.integers(0, 4))
def test_an_undo_does_what_was_foretold(shared: Connection, story: Story, chosen: int) -> None:
    clear(shared)
    table = story.begin(shared)
    for content, mode in story.later:
        table.load(content, mode)
    run = chosen % table.runs + 1
    told, done = foretold(table, run), table.undo(run)
    assert (told.removed, told.restored, told.reinserted) == (done.removed, done.restored, done.reinserted)
    stayed = [why for _, why in done.stayed]
    assert (told.changed, told.taken) == (len(stayed) - stayed.count("taken"), stayed.count("taken"))
