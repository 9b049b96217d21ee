"""What fails for a moment doesn't end the demo: it says so in a sentence, waits, and goes on."""

import logging
import os
import re
import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import django.db
import psycopg2
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

from pipeline_site.local.children import LocalError
from pipeline_site.local.outages import retry_outages
from pipeline_site.local.worker import Worker
from tests.aws.wires import answering
from tests.local.processes import comes_true
from tests.local.test_demo import ROOT, Demo, demo

__all__ = ["demo"]

OTHERS = "FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()"


@pytest.fixture
def serving(demo: Demo) -> Iterator[Demo]:
    """A demo that has loaded its samples and serves."""
    demo.start()
    assert comes_true(lambda: "Serving" in demo.printed, seconds=120), demo.printed
    yield demo
    assert "Traceback" not in demo.printed


def told_since(demo: Demo, mark: str) -> str:
    """What was printed after ``mark`` was."""
    return demo.printed.partition(mark)[2]


def database_url(demo: Demo) -> str:
    """The address of the demo's database."""
    lines = (demo.folder / "env").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("DATABASE_URL=")]
    return shlex.split(line.partition("=")[2])[0]


def drop_and_see_it_load(demo: Demo, folder: Path, name: str) -> None:
    """A file of a new name, dropped now, becomes a table and is told of."""
    file = folder / f"{name}.csv"
    file.write_text("id,name\n1,Ann\n")
    demo.drop(file)
    assert comes_true(lambda: re.search(rf"{name}\.csv .* succeeded ", demo.printed), seconds=150), demo.printed
    assert demo.ask(f"SELECT name FROM {name}") == ["Ann"]


def test_dropped_connections_and_a_crash_of_the_database_are_outlasted(serving: Demo, tmp_path: Path) -> None:
    for number in range(2):  # its connection is dropped, and so is the one that came after it
        assert serving.ask(f"SELECT count(pg_terminate_backend(pid)) > 0 {OTHERS}") == ["t"]
        expected = number + 1
        assert comes_true(lambda: serving.printed.count("Reconnected.") >= expected, seconds=60), serving.printed  # noqa: B023
    assert "Database error: " in serving.printed
    drop_and_see_it_load(serving, tmp_path, "after_drops")

    connection = psycopg2.connect(database_url(serving))
    os.kill(connection.info.backend_pid, signal.SIGKILL)  # PostgreSQL drops everybody and recovers
    connection.close()
    assert comes_true(lambda: serving.printed.count("Reconnected.") >= 3, seconds=90), serving.printed
    drop_and_see_it_load(serving, tmp_path, "after_a_crash")

    assert serving.process
    assert serving.process.poll() is None
    serving.process.send_signal(signal.SIGINT)
    assert serving.wait() == 0
    assert serving.left == {}


def test_a_server_that_ends_for_good_ends_it_with_one_sentence(serving: Demo) -> None:
    (postmaster,) = [
        pid for pid, command in serving.left.items() if "/postgres -D " in command and "guard.py" not in command
    ]
    os.kill(postmaster, signal.SIGKILL)
    assert serving.wait() == 1
    ended = [line for line in serving.printed.splitlines() if "ended with status 137" in line]
    assert len(ended) == 1, serving.printed
    assert ended[0].startswith("PostgreSQL 18 ended with status 137: ")
    assert comes_true(lambda: serving.left == {}, seconds=30), serving.left


def test_a_database_that_fails_while_the_samples_load_is_outlasted(demo: Demo) -> None:
    demo.start("--exit")
    assert comes_true(lambda: "Loading" in demo.printed, seconds=120), demo.printed
    connection = psycopg2.connect(database_url(demo))
    with connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT count(pg_terminate_backend(pid)) {OTHERS}")
    connection.close()
    assert demo.wait() == 0, demo.printed
    assert "Traceback" not in demo.printed
    assert len(demo.rows()) == len(list((ROOT / "samples").glob("*.csv")))


# -- one by one -------------------------------------------------------------------------------------------------------

CLIENT_ERROR = ClientError({"Error": {"Code": "InternalError", "Message": "try again"}}, "PutObject")
OUTAGES = [
    django.db.OperationalError("terminating connection\ndue to administrator command"),
    django.db.InterfaceError("connection already closed"),
    django.db.DatabaseError("lost synchronization with server"),
    psycopg2.OperationalError("the database system is in recovery mode"),
    psycopg2.InterfaceError("cursor already closed"),
    EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
    CLIENT_ERROR,
    ResponseParserError("no XML"),
]
FAULTS = [django.db.ProgrammingError("no such table"), psycopg2.errors.UndefinedTable("no such table")]


class Failing:
    """Fails so often, then answers."""

    def __init__(self, error: BaseException, times: int) -> None:
        self.error, self.times, self.asked = error, times, 0

    def __call__(self) -> str:
        self.asked += 1
        if self.asked <= self.times:
            raise self.error
        return "an answer"


@pytest.fixture
def pauses() -> list[float]:
    """The pauses that were made."""
    return []


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection of Django's is touched."""
    monkeypatch.setattr("pipeline_site.local.outages._drop_connection", lambda: None)


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("error", OUTAGES, ids=lambda error: f"{type(error).__module__}.{type(error).__name__}")
def test_an_outage_is_said_once_and_asked_again_ever_more_slowly(error: BaseException, pauses: list[float]) -> None:
    said: list[str] = []
    ask = Failing(error, times=6)
    assert retry_outages(ask, say=said.append, pause=pauses.append) == "an answer"
    assert ask.asked == 7
    assert pauses == sorted(pauses)
    assert len(pauses) == 6
    assert len(said) == 2
    assert re.fullmatch(r"(Database|Local AWS) error: .*\. Retrying\.", said[0])
    assert said[1] == "Reconnected."


@pytest.mark.usefixtures("connected")
def test_what_works_at_once_is_not_talked_of(pauses: list[float]) -> None:
    said: list[str] = []
    assert retry_outages(Failing(OUTAGES[0], times=0), say=said.append, pause=pauses.append) == "an answer"
    assert (said, pauses) == ([], [])


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("error", FAULTS, ids=lambda error: type(error).__name__)
def test_a_fault_that_time_does_not_mend_is_a_sentence_at_once(error: BaseException) -> None:
    ask = Failing(error, times=9)
    with pytest.raises(LocalError, match=r"^Database error: no such table\.$"):
        retry_outages(ask, say=lambda _: None, pause=lambda _: None)
    assert ask.asked == 1


@pytest.mark.usefixtures("connected")
def test_patience_has_an_end_where_it_is_told_one() -> None:
    ask = Failing(CLIENT_ERROR, times=9)
    with pytest.raises(LocalError, match=r"^Local AWS error: .*InternalError.*try again"):
        retry_outages(ask, say=lambda _: None, pause=lambda _: None, patience=-1)
    assert ask.asked == 1


@pytest.mark.usefixtures("connected")
def test_a_server_that_has_ended_is_not_waited_for() -> None:
    def check() -> None:
        raise LocalError("PostgreSQL ended with status 1.")

    ask = Failing(OUTAGES[0], times=9)
    with pytest.raises(LocalError, match="ended with status 1"):
        retry_outages(ask, say=lambda _: None, check=check, pause=lambda _: None)
    assert ask.asked == 1


# -- the worker -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 500, 503])
@pytest.mark.parametrize("body", [b"<html>busy</html>", b""])
def test_the_worker_outlasts_whatever_the_queue_answers(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, status: int, body: bytes
) -> None:
    monkeypatch.setattr("pipeline_site.local.worker._PAUSE_SECONDS", 0)
    turns, calls = iter(range(3)), []
    with answering(status, body) as address:
        options: dict[str, Any] = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
        queue = boto3.client(
            "sqs", endpoint_url=address, config=Config(retries={"total_max_attempts": 1}, read_timeout=5), **options
        )
        worker = Worker(
            sqs=queue,
            queue_url=f"{address}/queue",
            on_event=lambda *_: None,
            on_schedule=lambda *_: calls.append(1),
            every=0,
        )
        worker.work(until=lambda: next(turns, None) is None)
    assert len(calls) == 3
    assert not [record for record in caplog.records if record.exc_info], "a sentence, and no traceback"


def failing(error: Exception) -> Callable[..., None]:
    def handler(*_: object) -> None:
        raise error

    return handler


@pytest.mark.parametrize("error", OUTAGES, ids=lambda error: f"{type(error).__module__}.{type(error).__name__}")
def test_an_outage_that_a_handler_meets_is_a_sentence_in_the_workers_log(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    worker = Worker(sqs=None, queue_url="", on_event=failing(error), on_schedule=failing(error))
    with caplog.at_level(logging.INFO):
        assert worker._invoke(worker.on_schedule, {}) == (False, None)
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert "\n" not in record.getMessage()


def test_what_nobody_has_foreseen_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker(sqs=None, queue_url="", on_event=failing(KeyError("a")), on_schedule=failing(KeyError("a")))
    worker._invoke(worker.on_event, {})
    (record,) = caplog.records
    assert (record.levelname, bool(record.exc_info)) == ("ERROR", True)
