"""The case of e-mails, told and ignored: by the switch of a dataset, tried on every row first (BEHAVIOUR 5)."""

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import call_command

from ingest import browsing
from ingest.datasets.alter import change_key, ignore_email_case
from ingest.loader.outcome.errors import RunFailed
from ingest.models import Dataset, Run
from ingest.runs.execute import claim_and_execute
from ingest.runs.row_changes import preview_undo
from ingest.runs.row_lineage import trace
from ingest.runs.undo import undo
from tests.app.conftest import Door, counts, rows
from tests.app.pages import staff
from tests.app.test_admin_datasets import POLICY

PEOPLE = "E-mail,name\nAda@x.org,Ada\nbob@x.org,Bob\n"
SHOUTED = "E-mail,name\nADA@X.ORG,Ada\nbob@x.org,Bob\n"
TABLE = "SELECT e_mail, name FROM people ORDER BY e_mail"


@pytest.fixture
def people(door: Door) -> Dataset:
    """Two people, known by their e-mails."""
    door.load("people.csv", PEOPLE)
    return Dataset.objects.get()


def test_the_e_mail_by_another_name_is_the_key_and_says_why(door: Door, people):
    assert people.identities == [["e_mail"]]
    assert people.evidence == "e_mail is the key: the file has it, and each of its values has exactly one @."
    door.load("notes.csv", "E-mail,n\nask Bob,1\n")
    notes = Dataset.objects.get(name="notes")
    assert notes.identities == []
    assert notes.evidence.endswith("e_mail is not a key: it needs values, each with exactly one @.")


def test_what_the_switch_would_match_is_told_until_it_is_on(door: Door, people):
    run = door.load("people.csv", SHOUTED)
    assert counts(run) == {"records": 2, "inserted": 1, "unchanged": 1}
    assert run.notes[0].startswith("1 new row has an e-mail that differs from an existing row's only in case")
    preview = door.load("_preview/people.csv", "E-mail,name\nBOB@x.org,Bob\n")
    assert preview.notes[0].startswith("1 new row has")


def test_it_is_refused_with_the_rows_that_would_become_one_and_nothing_changes(door: Door, people):
    newest = door.load("people.csv", SHOUTED)
    with pytest.raises(RunFailed, match="1 e-mail is in several rows that would become one, such as 'A"):
        ignore_email_case(people.pk, True)
    people.refresh_from_db()
    assert (people.ignore_email_case, people.newest) == (False, newest)
    assert undo(newest.pk)


def test_content_that_is_in_the_table_is_read_again_once_e_mails_are_matched_otherwise(door: Door, people):
    assert counts(door.load("people.csv", PEOPLE)) == {"records": 2, "unchanged": 2}
    ignore_email_case(people.pk, True)
    shouted = door.load("people.csv", SHOUTED)
    assert counts(shouted) == {"records": 2, "updated": 1, "unchanged": 1}
    assert rows(TABLE) == [("ADA@X.ORG", "Ada"), ("bob@x.org", "Bob")]
    again = door.load("people.csv", SHOUTED)
    assert "the same content" in again.notes[0]
    Dataset.objects.update(ignore_email_case=False)  # whatever else changes with it: the conditions are others
    assert "the same content" not in str(door.load("people.csv", SHOUTED).notes)


def test_a_row_is_undone_and_traced_however_its_e_mail_is_written(door: Door, people):
    ignore_email_case(people.pk, True)
    door.load("people.csv", "E-mail,name\ncy@x.org,Cy\n")
    run = door.load("people.csv", "E-mail,name\nada@x.org,A\nADA@x.org,Ada L.\n")
    dataset = Dataset.objects.get()
    found = browsing.row_history(dataset, [("key.e_mail", "ADA@x.org")])
    step = found.steps[0]
    assert (step.run_id, [name for name, *_ in step.changes]) == (run.pk, ["e_mail", "name"])
    traced = trace(step.run, step.wanted)
    assert (traced.line, traced.duplicate_lines) == (3, [2])
    assert preview_undo(run).restored == 1
    assert claim_and_execute(undo(run.pk).pk) == "succeeded"
    assert rows(TABLE) == [("Ada@x.org", "Ada"), ("bob@x.org", "Bob"), ("cy@x.org", "Cy")]


def test_a_record_without_id_is_traced_by_its_e_mail_in_another_case(door: Door):
    Dataset.objects.create(name="people", ignore_email_case=True)
    door.load("people.csv", "id,E-mail,v\n1,Ada@x,1\n2,b@x,1\n")
    run = door.load("people.csv", "id,E-mail,v\n,ADA@x,2\n2,B@x,2\n,b@X ,3\n")
    for own, expected in (("1", (2, [])), ("2", (4, [3]))):
        step = browsing.row_history(Dataset.objects.get(), [("key.id", own)]).steps[0]
        assert step.run_id == run.pk
        traced = trace(step.run, step.wanted)
        assert (traced.line, traced.duplicate_lines) == expected


def test_versions_that_arrive_late_are_matched_so_too(door: Door):
    Dataset.objects.create(name="people", ignore_email_case=True)
    contents = ("email,v\nAda@x,1\nb@x,1\n", "email,v\nADA@x,2\n", "email,v\nada@x,2\nB@x,3\n")
    sources = [door.put("people.csv", content, sequencer=f"{n:04X}") for n, content in enumerate(contents, 1)]
    for source in reversed(sources):
        assert door.deliver(source).status == "succeeded"
    assert rows("SELECT email, v FROM people ORDER BY v") == [("ada@x", 2), ("B@x", 3)]


def test_a_version_from_before_the_switch_is_not_put_below_newer_ones(door: Door):
    older = door.put("people.csv", "email,v\nada@x,1\nb@x,1\n", sequencer="0A")
    newer = door.deliver(door.put("people.csv", "email,v\nAda@x,2\n", sequencer="0B"))
    ignore_email_case(newer.dataset_id, True)
    late = door.deliver(older)
    assert (late.status, "was changed by an operator since" in late.reason) == ("superseded", True)


def test_before_the_first_file_it_is_only_noted(door: Door):
    dataset = Dataset.objects.create(name="people")
    ignore_email_case(dataset.pk, True)
    assert counts(door.load("people.csv", "email\nAda@x\nada@x\n")) == {"records": 2, "inserted": 1, "duplicate": 1}


def test_without_a_declared_key_the_columns_choose_an_e_mail_by_another_name_too(door: Door, people):
    change_key(people.pk, declared_key=["name"])
    change_key(people.pk, declared_key=[])
    people.refresh_from_db()
    assert people.identities == [["e_mail"]]
    rows("UPDATE people SET e_mail = 'none' WHERE name = 'Bob' RETURNING 1")
    change_key(people.pk, declared_key=["name"])
    change_key(people.pk, declared_key=[])
    people.refresh_from_db()
    assert people.identities == []


def test_an_id_that_is_the_key_alone_gets_no_e_mail_beside_it_by_a_change_of_the_mode(door: Door):
    door.load("people.csv", "id\n1\n")
    door.load("people.csv", "id,E-mail\n1,a@x\n")
    dataset = Dataset.objects.get()
    change_key(dataset.pk, mode="snapshot")
    dataset.refresh_from_db()
    assert dataset.identities == [["id"]]


def test_the_switch_stands_on_the_form_asks_first_and_is_logged(client, door: Door, people, capsys):
    run = Run.objects.get()
    staff(client, "change_dataset", "view_dataset")
    address = f"/admin/ingest/dataset/{people.pk}/change/"
    page = client.post(address, POLICY | {"ignore_email_case": "on"})
    assert page.context["changes"] == [("E-mail matching", "exact", "regardless of case and surrounding spaces")]
    people.refresh_from_db()
    assert not people.ignore_email_case
    assert client.post(address, dict(page.context["pairs"])).status_code == 302
    people.refresh_from_db()
    run.refresh_from_db()
    assert (people.ignore_email_case, people.newest, run.undoable) == (True, None, False)
    assert "Ignore e-mail case" in LogEntry.objects.get().get_change_message()
    assert "matched regardless of case" in client.get(address).content.decode()
    call_command("datasets")
    assert "e_mail (e-mail case ignored)" in capsys.readouterr().out
    assert client.post(address, POLICY).status_code == 302
    people.refresh_from_db()
    assert not people.ignore_email_case


def test_what_the_rows_refuse_is_told_at_the_switch(client, door: Door, people):
    door.load("people.csv", SHOUTED)
    staff(client, "change_dataset", "view_dataset")
    page = client.post(f"/admin/ingest/dataset/{people.pk}/change/", POLICY | {"ignore_email_case": "on"})
    (told,) = page.context["adminform"].form.errors["ignore_email_case"]
    assert "rows that would become one" in told
    people.refresh_from_db()
    assert not people.ignore_email_case
