"""The rules that the database itself holds."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from ingest.loader.outcome.target import Mode
from ingest.models import Dataset, Run
from ingest.runs.receive import receive

pytestmark = pytest.mark.django_db


def test_the_books_of_every_run_balance(source):
    run = receive(source())
    Run.objects.filter(pk=run.pk).update(records=10, inserted=4, updated=3, unchanged=1, duplicate=1, rejected=1)
    with pytest.raises(IntegrityError, match="books_balance"), transaction.atomic():
        Run.objects.filter(pk=run.pk).update(inserted=5)


def test_a_run_that_succeeded_has_an_outcome(source):
    run = receive(source())
    with pytest.raises(IntegrityError, match="succeeded_with_outcome"), transaction.atomic():
        Run.objects.filter(pk=run.pk).update(status="succeeded", finished=timezone.now())


def test_a_source_object_has_one_run_of_each_load_number(source):
    run = receive(source())
    run.pk = None
    with pytest.raises(IntegrityError, match="source_once"), transaction.atomic():
        run.save(force_insert=True)


def test_the_schema_of_the_files_stands_on_the_search_path_behind_public():
    with connection.cursor() as cursor:
        cursor.execute("SHOW search_path")
        assert cursor.fetchone()[0] == '"$user", public, datasets'
        cursor.execute("SELECT current_schemas(false)")
        assert cursor.fetchone()[0] == ["public", "datasets"]


def test_a_dataset_becomes_the_loaders_target():
    dataset = Dataset(
        name="t",
        mode="snapshot",
        policy="strict",
        declared_key=["a", "b"],
        identities=[["id"], ["email"]],
        headers={"A": "a"},
        null_tokens=["NA"],
        reject_share=0.5,
        reject_count=3,
    )
    target = dataset.target(7)
    assert (target.table, target.run_id, target.mode, target.strict) == ("t", 7, Mode.SNAPSHOT, True)
    assert (target.declared_key, target.identities) == (("a", "b"), (("id",), ("email",)))
    assert (target.headers, target.null_tokens, target.reject_share, target.reject_count) == (
        {"A": "a"},
        ("NA",),
        0.5,
        3,
    )
    assert Dataset(name="t").target(1).identities is None
    assert Dataset(name="t", identities=[]).target(1).identities == ()


def test_only_names_that_a_file_can_lead_to_are_taken():
    Dataset(name="customers_2024").full_clean()
    for name in ("Customers", "a b", "1st", "___", 'x"; drop table y', "a\0b"):
        with pytest.raises(ValidationError):
            Dataset(name=name).full_clean()


@pytest.mark.parametrize("value", ["x", [1], ["a\0"], {"a": 1}, [["a"]]])
def test_lists_of_texts_hold_nothing_else(value):
    with pytest.raises(ValidationError):
        Dataset(name="t", null_tokens=value).full_clean()


@pytest.mark.parametrize(
    "fields",
    [
        {"encoding": "nonsense"},
        {"encoding": "punycode"},
        {"encoding": "unicode_escape"},
        {"encoding": "a\0"},
        {"encoding": "hex"},
        {"delimiter": "x"},
    ],
)
def test_only_what_a_file_can_be_written_in_is_pinned(fields):
    Dataset(name="t", encoding="cp1252", delimiter="\t", has_header=False).full_clean()
    with pytest.raises(ValidationError):
        Dataset(name="t", **fields).full_clean()
