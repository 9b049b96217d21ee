"""System checks refuse at deploy what would only fail at the first file."""

import pytest
from django.db import connection, connections

from ingest.checks import check_bucket, check_database, check_messages


def test_a_bucket_must_be_named(settings):
    settings.BUCKET = ""
    assert [problem.id for problem in check_bucket(None)] == ["ingest.E001"]
    settings.BUCKET = "b"
    assert check_bucket(None) == []


def test_whoever_is_told_by_e_mail_needs_a_server_that_sends_it(settings):
    assert check_messages(None) == []
    settings.NOTIFY_EMAILS, settings.EMAIL_HOST = ["ann@x.example"], ""
    assert [problem.id for problem in check_messages(None)] == ["ingest.W002"]
    settings.EMAIL_HOST, settings.DEFAULT_FROM_EMAIL = "mail", "ingest@x.example"
    assert check_messages(None) == []


def test_e_mail_comes_from_an_address_that_servers_take(settings):
    settings.EMAIL_HOST, settings.DEFAULT_FROM_EMAIL = "mail", "ingest@localhost"
    assert [problem.id for problem in check_messages(None)] == ["ingest.W003"]
    settings.EMAIL_HOST = "localhost"
    assert check_messages(None) == []


@pytest.mark.django_db
def test_the_database_of_the_tests_is_one_that_we_support():
    assert check_database(None, databases=["default"]) == []
    assert check_database(None, databases=None) == []


@pytest.mark.django_db
def test_an_old_or_foreign_database_is_refused(monkeypatch):
    monkeypatch.setitem(vars(connections["default"]), "pg_version", 160004)
    assert [problem.id for problem in check_database(None, databases=["default"])] == ["ingest.E003"]
    monkeypatch.setattr(connections["default"], "vendor", "oracle")
    assert [problem.id for problem in check_database(None, databases=["default"])] == ["ingest.E002"]


@pytest.mark.django_db
def test_files_must_not_stand_before_our_own_tables():
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path = datasets, public")
    assert [problem.id for problem in check_database(None, databases=["default"])] == ["ingest.W001"]
