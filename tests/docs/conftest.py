"""The examples of the pages go in by the same door as the tests of the application."""

from collections.abc import Iterator

import pytest
from django.db import connection

from tests.app.conftest import door, scratch

__all__ = ["door", "scratch"]


@pytest.fixture
def clean_tables(django_db_reset_sequences: None) -> Iterator[None]:
    """Runs are numbered from 1, and the tables made from files go with the example."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS datasets_before CASCADE; DROP SCHEMA datasets CASCADE")
        cursor.execute("CREATE SCHEMA datasets")
