"""A file that can be read in several ways is a question: nothing is loaded until someone chooses.

See file-rules#questions.
"""

import json

import pytest
from django.core.management import CommandError, call_command

from ingest import handlers
from ingest.admin.datasets.form import DatasetForm
from ingest.datasets.reading_summary import summarize_reading
from ingest.loader.outcome.errors import RunFailed
from ingest.models import Dataset, Message, Run, Trouble
from ingest.notifications.delivery import _text, title_of
from ingest.rejects.csv_file import reject_file
from ingest.runs.approve import approve, discard
from ingest.runs.available_actions import available_actions
from ingest.runs.execute import claim_and_execute
from ingest.runs.retry import due, retry
from ingest.runs.versions import fingerprint
from tests.app.conftest import Door, counts, rows, sqs_event
from tests.app.pages import staff
from tests.app.test_commands import called

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
        with pytest.raises(RunFailed, match="Choose one by its number"):
            approve(run.pk, reading)
    assert Run.objects.get(pk=run.pk).status == "held"
    assert available_actions(run) == ("discard", "acknowledge")
    other = door.load("other.csv", "id\n1\n")
    with pytest.raises(RunFailed, match="only held runs"):
        approve(other.pk, 1)


@pytest.mark.parametrize(("reading", "records"), [(1, 3), (2, 6)])
def test_the_reading_that_is_chosen_is_taken_and_pinned_on_a_new_dataset(door: Door, reading, records):
    run = door.load("people.csv", STRAY)
    call_command("approve", str(run.pk), "--reading", str(reading))
    assert claim_and_execute(run.pk) == "succeeded"
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
    approve(run.pk, 1)
    assert claim_and_execute(run.pk) == "succeeded"
    run = Run.objects.get(pk=run.pk)
    assert run.dialect["skipped"] == ["Format;From;Until", "7;2024-06-01;Example"]
    assert rows("SELECT id, product, sold FROM people ORDER BY id") == [(1, "a", 5), (2, "b", 6), (3, "c", 7)]
    assert Dataset.objects.get().preamble == 2


def test_lines_in_quotes_are_unwrapped_once_that_is_chosen(door: Door):
    run = door.load("people.csv", '"id,city"\n"1,""Oslo, N"""\n"2,Rome"\n')
    approve(run.pk, 1)
    assert claim_and_execute(run.pk) == "succeeded"
    assert rows("SELECT id, city FROM people ORDER BY id") == [(1, "Oslo, N"), (2, "Rome")]


def test_row_names_get_a_column_once_that_is_chosen_and_are_known_from_then_on(door: Door):
    content = '"x","y"\n"a",5,6\n"b",7,8\n'
    run = door.load("people.csv", content)
    approve(run.pk, 1)
    assert claim_and_execute(run.pk) == "succeeded"
    assert rows("SELECT column_1, x, y FROM people ORDER BY x") == [("a", 5, 6), ("b", 7, 8)]
    again = door.load("people.csv", content + '"c",9,9\n')
    assert (again.status, again.inserted) == ("succeeded", 3)


def test_one_of_two_tables_is_loaded_once_that_is_chosen(door: Door):
    content = "id,name\n" + "".join(f"{n},x\n" for n in range(12)) + "code,day,sold\n" + "A,x,1\n" * 12
    run = door.load("people.csv", content)
    assert "two tables, one below the other" in run.reason
    approve(run.pk, 1)
    assert claim_and_execute(run.pk) == "succeeded"
    run = Run.objects.get(pk=run.pk)
    assert (run.records, run.rejected, run.dialect["end"]) == (12, 0, 13)
    assert run.notes == ["13 lines after line 13 left out, as chosen: they belong to another table."]
    assert "they look like two tables" in door.load("people.csv", content + "B,y,2\n").reason


def test_on_a_known_dataset_a_choice_is_for_this_file(door: Door):
    door.load("people.csv", "id,note\n1,a\n")
    run = door.load("people.csv", STRAY)
    assert run.status == "held"
    approve(run.pk, 2)
    assert claim_and_execute(run.pk) == "succeeded"
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
    assert discard(run.pk, "ada").status == "discarded"


def test_the_command_says_which_readings_there_are(door: Door):
    run = door.load("people.csv", STRAY)
    with pytest.raises(
        CommandError, match=r"1: comma between the cells; header on line 1; 2: .*quotes are part of the text"
    ):
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
    assert not any("already loaded the same content" in note for note in again.notes)


@pytest.mark.django_db
def test_its_page_shows_the_readings_side_by_side_with_a_button_each(door: Door, client):
    run = door.load("people.csv", STRAY.replace("a", "<b>"))
    staff(client, "view_run", "approve_run")
    page = client.get(f"/admin/ingest/run/{run.pk}/change/").content.decode()
    assert page.count(">Use reading ") == len(run.question) == 2
    assert "quotes are part of the text" in page
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
    told = f"1 run left unchanged: Run {run.pk} can be read in several ways (1: "
    assert message.startswith(f"No runs approved and queued for loading. {told}")
    assert Run.objects.get(pk=run.pk).status == "held"


@pytest.mark.django_db
def test_nobody_chooses_who_may_not(door: Door, client):
    run = door.load("people.csv", STRAY)
    staff(client, "view_run")
    page = client.get(f"/admin/ingest/run/{run.pk}/change/").content.decode()
    assert "Use reading" not in page
    client.post(f"/admin/ingest/run/{run.pk}/decide/approve/", {"reading": "2"})
    run.refresh_from_db()
    assert run.status == "held"


def test_rejects_of_a_file_with_delimiters_at_the_end_come_apart_as_it_was_read(door: Door):
    door.load("people.csv", "id;n;\n1;5;\n2;6;\n")
    run = door.load("people.csv", "id;n;\n" + "".join(f"{n};{n};\n" for n in range(20)) + "20;x;\n")
    assert (run.status, run.rejected) == ("succeeded", 1)
    assert list(reject_file(run))[1].startswith("20,x,22,bad_value")


def test_rejects_of_a_file_without_quotes_come_apart_as_it_was_read(door: Door):
    Dataset.objects.create(name="people", quote="none")
    run = door.load("people.csv", "id,n\n" + "".join(f'{n},"{n}\n' for n in range(20)) + '"20,x,y\n')
    assert (run.status, run.rejected) == ("succeeded", 1)
    assert list(reject_file(run))[1].startswith('"""20"')


# What stays of an answer, and what waits for it


def test_lines_in_quotes_are_known_from_then_on(door: Door):
    run = door.load("people.csv", '"id,city"\n"1,""Oslo, N"""\n"2,Rome"\n')
    approve(run.pk, 1)
    claim_and_execute(run.pk)
    again = door.load("people.csv", '"id,city"\n"3,""Bonn, D"""\n"4,Bern"\n')
    assert (again.status, again.dialect["wrapped"]) == ("succeeded", True)
    assert rows("SELECT id, city FROM people WHERE id > 2 ORDER BY id") == [(3, "Bonn, D"), (4, "Bern")]


def test_a_choice_for_always_is_pinned_on_a_known_dataset(door: Door):
    door.load("people.csv", "id,note\n1,a\n")
    run = door.load("people.csv", STRAY)
    call_command("approve", str(run.pk), "--reading", "2", "--always")
    assert claim_and_execute(run.pk) == "succeeded"
    dataset = Dataset.objects.get()
    assert (dataset.delimiter, dataset.quote, dataset.escape, dataset.preamble) == (",", "none", None, 0)
    again = door.load("people.csv", STRAY.replace("starts", "begins"))
    assert (again.status, again.dialect["basis"]["quote"]) == ("succeeded", "pinned")


def test_always_needs_a_reading(door: Door):
    door.load("people.csv", "id,note\n1,a\n")
    run = door.load("people.csv", STRAY)
    with pytest.raises(RunFailed, match="Choose one by its number"):
        approve(run.pk, always=True)


def test_further_first_files_wait_behind_the_question_and_go_on_when_it_is_answered(door: Door):
    run = door.load("people.csv", STRAY)
    clear = door.load("people.csv", "id,note\n7,g\n")
    again = door.load("people.csv", STRAY.replace("2", "8", 1))
    for behind in (clear, again):
        assert (behind.status, behind.attempts, behind.records) == ("waiting", 0, None)
        assert behind.reason.startswith(f"Waiting for run {run.pk}, an earlier first file of people.")
    assert due() == []
    assert claim_and_execute(clear.pk) is None  # its event comes again
    assert Run.objects.get(pk=clear.pk).status == "waiting"
    approve(run.pk, 2)
    assert due() == [run.pk]
    assert claim_and_execute(run.pk) == "succeeded"
    assert due() == [clear.pk, again.pk]
    assert [claim_and_execute(number) for number in due()] == ["succeeded"] * 2
    assert rows("SELECT count(*) FROM people") == [(8,)]
    assert due() == []


def test_the_event_of_a_file_that_waits_behind_a_question_needs_not_come_again(door: Door):
    door.load("people.csv", STRAY)
    answer = handlers.on_event(sqs_event(door.put("people.csv", "id,note\n7,g\n")))
    assert answer == {"batchItemFailures": []}


def test_they_go_on_when_it_is_discarded(door: Door):
    run = door.load("people.csv", STRAY)
    behind = door.load("people.csv", "id,note\n7,g\n")
    discard(run.pk, "ada")
    assert due() == [behind.pk]
    assert claim_and_execute(behind.pk) == "succeeded"
    assert not Dataset.objects.get().is_draft
    assert Run.objects.get(pk=run.pk).dataset == Dataset.objects.get()


def test_files_of_a_known_dataset_do_not_wait_behind_a_question(door: Door):
    door.load("people.csv", "id,note\n1,a\n")
    assert door.load("people.csv", STRAY).status == "held"
    assert door.load("people.csv", "id,note\n7,g\n").status == "succeeded"


def test_two_questions_at_once_are_settled_by_one_answer(door: Door):
    first = door.load("people.csv", STRAY)
    second = door.load("people.csv", STRAY.replace("starts", "begins"))
    Run.objects.filter(pk=second.pk).update(status="held", unclear=True, question=first.question)
    approve(second.pk, 2)
    assert due() == [first.pk, second.pk]
    assert [claim_and_execute(number) for number in due()] == ["succeeded", "succeeded"]


# Drafts


def test_a_dataset_that_has_only_a_question_is_a_draft_and_no_list_shows_it(door: Door, client):
    door.load("others.csv", "id\n1\n")
    run = door.load("people.csv", STRAY)
    assert run.dataset.is_draft
    assert list(Dataset.objects.listed().values_list("name", flat=True)) == ["others"]
    staff(client, superuser=True)
    for address in ("/admin/ingest/dataset/", "/admin/ingest/run/?status=succeeded"):
        page = client.get(address).content.decode()
        assert "others" in page
        assert "people" not in page
    home = client.get("/admin/")
    assert [row["dataset"].name for row in home.context["chart"]["rows"]] == ["others"]
    assert "Choose how this file is read" in home.content.decode()
    assert "people" not in called("datasets")
    assert client.get(f"/admin/ingest/dataset/{run.dataset_id}/change/").status_code == 200
    approve(run.pk, 1)
    claim_and_execute(run.pk)
    assert Dataset.objects.listed().count() == 2


def test_a_draft_is_gone_with_its_last_discarded_run(door: Door):
    first = door.load("people.csv", STRAY)
    second = door.load("people.csv", STRAY.replace("starts", "begins"))
    Dataset.objects.update(quote="none", delimiter=";")
    discard(first.pk, "ada")
    assert Dataset.objects.get().is_draft
    claim_and_execute(second.pk)
    Run.objects.filter(pk=second.pk).update(status="held", unclear=True, question=first.question)
    run = discard(second.pk, "ada")
    assert run.reason == "Discarded by ada. Nothing was ever loaded into people, so that dataset was removed."
    assert not Dataset.objects.exists()
    assert list(Run.objects.order_by("pk").values_list("status", "dataset")) == [("discarded", None)] * 2
    assert rows("SELECT to_regclass('datasets.people')") == [(None,)]
    assert not Trouble.objects.filter(closed=None).exists()


def test_a_discarded_question_can_be_asked_again(door: Door):
    run = door.load("people.csv", STRAY)
    discard(run.pk, "ada")
    retry(run.pk)
    assert claim_and_execute(run.pk) == "held"
    assert Dataset.objects.get().is_draft


@pytest.mark.parametrize("made", ["by hand", "loaded"])
def test_a_dataset_that_somebody_made_or_that_was_loaded_stays(door: Door, made):
    if made == "loaded":
        door.load("people.csv", "id,note\n1,a\n")
    else:
        Dataset.objects.create(name="people")
    run = door.load("people.csv", STRAY)
    assert Dataset.objects.listed().count() == 1
    discard(run.pk, "ada")
    assert Dataset.objects.get() == Run.objects.get(pk=run.pk).dataset


def test_a_draft_with_a_failed_file_is_listed(door: Door):
    run = door.load("people.csv", STRAY)
    Run.objects.create(dataset=run.dataset, bucket="b", key="k", size=1, source_identity="x", status="failed")
    assert Dataset.objects.listed().count() == 1


# Pins, before the first load and afterwards


def test_pins_set_on_a_draft_have_its_file_read_again(door: Door, client):
    run = door.load("people.csv", STRAY)
    staff(client, superuser=True)
    page = client.get(f"/admin/ingest/run/{run.pk}/change/").content.decode()
    address = f"/admin/ingest/dataset/{run.dataset_id}/change/"
    assert f'href="{address}#id_encoding"' in page
    form = client.get(address).context["adminform"].form
    told = {name: "" if form[name].value() is None else form[name].value() for name in form.fields}
    told |= {"declared_key": "", "null_tokens": "", "patterns": "", "notify_emails": "", "quote": "none"}
    answer = client.post(address, told, follow=True)
    assert "1 held file is read again with these settings." in [str(said) for said in answer.context["messages"]]
    assert claim_and_execute(run.pk) == "succeeded"
    run.refresh_from_db()
    assert (run.records, run.dialect["basis"]["quote"], run.dialect["basis"]["delimiter"]) == (6, "pinned", "found")


@pytest.mark.parametrize(
    ("words", "pins"),
    [
        (["--delimiter", "semicolon", "--quote", "none"], {"delimiter": ";", "quote": "none"}),
        (["--delimiter", ";", "--escape", "backslash"], {"delimiter": ";", "escape": "\\"}),
        (["--lines-above", "4", "--header", "no"], {"preamble": 4, "has_header": False}),
        (["--encoding", "cp1252", "--delimiter", "tab"], {"encoding": "cp1252", "delimiter": "\t"}),
    ],
)
@pytest.mark.django_db
def test_pins_are_set_by_command_before_the_first_file(words, pins):
    called("pin", "people", *words)
    dataset = Dataset.objects.get(name="people")
    assert {name: getattr(dataset, name) for name in Dataset.PINS if getattr(dataset, name) is not None} == pins
    called("pin", "people", *[word if word.startswith("--") else "detect" for word in words])
    assert "everything is detected" in called("pin", "people")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["people", "--delimiter", "x"], "Delimiter: Value 'x' is not a valid choice"),
        (["people", "--lines-above", "-1"], "Lines above the header: Ensure this value is greater"),
        (["people", "--lines-above", "1001"], "Lines above the header: Ensure this value is less"),
        (["people", "--encoding", "idna"], "Encoding: 'idna' is not an encoding"),
        (["people", "--quote", "none", "--escape", "double"], "Escape: Leave the escape empty"),
        (["people", "--quote", "double", "--escape", "single"], "Escape: Choose the quote itself"),
        (["Not a name", "--delimiter", "comma"], "No file name leads to the table"),
        (["people"], "Dataset people does not exist."),
    ],
)
@pytest.mark.django_db
def test_pins_that_no_file_can_have_are_refused_by_command(words, said):
    with pytest.raises(CommandError, match=said):
        called("pin", *words)
    assert not Dataset.objects.exists()


def test_the_command_has_held_files_read_again(door: Door):
    run = door.load("people.csv", STRAY)
    assert "1 held file is read again" in called("pin", "people", "--quote", "none")
    assert claim_and_execute(run.pk) == "succeeded"
    assert Run.objects.get(pk=run.pk).records == 6


CONTENT = "id,note\n1,a\n2,b\n"


@pytest.mark.parametrize("name", Dataset.PINS)
@pytest.mark.django_db
def test_every_pin_counts_in_what_the_same_content_is_and_reaches_the_loader(name):
    values = {
        "delimiter": ",",
        "quote": "none",
        "escape": "\\",
        "preamble": 0,
        "has_header": False,
        "encoding": "utf-8",
    }
    before, after = Dataset(name="people"), Dataset(name="people", **{name: values[name]})
    assert fingerprint(before) != fingerprint(after)
    assert before.pinned != after.pinned
    assert Dataset._meta.get_field(name).name in DatasetForm.Meta.fields


def test_a_choice_is_forgotten_when_the_run_is_retried_after_other_pins(door: Door):
    run = door.load("people.csv", STRAY)
    approve(run.pk, 1)
    Run.objects.filter(pk=run.pk).update(status="failed")
    assert retry(run.pk).reading["quote"] == '"'
    Run.objects.filter(pk=run.pk).update(status="failed")
    Dataset.objects.update(quote="none")
    assert retry(run.pk).reading is None
    claim_and_execute(run.pk)
    assert Run.objects.get(pk=run.pk).records == 6


# Where it is told


def test_the_run_tells_how_its_file_was_read_and_why(door: Door, client):
    door.load("people.csv", "Report of May\n\nid;name\n1;Ann\n2;Bob\n")
    run = door.load("people.csv", "Report of June\n\nid;name\n3;Cy\n")
    read = summarize_reading(run.dialect)
    assert {part.name: (part.shown, part.basis) for part in read.parts} == {
        "delimiter": ("semicolon", "known"),
        "quote": ("double quote", "found"),
        "escape": ("doubled quote", "found"),
        "preamble": ("2", "known"),
        "has_header": ("line 3", "known"),
        "encoding": ("utf-8", "found"),
    }
    assert read.skipped == ("Report of June", "")
    assert 0 < read.margin <= 1
    staff(client, "view_run")
    page = client.get(f"/admin/ingest/run/{run.pk}/change/").content.decode()
    assert "Read as: semicolon between cells, double quotes, header on line 3, 2 lines above it, UTF-8" in page
    assert '<span class="basis basis-known">known</span>' in page
    assert "Report of June" in page


def test_programs_are_told_how_files_were_read_and_what_is_asked(door: Door):
    door.load("others.csv", "id;name\n1;Ann\n")
    run = door.load("people.csv", STRAY)
    loaded, held = json.loads(called("runs", "--json"))
    assert loaded["reading"]["delimiter"] == {"value": ";", "basis": "found"}
    assert (loaded["inserted"], loaded["reading"]["skipped"], loaded["question"]) == (1, [], [])
    assert (held["run"], held["status"], held["reading"], held["records"]) == (run.pk, "held", None, None)
    assert [(each["reading"], each["quote"]) for each in held["question"]] == [(1, '"'), (2, "")]
    assert "reading 2: comma between the cells; quotes are part of the text" in called("runs")


def test_a_chosen_reading_is_told_as_chosen(door: Door):
    door.load("people.csv", "id,note\n1,a\n")
    run = door.load("people.csv", STRAY)
    approve(run.pk, 2)
    claim_and_execute(run.pk)
    run.refresh_from_db()
    assert (run.dialect["basis"]["quote"], run.dialect.get("margin")) == ("chosen", None)


@pytest.mark.parametrize("permission", ["", "change_dataset"])
def test_who_may_not_change_datasets_chooses_for_one_file_only(door: Door, client, permission):
    door.load("people.csv", "id,note\n1,a\n")
    run = door.load("people.csv", STRAY)
    staff(client, "view_run", "approve_run", permission)
    page = client.get(f"/admin/ingest/run/{run.pk}/change/").content.decode()
    assert ("Always use reading 2" in page) == bool(permission)
    client.post(f"/admin/ingest/run/{run.pk}/decide/approve/", {"reading": "2", "always": "1"})
    run.refresh_from_db()
    assert run.status == ("waiting" if permission else "held")
    assert Dataset.objects.get().quote == ("none" if permission else None)


def test_a_question_is_told_as_one_in_the_list_and_by_message(door: Door, client, settings):
    settings.NOTIFY_TOPIC_ARN = "arn:aws:sns:eu-west-1:1:t"
    run = door.load("people.csv", STRAY)
    (message,) = Message.objects.all()
    assert title_of(message) == "people: choose how a file is read"
    assert "Reading 2: comma between the cells; quotes are" in _text(message)
    assert f"manage.py approve {run.pk} --reading N" in _text(message)
    staff(client, "view_run", "approve_run")
    for query, found in (("question", True), ("attention", True), ("succeeded", False)):
        page = client.get(f"/admin/ingest/run/?status={query}").content.decode()
        assert (f"/admin/ingest/run/{run.pk}/change/#question" in page) == found
        assert ('held">held · question<' in page) == found
