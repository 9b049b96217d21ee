"""What many ask for at the same moment is done once: each clicks, in a session of their own."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from ingest.loader.outcome.errors import RunFailed
from ingest.models import Run, Upload
from ingest.runs.execute import claim_and_execute
from ingest.runs.preview import discard_preview, load_previewed
from ingest.runs.retry import load_again, retry
from ingest.runs.undo import undo as undo_run
from tests.app.conftest import Door, rows

PEOPLE = "id,name\n1,Ann\n2,Bob\n"
CLICKS = 8


def at_once(ask: Callable[[], object]) -> list[object]:
    """What each of eight gets who ask at the same moment: an answer, or the refusal."""
    ready, got = threading.Barrier(CLICKS, timeout=120), []

    def click() -> None:
        try:
            connection.ensure_connection()
            ready.wait()
            got.append(ask())
        except RunFailed as refused:
            got.append(refused)
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(CLICKS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return got


def refusals(got: list[object]) -> list[str]:
    assert len(got) == CLICKS
    return [str(each) for each in got if isinstance(each, RunFailed)]


def test_eight_undos_at_once_are_one(door: Door):
    run = door.load("people.csv", PEOPLE)
    refused = refusals(at_once(lambda: undo_run(run.pk)))
    undo = Run.objects.get(kind="undo")
    assert refused == [f"Run {run.pk} is already being undone by run {undo.pk}. Wait for it to finish."] * 7
    assert claim_and_execute(undo.pk) == "succeeded"
    assert rows("SELECT count(*) FROM people") == [(0,)]


def test_an_undo_that_failed_is_not_tried_again_beside_another(door: Door):
    run = door.load("people.csv", PEOPLE)
    first = undo_run(run.pk)
    Run.objects.filter(pk=first.pk).update(status="failed")
    second = undo_run(run.pk)
    with pytest.raises(RunFailed, match=f"already being undone by run {second.pk}"):
        retry(first.pk)
    Run.objects.filter(pk=second.pk).update(status="failed")
    assert retry(first.pk).status == "waiting"


def test_eight_requests_to_load_a_file_again_are_one_whichever_of_its_runs_they_name(door: Door):
    first = door.load("people.csv", PEOPLE)
    second = load_again(first.pk)
    assert claim_and_execute(second.pk) == "succeeded"
    asked = iter([first.pk, second.pk] * CLICKS)
    refused = refusals(at_once(lambda: load_again(next(asked))))
    third = Run.objects.get(status="waiting")
    assert refused == [f"Run {third.pk} is already loading this file again. Wait for it to finish."] * 7
    assert claim_and_execute(third.pk) == "succeeded"
    assert load_again(first.pk).status == "waiting", "it has ended, so it may be asked for again"


def test_eight_decisions_to_load_what_was_previewed_are_one(door: Door):
    preview = door.load("_preview/people.csv", PEOPLE)
    refused = refusals(at_once(lambda: load_previewed(preview.pk, "ann")))
    assert all("deciding about run" in each or "Loaded by ann." in each for each in refused)
    assert (len(refused), Upload.objects.count()) == (7, 1)
    listed = door.aws.client("s3").list_object_versions(Bucket=door.aws.bucket, Prefix="data/people.csv")
    assert len(listed["Versions"]) == 1
    with pytest.raises(RunFailed, match=f"Preview {preview.pk} was already decided: Loaded by ann."):
        discard_preview(preview.pk, "bob")


def test_a_decision_that_fails_leaves_the_preview_to_be_decided_about(door: Door):
    preview = door.load("_preview/people.csv", PEOPLE)
    source = preview.source
    door.aws.client("s3").delete_object(Bucket=source.bucket, Key=source.key, VersionId=source.version_id)
    for _ in range(2):
        with pytest.raises(RunFailed, match="no longer in the bucket"):
            load_previewed(preview.pk)
