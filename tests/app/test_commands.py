"""The commands: thin doors that say what happened and end non-zero when it went wrong."""

import csv
import io
import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from ingest import handlers
from ingest.management.tables import RUN_HEADER, table
from ingest.models import Dataset, Run
from ingest.runs.receive import put, receive
from tests.app.conftest import Door, rows

PEOPLE = "id,name\n1,Ann\n2,Bob\n"


def called(*words: object) -> str:
    """What a command wrote."""
    out = io.StringIO()
    call_command(*map(str, words), stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture
def worker(door: Door):
    """Somebody who takes events from the queue and gives them to the handlers."""
    stop = threading.Event()
    sqs = door.aws.client("sqs")

    def work() -> None:
        try:
            while not stop.is_set():
                got = sqs.receive_message(QueueUrl=door.aws.queue_url, WaitTimeSeconds=1, MaxNumberOfMessages=10)
                for message in got.get("Messages", []):
                    record = {"eventSource": "aws:sqs", "messageId": "m", "body": message["Body"]}
                    handlers.on_event({"Records": [record]})
                    sqs.delete_message(QueueUrl=door.aws.queue_url, ReceiptHandle=message["ReceiptHandle"])
        finally:
            connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()


def test_ingest_puts_files_in_the_bucket_and_follows_their_runs(door: Door, worker, tmp_path):
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "things.csv").write_text("id\n1\n")
    written = called("ingest", tmp_path / "people.csv", tmp_path / "things.csv")
    header, first, second = written.splitlines()
    assert header.split() == list(RUN_HEADER)
    assert first.split()[1:-1] == ["people.csv", "people", "succeeded", "2", "0", "0", "0", "0"]
    assert second.split()[1:-1] == ["things.csv", "things", "succeeded", "1", "0", "0", "0", "0"]
    assert rows("SELECT count(*) FROM people") == [(2,)]


def test_ingest_ends_non_zero_if_a_run_failed_and_says_why(door: Door, worker, tmp_path):
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "empty.csv").write_text("")
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError, match=r"1 of 2 runs failed\."):
        call_command("ingest", str(tmp_path / "people.csv"), str(tmp_path / "empty.csv"), stdout=out, stderr=err)
    assert "empty.csv: The file is empty" in err.getvalue()
    assert "succeeded" in out.getvalue()


def test_a_dry_run_shows_counts_and_changes_and_loads_nothing(door: Door, worker, tmp_path):
    (tmp_path / "people.csv").write_text(PEOPLE)
    written = called("ingest", "--dry-run", tmp_path / "people.csv")
    assert written.splitlines()[1].split()[1:-1] == ["people.csv", "(preview)", "people", "succeeded", *"20000"]
    assert 'people.csv: create table "datasets"."people"' in written
    assert "Nothing was loaded: these are previews." in written
    assert rows("SELECT to_regclass('datasets.people')") == [(None,)]
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(CommandError, match=r"1 of 1 runs failed\."):
        called("ingest", "--dry-run", tmp_path / "empty.csv")


def test_ingest_says_when_no_worker_takes_the_file(door: Door, tmp_path):
    (tmp_path / "people.csv").write_text(PEOPLE)
    with pytest.raises(CommandError, match=r"No worker received people\.csv within 0\.5 s"):
        called("ingest", "--wait", "0.5", tmp_path / "people.csv")


def test_ingest_says_when_a_run_gets_no_further(door: Door, tmp_path, monkeypatch):
    (tmp_path / "people.csv").write_text(PEOPLE)

    def put_and_receive(path, **options):
        source = put(path, **options)
        receive(source)
        return source

    monkeypatch.setattr("ingest.runs.receive.put", put_and_receive)
    with pytest.raises(CommandError, match=r"of people\.csv is queued, and made no progress for 0\.5 s"):
        called("ingest", "--wait", "0.5", tmp_path / "people.csv")


def test_ingest_puts_nothing_if_one_file_is_not_there(door: Door, tmp_path):
    (tmp_path / "people.csv").write_text(PEOPLE)
    with pytest.raises(CommandError, match="Nothing was put in the bucket"):
        called("ingest", tmp_path / "people.csv", tmp_path / "missing.csv")
    assert "Contents" not in door.aws.client("s3").list_objects_v2(Bucket=door.aws.bucket)


def test_ingest_says_when_the_bucket_is_not_there(door: Door, tmp_path, settings):
    settings.BUCKET = "not-there"
    (tmp_path / "people.csv").write_text(PEOPLE)
    with pytest.raises(CommandError, match=r"people\.csv could not be put in the bucket"):
        called("ingest", tmp_path / "people.csv")


def test_ingest_shows_a_progress_line_on_a_terminal_only(door: Door, worker, tmp_path):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    (tmp_path / "people.csv").write_text(PEOPLE)
    terminal, elsewhere = Terminal(), io.StringIO()
    call_command("ingest", str(tmp_path / "people.csv"), stdout=io.StringIO(), stderr=terminal)
    assert "uploading people.csv" in terminal.getvalue()
    assert "0 of 1 finished" in terminal.getvalue()
    (tmp_path / "people.csv").write_text(PEOPLE + "3,Cy\n")
    call_command("ingest", str(tmp_path / "people.csv"), stdout=io.StringIO(), stderr=elsewhere)
    assert elsewhere.getvalue() == ""


def test_runs_lists_the_newest_last_with_the_reason_of_a_failure(door: Door):
    door.load("a.csv", PEOPLE)
    door.load("b.csv", "")
    written = called("runs")
    assert written.index("a.csv") < written.index("b.csv")
    assert "The file is empty" in written
    assert "a.csv" not in called("runs", "--limit", 1)
    assert "a.csv" not in called("runs", "--status", "failed")
    assert "b.csv" not in called("runs", "--dataset", "a")


def test_datasets_lists_policy_key_and_the_last_load(door: Door):
    door.load("people.csv", PEOPLE)
    Dataset.objects.create(name="later")
    later, people = called("datasets").splitlines()[1:]
    assert later.split() == ["later", "upsert", "evolve", "not", "chosen", "yet"]
    assert people.split()[:4] == ["people", "upsert", "evolve", "id"]
    assert people.split()[4].startswith("20")


def test_rejects_writes_a_file_that_can_be_mended(door: Door):
    run = door.load("people.csv", PEOPLE + "3\n")
    assert list(csv.reader(io.StringIO(called("rejects", run.pk)))) == [
        ["id", "name", "_line", "_code", "_reason", "_dataset", "_run"],
        ["3", "", "4", "missing_columns", run.rejects.get().reason, "people", str(run.public_id)],
    ]


def test_retry_puts_a_failed_run_back(door: Door):
    run = door.load("people.csv", "")
    assert f"Run {run.pk} (people.csv) queued." in called("retry", run.pk)
    assert Run.objects.get(pk=run.pk).status == "waiting"


def test_retry_anyway_makes_a_new_run_of_what_succeeded(door: Door):
    run = door.load("people.csv", PEOPLE)
    with pytest.raises(CommandError, match="only failed, superseded or discarded"):
        called("retry", run.pk)
    called("retry", "--anyway", run.pk)
    assert handlers.on_schedule() == {"carried": 1}
    again = Run.objects.get(load_number=2)
    assert (again.status, again.unchanged, again.forced) == ("succeeded", 2, True)
    with pytest.raises(CommandError, match="only succeeded or superseded"):
        called("retry", "--anyway", door.load("x.csv", "").pk)


def test_undo_takes_runs_back_at_once_and_says_what_stays(door: Door):
    first, second = door.load("people.csv", PEOPLE), door.load("people.csv", PEOPLE.replace("Bob", "Robert"))
    written = called("undo", first.pk)
    assert "Rows removed: 1; restored: 0." in written
    assert "1 row stays as it is: a later run changed or deleted it" in written
    written = called("undo", second.pk, first.pk)
    assert written.count("restored") == 2
    assert rows("SELECT count(*) FROM people") == [(0,)]
    with pytest.raises(CommandError, match="is an undo; load the file again"):
        called("undo", Run.objects.filter(kind="undo").first().pk)


def test_undo_ends_non_zero_if_it_could_not_be_done(door: Door):
    run = door.load("people.csv", PEOPLE)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE people")
    with pytest.raises(CommandError, match="is failed: The table people is gone"):
        called("undo", run.pk)


def test_approve_and_discard_decide_about_held_runs(door: Door):
    Dataset.objects.create(name="people", asks_approval=True)
    run = door.load("people.csv", PEOPLE)
    assert f"Run {run.pk} (people.csv) approved and queued for loading." in called("approve", run.pk)
    with pytest.raises(CommandError, match="only held runs"):
        called("discard", run.pk)
    Run.objects.update(status="held")
    assert "discarded; nothing was loaded" in called("discard", run.pk)
    assert Run.objects.get().reason.endswith("at the command line.")


def test_ingest_says_what_held_a_run(door: Door, worker, tmp_path):
    Dataset.objects.create(name="people", asks_approval=True)
    (tmp_path / "people.csv").write_text(PEOPLE)
    out, err = io.StringIO(), io.StringIO()
    call_command("ingest", str(tmp_path / "people.csv"), stdout=out, stderr=err)
    assert "held" in out.getvalue()
    assert "asks for approval" in err.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize("command", ["retry", "rejects", "undo", "approve", "discard"])
def test_a_run_that_is_not_there_is_said(command):
    with pytest.raises(CommandError, match="Run 4711 does not exist"):
        called(command, 4711)


def test_a_table_of_text_is_aligned_and_harmless():
    lines = table(("name", "n", "s"), [["a\x1b[31m", 1_234_567, 0.5], ["b", 1, ""]]).splitlines()
    assert lines == [
        "name    n          s",
        "a\N{REPLACEMENT CHARACTER}[31m  1,234,567  0.50",
        "b               1",
    ]


def test_a_table_gives_way_to_a_terminal_where_its_texts_are_widest():
    rows = [["x" * 60 + ".csv", "y" * 30, 1_234_567, "failed"], ["b.csv", "b", 1, ""]]
    whole, narrow = table(("file", "dataset", "n", "status"), rows), table(("file", "dataset", "n", "status"), rows, 60)
    assert "x" * 60 + ".csv" in whole
    assert "y" * 30 in whole
    first, second = narrow.splitlines()[1:]
    assert len(first) == 60
    file, dataset, *rest = first.split()
    assert rest == ["1,234,567", "failed"]
    assert file.strip("x") == dataset.strip("y") == "…"
    assert abs(len(file) - len(dataset)) <= 1
    assert second.split() == ["b.csv", "b", "1"]
    assert len(table(("file",), [["z" * 90]], 3).splitlines()[1]) == 8, "no narrower than can be told apart"


def test_a_command_on_a_terminal_shows_no_more_than_its_width(door: Door, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "100")
    name = "a_file_with_" + "a_very_long_name_" * 3
    door.load(f"{name}.csv", PEOPLE)
    terminal = Terminal()
    call_command("runs", stdout=terminal)
    assert max(map(len, terminal.getvalue().splitlines())) == 100
    assert f"{name}.csv" not in terminal.getvalue()
    assert f"{name}.csv" in called("runs"), "whole where it goes elsewhere"


def test_a_command_says_its_sentence_and_no_line_of_the_log_beside_it(door: Door, caplog, settings):
    first, second, third = (door.load("people.csv", f"id,name\n{number},Ann\n") for number in range(3))
    caplog.clear()
    called("undo", third.pk)
    assert caplog.text == ""
    called("undo", second.pk, "--verbosity", 2)
    assert '"event": "run succeeded"' in caplog.text
    caplog.clear()
    settings.LOG_JSON = True
    called("undo", first.pk)
    assert '"event": "run succeeded"' in caplog.text, "a machine reads it"
    assert door.load("people.csv", PEOPLE)
    assert '"event": "run received"' in caplog.text, "no longer than the command"


def test_acknowledge_takes_a_failed_run_off_the_list_and_refuses_what_nobody_waits_for(door: Door):
    failed, fine = door.load("empty.csv", b""), door.load("people.csv", PEOPLE)
    assert called("acknowledge", failed.pk) == f"Run {failed.pk} (empty.csv) acknowledged.\n"
    assert "at the command line" in Run.objects.get(pk=failed.pk).answered_by
    assert not Run.objects.unacknowledged().exists()
    with pytest.raises(CommandError, match=f"Run {failed.pk} does not need attention: it is failed"):
        called("acknowledge", failed.pk)
    with pytest.raises(CommandError, match=f"Run {fine.pk} does not need attention: it is succeeded"):
        called("acknowledge", fine.pk)
    with pytest.raises(CommandError, match="Run 1000000000 does not exist"):
        called("acknowledge", 10**9)
