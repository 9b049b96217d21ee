"""The page of a dataset: its policy, and what is changed by hand."""

import pytest

from ingest import runs
from ingest.models import Dataset
from tests.app.conftest import Door
from tests.app.pages import staff

POLICY = {
    "name": "people",
    "mode": "upsert",
    "policy": "evolve",
    "declared_key": "",
    "null_tokens": "",
    "patterns": "",
    "reject_share": "0.1",
    "reject_count": "10",
}


@pytest.mark.django_db
def test_a_dataset_can_be_made_before_its_first_file(client):
    staff(client, "add_dataset", "view_dataset")
    told = POLICY | {"declared_key": "first\r\nsecond\r\n", "null_tokens": "NA\r\n-", "patterns": "people-*.csv"}
    assert client.post("/admin/ingest/dataset/add/", told).status_code == 302
    dataset = Dataset.objects.get()
    assert (dataset.declared_key, dataset.null_tokens) == (["first", "second"], ["NA", "-"])
    assert (dataset.patterns, dataset.identities) == (["people-*.csv"], None)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        {"name": "Not A Table"},
        {"name": "a\0b"},
        {"mode": "guess"},
        {"null_tokens": "a\0"},
        {"patterns": "x\n" * 201},
        {"patterns": "x" * 201},
        {"reject_share": "1.5"},
        {"reject_share": "nan"},
        {"reject_count": "-1"},
        {"reject_count": "9" * 30},
    ],
)
def test_what_makes_no_sense_is_refused_on_the_form(client, change):
    staff(client, superuser=True)
    response = client.post("/admin/ingest/dataset/add/", POLICY | change)
    assert response.status_code == 200
    assert b"errorlist" in response.content
    assert Dataset.objects.count() == 0


@pytest.mark.django_db
def test_saving_a_policy_keeps_what_a_run_has_learnt_meanwhile(client, source):
    dataset = runs.receive(source("data/people.csv")).dataset
    Dataset.objects.update(identities=[["id"]], headers={"id": "id"})
    staff(client, "change_dataset", "view_dataset")
    address = f"/admin/ingest/dataset/{dataset.pk}/change/"
    assert client.post(address, POLICY | {"policy": "strict", "name": "other"}).status_code == 302
    dataset.refresh_from_db()
    assert (dataset.policy, dataset.identities, dataset.headers) == ("strict", [["id"]], {"id": "id"})
    assert dataset.name == "people", "files lead to it by its name"


@pytest.mark.django_db
def test_what_is_settled_about_files_and_approval_is_saved(client, source):
    dataset = runs.receive(source("data/people.csv")).dataset
    staff(client, "change_dataset", "view_dataset")
    told = {"encoding": "cp1252", "delimiter": "\t", "has_header": "false", "asks_approval": "on"}
    assert client.post(f"/admin/ingest/dataset/{dataset.pk}/change/", POLICY | told).status_code == 302
    dataset.refresh_from_db()
    assert (dataset.encoding, dataset.delimiter, dataset.has_header) == ("cp1252", "\t", False)
    assert dataset.asks_approval
    told = {"encoding": "", "delimiter": "", "has_header": "unknown"}
    client.post(f"/admin/ingest/dataset/{dataset.pk}/change/", POLICY | told)
    dataset.refresh_from_db()
    assert (dataset.encoding, dataset.delimiter, dataset.has_header, dataset.asks_approval) == (None, None, None, False)


@pytest.fixture
def people(door: Door, client) -> tuple[Dataset, str]:
    """A dataset with two rows, and its page, for somebody who may change it."""
    door.load("people.csv", "id,code,name\n1,a,Ann\n2,b,Ann\n")
    staff(client, "change_dataset", "view_dataset")
    dataset = Dataset.objects.get()
    return dataset, f"/admin/ingest/dataset/{dataset.pk}/change/"


def test_a_key_and_a_type_are_changed_on_the_form_where_the_rows_allow_it(client, people):
    dataset, address = people
    page = client.get(address).content.decode()
    assert "id (bigint)" in page
    assert page.count("ends the undo of all runs so far") == 3
    change = {"declared_key": "code", "column": "id", "type": "text"}
    assert client.post(address, POLICY | change).status_code == 302
    dataset.refresh_from_db()
    assert (dataset.declared_key, dataset.identities, dataset.newest) == (["code"], [["code"]], None)
    assert runs.columns_of(dataset.pk)["id"] == "text"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"declared_key": "name"}, "rows repeat it, such as &#x27;Ann&#x27;"),
        ({"declared_key": "code", "column": "name", "type": "bigint"}, "2 values are none, such as &#x27;Ann&#x27;"),
        ({"column": "name"}, "Choose both a column and its new type"),
        ({"column": "absent", "type": "text"}, "Select a valid choice"),
    ],
)
def test_a_change_that_the_rows_do_not_allow_is_told_on_the_form_and_leaves_all_as_it_was(client, people, change, told):
    dataset, address = people
    response = client.post(address, POLICY | {"policy": "strict"} | change)
    assert response.status_code == 200
    assert told in response.content.decode()
    dataset.refresh_from_db()
    assert (dataset.policy, dataset.declared_key, dataset.identities) == ("evolve", [], [["id"]])
    assert dataset.newest is not None


def test_who_may_only_look_at_a_dataset_sees_no_form(client, people):
    staff(client, "view_dataset")
    page = client.get(people[1])
    assert page.status_code == 200
    assert b'name="column"' not in page.content
