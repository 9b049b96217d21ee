"""The figures of a run: the same in every list, page, command and JSON, and blank where they mean nothing."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.template.loader import render_to_string

from ingest.admin.runs import facts, listing, live
from ingest.admin.upload_words import run_as_told
from ingest.management.tables import run_json, run_row
from ingest.models import Run
from ingest.runs.summary import RunSummary
from tests.app.conftest import Door

STARTED = datetime(2026, 3, 1, tzinfo=UTC)


def run_of(status: str, *, kind: str = "load", seconds: float = 2.0, **counts: int | None) -> Run:
    """A run that isn't stored, received and started on the same morning."""
    moments = {"received": STARTED, "started": STARTED, "finished": STARTED + timedelta(seconds=seconds)}
    return Run(pk=5, bucket="files", key="people.csv", size=9, status=status, kind=kind, **moments, **counts)


LOADED = {"records": 4_010, "inserted": 4_000, "updated": 6, "rejected": 4, "deleted": 1}


def test_the_same_figures_reach_every_page_and_command() -> None:
    run = run_of("succeeded", **LOADED)
    figures = {"inserted": 4_000, "updated": 6, "unchanged": 0, "duplicate": 0, "rejected": 4}
    texts = [(name, f"{count:,}") for name, count in figures.items()]
    assert listing.row(run)["counts"] == texts
    assert (listing.row(run)["records"], listing.row(run)["seconds"], listing.row(run)["rate"]) == (
        "4,010",
        "2.00",
        "2,005",
    )
    assert run_row(run)[4:] == [*figures.values(), 2.0]
    assert {name: run_json(run)[name] for name in ("records", *figures, "deleted")} == LOADED | figures
    assert live.progress_context(run)["counts"] == LOADED | figures
    assert run_as_told(run)["counts"] == {"inserted": 4_000, "updated": 6, "rejected": 4, "deleted": 1}
    assert run_as_told(run)["figures"] == "4,010 records: 4,000 inserted, 6 updated, 4 rejected, 1 deleted"
    assert facts.run_account(run)["counts"][0] == ("inserted", 4_000, "99.8%")


@pytest.mark.parametrize(
    ("status", "in_the_list", "in_a_terminal"),
    [
        ("succeeded", ["4,000", "4"], [4_000, 4]),
        ("held", ["4,000", "4"], ["", 4]),
        ("failed", ["", "4"], ["", 4]),
        ("discarded", ["", "4"], ["", 4]),
    ],
)
def test_counts_that_took_no_effect_are_blank(status: str, in_the_list: list[str], in_a_terminal: list[object]) -> None:
    run = run_of(status, **LOADED)
    counts = dict(listing.row(run)["counts"])
    assert [counts["inserted"], counts["rejected"]] == in_the_list
    cells = dict(zip(Run.FATES, run_row(run)[4:], strict=False))
    assert [cells["inserted"], cells["rejected"]] == in_a_terminal


def test_rejects_of_a_file_that_was_not_read_to_its_end_are_a_minimum() -> None:
    run = run_of("failed", records=None, rejected=1_001, partial=True)
    assert dict(listing.row(run)["counts"])["rejected"] == "at least 1,001"
    assert "at least 1,001" in run_row(run)
    assert (run_json(run)["records"], run_json(run)["inserted"], run_json(run)["rejected"]) == (None, None, 1_001)
    assert live.progress_context(run)["counts"] == {}
    assert RunSummary.of(run).sentence() == ""


@pytest.mark.parametrize(("records", "text"), [(0, "0 records"), (1, "1 record: 1 would be inserted")])
def test_a_sentence_leaves_out_what_is_zero(records: int, text: str) -> None:
    assert RunSummary.of(run_of("succeeded", records=records, inserted=records)).sentence("would be ") == text


@pytest.mark.parametrize(
    ("status", "kind", "seconds", "rate"),
    [
        ("succeeded", "load", 2.0, "2,005"),
        ("succeeded", "load", 0.9, ""),
        ("succeeded", "undo", 2.0, ""),
        ("held", "load", 2.0, ""),
    ],
)
def test_a_rate_is_of_a_load_that_took_long_enough(status: str, kind: str, seconds: float, rate: str) -> None:
    assert RunSummary.of(run_of(status, kind=kind, seconds=seconds, **LOADED)).rate.text == rate


@pytest.mark.parametrize("run", [run_of("succeeded", kind="preview", **LOADED), run_of("held", **LOADED)])
def test_a_page_says_what_a_load_would_do_and_not_that_it_was_done(run: Run) -> None:
    """The template reads a name that no check of Python sees."""

    def shown(run: Run) -> str:
        return render_to_string("ingest/run/record_counts.html", {"run": run, "account": facts.run_account(run)})

    assert RunSummary.of(run).is_hypothetical
    assert shown(run) != shown(run_of("succeeded", **LOADED))
    assert "expected results" in shown(run)
    assert "expected results" not in shown(run_of("succeeded", **LOADED))


def test_the_runs_command_prints_what_the_page_shows(door: Door) -> None:
    run = door.load("people.csv", "id,name\n1,Ann\n2\n")
    output = StringIO()
    call_command("runs", "--json", stdout=output)
    (listed,) = json.loads(output.getvalue())
    assert (listed["records"], listed["inserted"], listed["rejected"]) == (2, 1, 1)
    assert dict(listing.row(run)["counts"]) == dict.fromkeys(Run.FATES, "0") | {"inserted": "1", "rejected": "1"}
