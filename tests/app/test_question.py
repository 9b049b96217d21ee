"""A file that can be read in several ways is a question: nothing is loaded until somebody chooses (BEHAVIOUR 3)."""

import pytest
from django.core.management import CommandError, call_command

from ingest import runs
from ingest.loader.errors import RunFailed
from ingest.models import Dataset, Run
from tests.app.conftest import Door, counts, rows
from tests.app.pages import staff

STRAY = 'id,note\n1,a\n2,"starts\n3,b\n4,c\n5,ends 12"\n6,d\n'
TITLE = "full name\nMiller,Tom\nSmith,Ann\nJones,Bob\n"
CONTROL = "Format;From;Until\n7;2024-06-01;Example\nid;product;sold\n1;a;5\n2;b;6\n3;c;7\n"


@pytest.mark.parametrize("content", [STRAY, TITLE, CONTROL, '"id,city"\n"1,Oslo"\n"2,Rome"\n', "a;b,c\nx;y,z\np;q,r\n"])
def test_a_file_that_can_be_read_in_several_ways_is_held_and_nothing_is_loaded(door: Door, content):
    run = door.load("people.csv", content)
    assert (run.status, run.traceback, run.records, run.brakes) == ("held", "", None, {})
    assert run.reason.endswith("Nothing was loaded: choose how the file is to be read.")
    assert len(run.question) > 1
    assert all(offer["label"] and offer["dialect"]["delimiter"] for offer in run.question)
    assert rows("SELECT to_regclass('datasets.people')") == [(None,)]
    assert Dataset.objects.get().headers == {}


def test_it_is_approved_by_a_reading_only(door: Door):
    run = door.load("people.csv", STRAY)
    for reading in (None, 0, 9):
        with pytest.raises(RunFailed, match="say which to take"):
            runs.approve(run.pk, reading)
    assert Run.objects.get(pk=run.pk).status == "held"
    assert runs.choices(run) == ("discard", "acknowledge")
    other = door.load("other.csv", "id\n1\n")
    with pytest.raises(RunFailed, match="only held runs"):
        runs.approve(other.pk, 1)


@pytest.mark.parametrize(("reading", "records"), [(1, 3), (2, 6)])
def test_the_reading_that_is_chosen_is_taken_and_pinned_on_a_new_dataset(door: Door, reading, records):
    run = door.load("people.csv", STRAY)
    call_command("approve", str(run.pk), "--reading", str(reading))
    assert runs.take(run.pk) == "succeeded"
    run = Run.objects.get(pk=run.pk)
    assert counts(run) == {"records": records, "inserted": records}
    assert (run.question, run.dialect["quote"]) == ([], '"' if reading == 1 else "")
    dataset = Dataset.objects.get()
    assert (dataset.delimiter, dataset.quote, dataset.preamble, dataset.has_header) == (
        ",",
        '"' if reading == 1 else "none",
        0,
        True,
    )
    again = door.load("people.csv", STRAY.replace("a", "b", 1).replace("bote", "note"))
    assert (again.status, again.records) == ("succeeded", records)


def test_lines_above_the_header_are_kept_once_that_is_chosen(door: Door):
    run = door.load("people.csv", CONTROL)
    runs.approve(run.pk, 1)
    assert runs.take(run.pk) == "succeeded"
    run = Run.objects.get(pk=run.pk)
    assert run.dialect["skipped"] == ["Format;From;Until", "7;2024-06-01;Example"]
    assert rows("SELECT id, product, sold FROM people ORDER BY id") == [(1, "a", 5), (2, "b", 6), (3, "c", 7)]
    assert Dataset.objects.get().preamble == 2


def test_lines_in_quotes_are_unwrapped_once_that_is_chosen(door: Door):
    run = door.load("people.csv", '"id,city"\n"1,""Oslo, N"""\n"2,Rome"\n')
    runs.approve(run.pk, 1)
    assert runs.take(run.pk) == "succeeded"
    assert rows("SELECT id, city FROM people ORDER BY id") == [(1, "Oslo, N"), (2, "Rome")]


def test_row_names_get_a_column_once_that_is_chosen_and_are_known_from_then_on(door: Door):
    content = '"x","y"\n"a",5,6\n"b",7,8\n'
    run = door.load("people.csv", content)
    runs.approve(run.pk, 1)
    assert runs.take(run.pk) == "succeeded"
    assert rows("SELECT column_1, x, y FROM people ORDER BY x") == [("a", 5, 6), ("b", 7, 8)]
    again = door.load("people.csv", content + '"c",9,9\n')
    assert (again.status, again.inserted) == ("succeeded", 3)


def test_one_of_two_tables_is_loaded_once_that_is_chosen(door: Door):
    content = "id,name\n" + "".join(f"{n},x\n" for n in range(12)) + "code,day,sold\n" + "A,x,1\n" * 12
    run = door.load("people.csv", content)
    assert "two tables, one below the other" in run.reason
    runs.approve(run.pk, 1)
    assert runs.take(run.pk) == "succeeded"
    run = Run.objects.get(pk=run.pk)
    assert (run.records, run.rejected, run.dialect["end"]) == (12, 0, 13)
    assert run.notes == ["13 lines after line 13 left out, as chosen: they belong to another table."]
    assert "they look like two tables" in door.load("people.csv", content + "B,y,2\n").reason


def test_columns_without_a_cell_are_known_once_they_were_chosen(door: Door):
    content = "id,name,city\n1,Ada\n2,Bob\n"
    run = door.load("people.csv", content)
    assert run.reason.startswith("The header has 3 cells, every record 2.")
    runs.approve(run.pk, 1)
    assert runs.take(run.pk) == "succeeded"
    again = door.load("people.csv", content + "3,Cy\n")
    assert (again.status, again.inserted) == ("succeeded", 1)
    assert rows("SELECT id, name, city FROM people ORDER BY id") == [
        (1, "Ada", None),
        (2, "Bob", None),
        (3, "Cy", None),
    ]


def test_on_a_known_dataset_a_choice_is_for_this_file(door: Door):
    door.load("people.csv", "id,note\n1,a\n")
    run = door.load("people.csv", STRAY)
    assert run.status == "held"
    runs.approve(run.pk, 2)
    assert runs.take(run.pk) == "succeeded"
    dataset = Dataset.objects.get()
    assert (dataset.quote, dataset.delimiter, dataset.preamble) == (None, None, None)
    assert door.load("people.csv", STRAY.replace("starts", "begins")).status == "held"


def test_a_snapshot_deletes_nothing_by_stray_quotes(door: Door):
    Dataset.objects.create(name="people", mode="snapshot", declared_key=["id"])
    door.load("people.csv", "id,note\n1,a\n2,b\n3,c\n4,d\n5,e\n6,f\n")
    assert door.load("people.csv", STRAY).status == "held"
    assert rows("SELECT count(*) FROM people") == [(6,)]


def test_a_question_can_be_discarded(door: Door):
    run = door.load("people.csv", STRAY)
    assert runs.discard(run.pk, "ada").status == "discarded"


def test_the_command_says_which_readings_there_are(door: Door):
    run = door.load("people.csv", STRAY)
    with pytest.raises(CommandError, match=r"1: comma between the cells; header on line 1; 2: .*quotes are characters"):
        call_command("approve", str(run.pk))


@pytest.mark.parametrize(
    "pins",
    [{"quote": "none"}, {"quote": '"'}, {"preamble": 1}, {"escape": "\\"}, {"delimiter": ";"}, {"has_header": True}],
)
def test_a_pin_that_was_changed_has_the_same_file_read_again(door: Door, pins):
    first = door.load("people.csv", "id,note\n1,a\n2,b\n")
    assert first.status == "succeeded"
    assert door.load("people.csv", "id,note\n1,a\n2,b\n").notes
    Dataset.objects.update(**pins)
    again = door.load("people.csv", "id,note\n1,a\n2,b\n")
    assert not any("has loaded the same content" in note for note in again.notes)


@pytest.mark.django_db
def test_its_page_shows_the_readings_side_by_side_with_a_button_each(door: Door, client):
    run = door.load("people.csv", STRAY.replace("a", "<b>"))
    staff(client, "view_run", "approve_run")
    page = client.get(f"/admin/ingest/run/{run.pk}/change/").content.decode()
    assert page.count("Read it so (reading") == len(run.question) == 2
    assert "quotes are characters like others" in page
    assert "<b>" not in page
    assert ">Approve<" not in page
    client.post(f"/admin/ingest/run/{run.pk}/decide/approve/", {"reading": "2"})
    run.refresh_from_db()
    assert (run.status, run.reading["quote"]) == ("waiting", "")


def test_it_is_not_approved_among_many_runs(door: Door, client):
    run = door.load("people.csv", STRAY)
    staff(client, "view_run", "approve_run")
    ask = {"action": "approve", "_selected_action": [run.pk]}
    page = client.post("/admin/ingest/run/", ask, follow=True)
    (message,) = [str(message) for message in page.context["messages"]]
    told = f"1 run left unchanged: Run {run.pk} can be read in these ways (1: "
    assert message.startswith(f"No runs approved and queued for loading. {told}")
    assert Run.objects.get(pk=run.pk).status == "held"


@pytest.mark.django_db
def test_nobody_chooses_who_may_not(door: Door, client):
    run = door.load("people.csv", STRAY)
    staff(client, "view_run")
    page = client.get(f"/admin/ingest/run/{run.pk}/change/").content.decode()
    assert "Read it so" not in page
    client.post(f"/admin/ingest/run/{run.pk}/decide/approve/", {"reading": "2"})
    run.refresh_from_db()
    assert run.status == "held"


def test_rejects_of_a_file_with_delimiters_at_the_end_come_apart_as_it_was_read(door: Door):
    door.load("people.csv", "id;n;\n1;5;\n2;6;\n")
    run = door.load("people.csv", "id;n;\n" + "".join(f"{n};{n};\n" for n in range(20)) + "20;x;\n")
    assert (run.status, run.rejected) == ("succeeded", 1)
    assert list(runs.reject_file(run))[1].startswith("20,x,22,bad_value")


def test_rejects_of_a_file_without_quotes_come_apart_as_it_was_read(door: Door):
    Dataset.objects.create(name="people", quote="none")
    run = door.load("people.csv", "id,n\n" + "".join(f'{n},"{n}\n' for n in range(20)) + '"20,x,y\n')
    assert (run.status, run.rejected) == ("succeeded", 1)
    assert list(runs.reject_file(run))[1].startswith('"""20"')
