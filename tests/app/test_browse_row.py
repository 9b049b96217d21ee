"""The page of a row: each cell whole, and what runs made of it, old and new."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingest import browsing
from ingest.browsing import history
from ingest.browsing.history import LONGEST
from ingest.models import Dataset, Run
from ingest.runs.execute import claim_and_execute
from ingest.runs.undo import undo
from tests.app.conftest import Door, rows
from tests.app.pages import execute, staff


def steps(dataset: Dataset, **key: str) -> list[tuple[int, tuple, bool]]:
    """Run, changes, whether it inserted the row: the newest first."""
    found = browsing.row_history(dataset, [(f"key.{name}", value) for name, value in key.items()])
    assert found.is_complete
    return [(step.run_id, step.changes, step.inserted) for step in found.steps]


def test_a_row_tells_which_runs_wrote_it_and_what_they_changed(door: Door, client):
    first = door.load("people.csv", "id,name,city\n1,Ann,Rome\n2,Bob,Oslo\n")
    second = door.load("people.csv", "id,name,city\n1,Anna,Rome\n2,Bob,Oslo\n")
    third = door.load("people.csv", "id,name,city,age\n1,Anna,,40\n")
    dataset = third.dataset
    assert steps(dataset, id="1") == [
        (third.pk, (("city", "Rome", None), ("age", None, "40")), False),
        (second.pk, (("name", "Ann", "Anna"),), False),
        (first.pk, (), True),
    ]
    assert steps(dataset, id="2") == [(first.pk, (), True)]
    staff(client, "view_dataset")
    page = client.get(f"/admin/ingest/dataset/{dataset.pk}/browse/row/?key.id=1").content.decode()
    assert f'<a href="/admin/ingest/run/{third.pk}/change/">Run {third.pk}</a>' in page
    assert '<del class="">Rome</del>' in page
    assert '<ins class="null">NULL</ins>' in page
    assert "inserted the row" in page


def test_a_row_whose_id_has_moved_is_followed_back(door: Door):
    first = door.load("people.csv", "id,email,n\n1,a@x,1\n2,b@x,1\n")
    second = door.load("people.csv", "id,email,n\n9,a@x,2\n")
    assert rows("select id from people where email = 'a@x'") == [(9,)]
    assert steps(second.dataset, id="9") == [
        (second.pk, (("id", "1", "9"), ("n", "1", "2")), False),
        (first.pk, (), True),
    ]


def test_after_an_undo_the_row_is_as_it_was_told_before(door: Door):
    first = door.load("people.csv", "id,name\n1,Ann\n")
    second = door.load("people.csv", "id,name\n1,Anna\n")
    claim_and_execute(undo(second.pk).pk)
    assert steps(first.dataset, id="1") == [(first.pk, (), True)]


def test_what_is_not_kept_any_more_is_not_guessed(door: Door):
    door.load("people.csv", "id,name\n1,Ann\n")
    second = door.load("people.csv", "id,name\n1,Anna\n")
    Run.objects.update(undoable=False)
    execute("delete from datasets_before.people")
    assert steps(second.dataset, id="1") == [(second.pk, (), False)]


def test_a_long_life_is_read_for_some_seconds_and_its_page_says_so(door: Door, client, monkeypatch):
    monkeypatch.setattr(history, "SECONDS", 0)
    run = door.load("people.csv", "id,name\n1,Ann\n")
    assert not browsing.row_history(run.dataset, [("key.id", "1")]).is_complete
    staff(client, "view_dataset")
    page = client.get(f"/admin/ingest/dataset/{run.dataset_id}/browse/row/?key.id=1").content.decode()
    assert "More changes exist that are not shown." in page


def test_rows_of_a_key_of_several_columns_and_of_none_have_pages(door: Door, client):
    Dataset.objects.create(name="prices", declared_key=["shop", "article"])
    door.load("prices.csv", "shop,article,price\na/b,ü & co,1\n")
    run = door.load("prices.csv", "shop,article,price\na/b,ü & co,2\n")
    assert steps(run.dataset, shop="a/b", article="ü & co")[0][1] == (("price", "1", "2"),)
    run = door.load("notes.csv", "note\nx\n")
    assert steps(run.dataset, record_id="1") == [(run.pk, (), True)]


def test_a_row_that_is_gone_or_a_key_that_is_none_is_a_sentence(door: Door, client):
    run = door.load("people.csv", "id,name\n1,Ann\n")
    staff(client, "view_dataset")
    for query, told in (
        ("key.id=7", "There is no such row any more"),
        ("key.id=x", "its key has a value that isn"),
        ("key.id=%00", "told apart by id"),
        ("key.name=Ann", "told apart by id"),
        ("", "told apart by id"),
    ):
        response = client.get(f"/admin/ingest/dataset/{run.dataset_id}/browse/row/?{query}")
        assert (response.status_code, told in response.content.decode()) == (200, True), query


def test_a_cell_of_megabytes_is_shown_cut_and_can_be_had_whole(door: Door, client):
    text = "äö<b>" * 400_000
    run = door.load("people.csv", f"id,name\n1,{text}\n")
    staff(client, "view_dataset")
    page = client.get(f"/admin/ingest/dataset/{run.dataset_id}/browse/row/?key.id=1").content.decode()
    assert f"First {LONGEST:,} of 2,000,000 characters." in page
    assert "<b>" not in page
    assert len(client.get(f"/admin/ingest/dataset/{run.dataset_id}/browse/").content) < 100_000
    made = browsing.export("people", [("is.id", "1")], browsing.Format.JSON)
    assert made.size > 2_000_000


def test_the_page_of_a_row_takes_a_few_statements_a_run(door: Door, client):
    for name in ("Ann", "Anna", "Annie"):
        run = door.load("people.csv", f"id,name\n1,{name}\n")
    staff(client, "view_dataset")
    client.get(f"/admin/ingest/dataset/{run.dataset_id}/browse/row/?key.id=1")
    with CaptureQueriesContext(connection) as captured:
        client.get(f"/admin/ingest/dataset/{run.dataset_id}/browse/row/?key.id=1")
    assert len(captured) <= 30
