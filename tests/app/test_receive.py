"""A source object becomes a run, once (file-rules#sources and #names)."""

import threading

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from ingest.loader.outcome.errors import RunFailed
from ingest.models import Dataset, Progress, Run
from ingest.runs.receive import receive
from ingest.runs.retry import due, retry


@pytest.mark.django_db
def test_it_makes_a_queued_run_its_progress_and_the_dataset_of_the_file_name(source):
    run = receive(source("data/2024/Customers.csv.gz", size=77))
    assert (run.status, run.dataset.name, run.load_number, run.size) == ("queued", "customers", 1, 77)
    assert (run.progress.stage, run.progress.bytes_total, run.progress.lease_until) == ("queued", 77, None)


@pytest.mark.django_db
def test_a_second_delivery_of_the_same_event_finds_the_first_run(source):
    one = source()
    assert receive(one).pk == receive(one).pk
    assert Run.objects.count() == Progress.objects.count() == 1


@pytest.mark.django_db
def test_another_version_of_the_same_key_is_another_run_of_the_same_dataset(source):
    first, second = receive(source()), receive(source())
    assert first.pk != second.pk
    assert first.dataset == second.dataset


@pytest.mark.django_db
def test_without_versions_etag_and_sequencer_tell_deliveries_apart(source):
    one = source(version_id="", etag="e", sequencer="0A")
    again = source(version_id="", etag="e", sequencer="0B")
    assert receive(one).pk == receive(one).pk != receive(again).pk


@pytest.mark.django_db(transaction=True)
def test_three_deliveries_at_once_make_one_run(source):
    one, found, together = source(), [], threading.Barrier(3)

    def deliver():
        try:
            together.wait()
            found.append(receive(one).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=deliver) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1
    assert Run.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["data/.csv", "data/___.csv"])
def test_a_name_that_leaves_nothing_is_a_run_that_failed_with_a_sentence(source, key):
    run = receive(source(key))
    assert (run.status, run.dataset) == ("failed", None)
    assert "gives no table name" in run.reason
    assert Dataset.objects.count() == 0


@pytest.mark.django_db
def test_the_longest_pattern_that_matches_the_key_behind_the_prefix_chooses_the_dataset(source):
    Dataset.objects.create(name="all", patterns=["*.csv"])
    Dataset.objects.create(name="orders", patterns=["eu/orders/*.csv", "orders-*.csv"])
    assert receive(source("data/eu/orders/2024-01-01.csv")).dataset.name == "orders"
    assert receive(source("data/orders-1.csv")).dataset.name == "orders"
    assert receive(source("data/else.csv")).dataset.name == "all"
    assert receive(source("data/else.tsv")).dataset.name == "else"


@pytest.mark.django_db
def test_names_as_long_as_s3_allows_are_taken(source):
    key = "data/" + "ü" * 507 + ".csv"
    run = receive(source(key, version_id="v" * 1024, etag="e" * 1024, sequencer="F" * 1024))
    assert run.dataset.name == "ü" * 31
    assert receive(run.source).pk == run.pk
    unversioned = receive(source(key, version_id="", etag="e" * 1024, sequencer="F" * 1024))
    assert receive(unversioned.source).pk == unversioned.pk


@pytest.mark.django_db
def test_sequencers_sort_as_if_padded_with_zeros(source):
    told = ["0A", "0a00", "0A01", "1", "0B"]
    received = [receive(source(sequencer=sequencer)) for sequencer in told]
    in_order = Run.objects.filter(pk__in=[run.pk for run in received]).order_by("version_order", "pk")
    assert [run.sequencer for run in in_order] == ["0A", "0a00", "0A01", "0B", "1"]


@pytest.mark.django_db
def test_a_run_without_a_table_can_be_retried_once_a_pattern_takes_it(source):
    run = receive(source("data/eu/.csv"))
    with pytest.raises(RunFailed, match="gives no table name"):
        retry(run.pk)
    eu = Dataset.objects.create(name="eu", patterns=["eu/*"])
    assert retry(run.pk).dataset == eu
    assert due() == [run.pk]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "goes_to"),
    [
        ("data/salaries.csv", "salaries"),  # a closed dataset's by its name
        ("data/payroll-2026-05.csv", "salaries"),  # by its pattern, which is shorter than the open one's
        ("data/others.csv", "open"),
    ],
)
def test_no_open_datasets_pattern_draws_a_closed_datasets_files(source, key, goes_to):
    closed = Dataset.objects.create(name="salaries", patterns=["payroll-*"])
    closed.open_to.add(Group.objects.create(name="hr"))
    Dataset.objects.create(name="open", patterns=["salaries.csv", "payroll-2026-*.csv", "*"])
    assert receive(source(key)).dataset.name == goes_to
