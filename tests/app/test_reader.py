"""Pages read tables by a role that can SELECT from them and do nothing else, whatever statement they send."""

from collections.abc import Iterator

import psycopg2
import pytest
from django.db import DatabaseError, connection, transaction
from psycopg2 import sql

from ingest.browsing import BrowseError, reading
from ingest.loader.sql import browsing as statements
from ingest.loader.sql import reader
from ingest.operations.doctor import examine
from ingest.reader_role import make_reader
from pipeline_site.local.postgres import USER
from tests.app.conftest import Door, rows
from tests.app.pages import browse, execute, staff
from tests.conftest import MAJORS, Servers

PEOPLE = "id,name\n1,Ann\n2,Bob\n"


def _by_superuser(servers: Servers, statement: sql.Composable) -> None:
    """What somebody does to our database who may do anything."""
    session = psycopg2.connect(servers[MAJORS[0]].url(connection.settings_dict["NAME"], "postgres"))
    try:
        with session, session.cursor() as cursor:
            cursor.execute(statement)
    finally:
        session.close()


def as_reader(statement: str) -> list[tuple[object, ...]]:
    """What the database answers to a page's transaction."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(statements.read_only(5000))
        cursor.execute(statement)
        return list(cursor.fetchall())


def test_a_page_s_transaction_is_the_reader_s_and_the_next_one_is_ours_again(door: Door) -> None:
    door.load("people.csv", PEOPLE)
    (names,) = as_reader("SELECT current_user, session_user, (SELECT count(*) FROM datasets.people)")
    assert names == (f"reader_of_{connection.settings_dict['NAME']}", USER, 2)
    assert rows("SELECT current_user") == [(USER,)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT password FROM auth_user",
        "SELECT session_key FROM django_session",
        "SELECT raw FROM ingest_reject",
        "SELECT * FROM ingest_run",
        "SELECT pg_read_file('/etc/passwd')",
        "SET TRANSACTION READ WRITE; SELECT 1",
        "INSERT INTO datasets.people VALUES (3, 'Eve') RETURNING 1",
        "SELECT lo_create(0)",
    ],
)
def test_nothing_but_the_tables_can_be_read_and_nothing_written(door: Door, statement: str) -> None:
    door.load("people.csv", PEOPLE)
    with pytest.raises(DatabaseError) as refused:
        as_reader(statement)
    assert refused.value.__cause__.pgcode in ("42501", "25006", "25001")  # not allowed, read-only, too late


def test_the_reader_could_not_write_even_if_the_transaction_let_it(door: Door) -> None:
    door.load("people.csv", PEOPLE)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(reader.TAKE)
        for statement in (
            "DELETE FROM datasets.people",
            "CREATE TABLE datasets.x (a int)",
            "DROP TABLE datasets.people",
        ):
            with pytest.raises(DatabaseError) as refused, transaction.atomic():
                cursor.execute(statement)
            assert refused.value.__cause__.pgcode == "42501"


def test_tables_are_readable_the_moment_they_are_made_changed_or_widened(door: Door, client) -> None:
    staff(client, "view_dataset")
    run = door.load("people.csv", PEOPLE)
    assert len(browse(client, run.dataset).rows) == 2
    door.load("people.csv", "id,name,city\n1,Ann,Rome\n7.5,Eve,Oslo\n")
    assert len(browse(client, run.dataset).rows) >= 2
    page = client.get(f"/admin/ingest/dataset/{run.dataset.pk}/browse/row/", {"key.id": "1"})
    assert page.status_code == 200
    assert "Rome" in page.content.decode()


def test_a_table_of_somebody_else_s_is_told_of_with_what_to_do(door: Door, servers: Servers) -> None:
    run = door.load("people.csv", PEOPLE)
    assert run.dataset
    role = sql.Identifier(f"reader_of_{connection.settings_dict['NAME']}")
    _by_superuser(servers, sql.SQL("ALTER TABLE datasets.people OWNER TO postgres"))
    _by_superuser(servers, sql.SQL("REVOKE ALL ON datasets.people FROM {}").format(role))
    with pytest.raises(BrowseError, match=r"has no SELECT on this table: run `manage\.py migrate`, or grant it"):
        reading.show("people", [])


def test_migrate_gives_the_reader_what_it_lacks(door: Door) -> None:
    door.load("people.csv", PEOPLE)
    role = f'"reader_of_{connection.settings_dict["NAME"]}"'
    execute(f"REVOKE ALL ON datasets.people FROM {role}; REVOKE ALL ON SCHEMA datasets FROM {role}")
    execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA datasets REVOKE SELECT ON TABLES FROM {role}")
    make_reader(using="default")
    door.load("others.csv", PEOPLE)
    assert as_reader("SELECT count(*) FROM datasets.people JOIN datasets.others USING (id)") == [(2,)]


@pytest.fixture
def without_the_right(transactional_db: None, servers: Servers) -> Iterator[None]:
    """A database on which the product's user may not create roles, and has no reader."""
    role = sql.Identifier(f"reader_of_{connection.settings_dict['NAME']}")
    user = sql.Identifier(USER)
    _by_superuser(servers, sql.SQL("DROP OWNED BY {}").format(role))
    with servers[MAJORS[0]].superuser() as cursor:
        cursor.execute(sql.SQL("DROP ROLE {}").format(role))
        cursor.execute(sql.SQL("ALTER ROLE {} NOCREATEROLE").format(user))
    yield
    with servers[MAJORS[0]].superuser() as cursor:
        cursor.execute(sql.SQL("ALTER ROLE {} CREATEROLE").format(user))
    make_reader(using="default")


def test_a_user_who_may_make_no_role_reads_as_before_and_the_doctor_says_so(
    without_the_right: None, door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    make_reader(using="default")
    assert "The role by which pages read tables can't be made" in caplog.text
    door.load("people.csv", PEOPLE)
    assert len(reading.show("people", []).rows) == 2
    (finding,) = [each for each in examine() if each.subject == "reader"]
    assert finding.mark == "CAUTION"
    assert f'ALTER ROLE "{USER}" CREATEROLE' in finding.told


def test_the_doctor_names_the_reader(transactional_db: None) -> None:
    (finding,) = [each for each in examine() if each.subject == "reader"]
    assert (finding.mark, finding.told) == ("ok", f"pages read tables as reader_of_{connection.settings_dict['NAME']}")
