"""What becomes of a run is one line in the log, and metrics where they are wanted."""

import json
import logging

import pytest

from ingest import handlers
from ingest.models import Dataset
from ingest.runs.telemetry import without_cells
from pipeline_site.logs import JsonLines
from tests.app.conftest import s3_event


class Context:
    """An invocation with a name."""

    aws_request_id = "request-7"


@pytest.fixture
def lines(caplog):
    """The events so far, as they stand in the log."""
    caplog.set_level(logging.INFO, "ingest.runs")
    return lambda: [json.loads(JsonLines().format(record)) for record in caplog.records if hasattr(record, "line")]


def test_each_step_of_a_run_is_a_line_with_run_dataset_object_and_request(door, lines):
    handlers.on_event(s3_event(door.put("odd\nname.csv", "id,n\n1,2\n")), Context())
    received, claimed, ended = lines()
    for line in (received, claimed, ended):
        assert (line["dataset"], line["object"]) == ("odd_name", f"s3://{door.aws.bucket}/data/odd\nname.csv")
        assert (line["request"], line["run"], line["kind"]) == ("request-7", received["run"], "load")
    assert [line["event"] for line in (received, claimed, ended)] == ["run received", "run claimed", "run succeeded"]
    assert (ended["level"], ended["inserted"], ended["records"]) == ("INFO", 1, 1)
    assert ended["seconds"] >= 0


def test_a_line_is_one_line(door, lines, caplog):
    door.load("odd\nname.csv", "")
    assert not [record for record in caplog.records if "\n" in record.getMessage()]
    assert lines()[-1]["event"] == "run failed"


def test_a_failure_names_its_error_and_its_reason(door, lines):
    door.load("a.csv", "")
    failed = lines()[-1]
    assert (failed["level"], failed["event"], failed["error"]) == ("ERROR", "run failed", "RunFailed")
    assert failed["reason"].startswith("The file is empty")


def test_a_file_without_a_table_name_has_failed_when_it_is_received(door, lines):
    door.load("___.csv", "")
    assert [line["event"] for line in lines()] == ["run received", "run failed"]
    assert lines()[-1]["dataset"] is None


def test_no_cell_comes_into_the_log(door, lines, caplog):
    Dataset.objects.create(name="a", policy="strict", declared_key=["id"])
    door.load("a.csv", "id,n\n1,1\n")
    door.load("a.csv", "id,n\n" + "".join(f"{id},secret{id}\n" for id in range(30)))
    door.load("a.csv", "id,secret name\n1,2\n")
    assert [line["event"] for line in lines()][-1] == "run failed"
    assert "secret1" not in caplog.text
    assert without_cells("Line 3 is 'it', and \"that\" not.") == "Line 3 is '…', and '…' not."


def test_metrics_are_fields_of_the_line_where_they_are_wanted(door, lines, settings):
    settings.METRICS_NAMESPACE = "Files"
    door.load("a.csv", "id,n\n1,2\n2,3,4\n")
    door.load("a.csv", "")
    door.load("_preview/a.csv", "id,n\n1,2\n")
    succeeded, failed, shown = (line for line in lines() if line["event"] in ("run succeeded", "run failed"))
    directive = succeeded["_aws"]["CloudWatchMetrics"][0]
    assert (directive["Namespace"], directive["Dimensions"]) == ("Files", [[], ["Status"]])
    assert [metric["Name"] for metric in directive["Metrics"]] == [
        *("Runs", "Seconds", "Inserted", "Updated", "Unchanged", "Duplicate", "Rejected", "Deleted"),
    ]
    assert all(isinstance(succeeded[metric["Name"]], int | float) for metric in directive["Metrics"])
    assert [succeeded[name] for name in ("Status", "Runs", "Inserted", "Rejected")] == ["succeeded", 1, 1, 1]
    assert [failed[name] for name in ("Status", "Runs")] == ["failed", 1]
    assert "Inserted" not in failed
    assert "_aws" not in shown, "a preview is no load"


def test_a_record_of_any_kind_is_one_line_of_json():
    try:
        raise KeyError("missing")
    except KeyError as error:
        caught = (KeyError, error, error.__traceback__)
    record = logging.LogRecord("django", logging.ERROR, "", 0, "it\n%s", ("broke",), caught)
    text = JsonLines().format(record)
    line = json.loads(text)
    assert "\n" not in text
    assert (line["message"], line["level"], line["logger"]) == ("it\nbroke", "ERROR", "django")
    assert line["traceback"].endswith("KeyError: 'missing'")
