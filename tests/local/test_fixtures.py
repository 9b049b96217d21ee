"""The fixtures that every other test stands on."""

import gzip
import json
import subprocess
import sys

import psycopg2

from pipeline_site.local.postgres import Postgres
from tests.conftest import Aws, pytest_make_parametrize_id


def test_a_database_is_fresh_and_ours_without_being_superuser(
    database: "psycopg2.extensions.connection", postgres: Postgres
) -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname IN ('public', 'datasets')")
        assert cursor.fetchone() == (0,)
        cursor.execute("CREATE TABLE datasets.t (n int)")
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False,)
    assert database.server_version // 10_000 == postgres.major
    assert not database.autocommit


def test_djangos_database_is_on_our_server(db: None) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM auth_user")
        assert cursor.fetchone() == (0,)
    assert connection.settings_dict["NAME"].startswith("test_")


def test_an_object_in_the_bucket_reaches_the_queue(aws: Aws) -> None:
    aws.client("s3").put_object(Bucket=aws.bucket, Key="data/a b.csv", Body=b"id\n1\n")
    aws.client("s3").put_object(Bucket=aws.bucket, Key="elsewhere/a.csv", Body=b"id\n1\n")
    got = aws.client("sqs").receive_message(QueueUrl=aws.queue_url, WaitTimeSeconds=20, MaxNumberOfMessages=10)
    events = [json.loads(message["Body"]) for message in got["Messages"]]
    keys = [record["s3"]["object"]["key"] for event in events for record in event.get("Records", ())]
    assert keys == ["data/a+b.csv"]


def test_no_test_has_bytes_in_its_name() -> None:
    """They may differ from worker to worker: gzip writes the time of the day."""
    for content in (gzip.compress(b"a"), bytearray(b"a"), memoryview(b"a")):
        assert pytest_make_parametrize_id(config=None, val=content, argname="content") == "content"
    assert pytest_make_parametrize_id(config=None, val="text", argname="content") is None


def test_another_process_meets_this_tests_database(environment: dict[str, str]) -> None:
    from django.contrib.auth import get_user_model

    get_user_model().objects.create_user("one of this test")
    ask = "from django.contrib.auth.models import User; print(*User.objects.values_list('username', flat=True))"
    command = [sys.executable, "manage.py", "shell", "--verbosity=0", "--command", ask]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "one of this test\n"
