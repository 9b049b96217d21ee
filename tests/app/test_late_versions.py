"""Versions of a file may arrive in any order: the table ends as if they had come in theirs.

See file-rules#version-order.
"""

import random
from dataclasses import dataclass, field

import pytest

from ingest.datasets.alter import change_type
from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.source_object import SourceObject
from ingest.models import Dataset, Run
from ingest.runs.approve import approve
from ingest.runs.available_actions import available_actions
from ingest.runs.execute import claim_and_execute
from ingest.runs.retry import load_again, retry
from ingest.runs.undo import undo as undo_run
from tests.app.conftest import Door, counts, rows
from tests.loader import oracle

PEOPLE = "SELECT id, name FROM people ORDER BY id"
LIMITLESS = oracle.Policy(reject_share=1, reject_count=1_000)


def people(*records: tuple[object, ...]) -> str:
    return "id,name\n" + "".join(f"{id_},{name}\n" for id_, name in records)


def versions(door: Door, *contents: str, name: str = "people.csv") -> list[SourceObject]:
    """Versions of one file, in this order, of which nobody has told yet."""
    return [door.put(name, content, sequencer=f"{number:04X}") for number, content in enumerate(contents, 1)]


def undo(run: Run) -> None:
    assert claim_and_execute(undo_run(run.pk).pk) == "succeeded"


def last_load(source: SourceObject) -> Run:
    """The load by which this version is in the table."""
    return Run.objects.get(source_identity=Run.identity_of(source), kind="load", repeated_by=None)


def test_versions_that_arrive_last_first_leave_no_stale_value(door: Door):
    sources = versions(
        door,
        people((1, "a1"), (2, "a2"), (3, "a3"), (4, "a4")),
        people((2, "b2"), (3, "b3")),
        people((3, "c3")),
    )
    for source in reversed(sources):
        assert door.deliver(source).status == "succeeded"
    assert rows(PEOPLE) == [(1, "a1"), (2, "b2"), (3, "c3"), (4, "a4")]
    assert [counts(last_load(source)) for source in sources] == [
        {"records": 4, "inserted": 4},
        {"records": 2, "updated": 2},
        {"records": 1, "updated": 1},
    ]
    assert Dataset.objects.get().newest == last_load(sources[-1])


def test_each_repeated_load_says_why_and_cannot_be_undone_twice(door: Door):
    older, newer = versions(door, people((1, "old"), (2, "two")), people((1, "new")))
    first = door.deliver(newer)
    late = door.deliver(older)
    again = last_load(newer)
    first.refresh_from_db()
    assert (first.repeated_by, first.undoable, again.load_number) == (again, False, 2)
    assert f"run {again.pk}" in first.notes[-1]
    assert f"run {late.pk}" in again.notes[-1]
    assert f"loaded again after it by run {again.pk}." in late.notes[-1]
    with pytest.raises(RunFailed, match=f"undo run {again.pk} instead"):
        undo_run(first.pk)
    undo(again)
    assert rows(PEOPLE) == [(1, "old"), (2, "two")]


def test_an_email_that_moved_on_meanwhile_is_no_conflict(door: Door):
    """Loaded over the newer rows, the older version's record would have lost its e-mail to the row that has it now."""
    Dataset.objects.create(name="people", identities=[["id"], ["email"]])
    older, newer = versions(door, "id,email\n2,a@x\n", "id,email\n2,b@x\n1,c@x\n")
    newest = door.put("people.csv", "id,email\n1,a@x\n", sequencer="0003")
    for source in (newest, newer, older):
        assert door.deliver(source).rejected == 0
    assert rows("SELECT id, email FROM people ORDER BY id") == [(1, "a@x"), (2, "b@x")]


def test_rows_without_a_key_are_not_appended_twice(door: Door):
    for source in reversed(versions(door, "a\nold\n", "a\nnew\n")):
        door.deliver(source)
    assert rows("SELECT a FROM people ORDER BY record_id") == [("old",), ("new",)]


def test_the_older_version_chooses_the_key_where_it_would_have_been_the_first(door: Door):
    older, newer = versions(door, "id,email\n1,a@x\n2,b@x\n", "id,email\n1,z@x\n3,z@x\n")
    door.deliver(newer)
    assert Dataset.objects.get().identities == [["id"]]
    late = door.deliver(older)
    assert late.status == "succeeded", late.reason
    assert Dataset.objects.get().identities == [["id"], ["email"]]
    assert counts(last_load(newer)) == {"records": 2, "inserted": 1, "rejected": 1}
    assert rows("SELECT id, email FROM people ORDER BY id") == [(1, "a@x"), (2, "b@x"), (3, "z@x")]


# -- what it can't be put before -------------------------------------------------------------------------------------


def superseded(door: Door, late: SourceObject, *, because: str) -> Run:
    """Deliver ``late``, which changes nothing, and says why."""
    before = rows("SELECT * FROM people ORDER BY id")
    run = door.deliver(late)
    assert (run.status, run.records) == ("superseded", None), run.reason
    assert because in run.reason
    assert "Reload" in run.reason
    assert rows("SELECT * FROM people ORDER BY id") == before
    return run


def test_another_file_has_changed_the_table_since(door: Door):
    older, newer = versions(door, people((1, "old"), (2, "old")), people((1, "new")))
    door.deliver(newer)
    other = door.load("else/people.csv", people((1, "other")))
    superseded(door, older, because=f"run {other.pk} has changed the table")


def test_another_file_that_changed_nothing_is_not_in_the_way(door: Door):
    older, newer = versions(door, people((1, "old"), (2, "old")), people((1, "new")))
    door.deliver(newer)
    door.load("else/people.csv", people((1, "new")))
    assert door.deliver(older).status == "succeeded"
    assert rows(PEOPLE) == [(1, "new"), (2, "old")]


def test_an_undo_has_changed_the_table_since(door: Door):
    older, newer, newest = versions(door, people((1, "old")), people((1, "new")), people((1, "newest"), (2, "x")))
    door.deliver(newer)
    undo(door.deliver(newest))
    superseded(door, older, because="has changed the table")


def test_an_operator_has_changed_the_table_since(door: Door):
    older, newer = versions(door, people((1, "old")), people((1, "new")))
    change_type(door.deliver(newer).dataset_id, "name", "text")
    assert Dataset.objects.get().altered is None, "it was text before"
    change_type(Dataset.objects.get().pk, "id", "text")
    superseded(door, older, because="changed by an operator")


def test_the_rows_before_are_not_kept_any_more(door: Door):
    older, newer = versions(door, people((1, "old"), (2, "old")), people((1, "new")))
    door.load("people.csv", people((1, "first")), sequencer="0001")
    run = door.deliver(newer)
    Run.objects.filter(pk=run.pk).update(undoable=False)
    superseded(door, older, because=f"before run {run.pk} are no longer kept")


def test_a_newer_version_has_widened_a_column_that_held_values(door: Door):
    door.load("people.csv", "id,n\n1,5\n", sequencer="0000")
    older, newer = versions(door, "id,n\n2,six\n" + "".join(f"{n},7\n" for n in range(10, 30)), "id,n\n1,x\n")
    door.deliver(newer)
    superseded(door, older, because="changed the type of n")


def test_a_column_that_only_the_newer_versions_filled_is_typed_again(door: Door):
    older, newer = versions(door, "id,n\n1,5\n2,6\n", "id,n\n3,x\n")
    door.deliver(newer)
    assert door.deliver(older).status == "succeeded"
    assert rows("SELECT id, n FROM people ORDER BY id") == [(1, "5"), (2, "6"), (3, "x")]


def test_a_newer_version_cannot_be_read_any_more(door: Door):
    older, newer = versions(door, people((1, "old")), people((1, "new")))
    door.deliver(newer)
    door.aws.client("s3").delete_object(Bucket=newer.bucket, Key=newer.key, VersionId=newer.version_id)
    superseded(door, older, because="can't be read any more")


def test_a_newer_version_that_is_unclear_by_now_is_read_as_it_was(door: Door):
    stray = 'id,name\n1,new\n2,"starts\n3,b\n4,ends 12"\n'
    older, newer = versions(door, people((1, "old"), (5, "old")), stray)
    held = door.deliver(newer)
    assert held.status == "held"
    approve(held.pk, 2)
    assert claim_and_execute(held.pk) == "succeeded"
    Run.objects.filter(pk=held.pk).update(reading=None)  # as it was loaded before such files were asked about
    Dataset.objects.update(delimiter="", quote=None, escape=None, preamble=None, has_header=None)
    assert door.deliver(older).status == "succeeded"
    assert rows(PEOPLE) == [(1, "new"), (2, '"starts'), (3, "b"), (4, 'ends 12"'), (5, "old")]


def test_there_are_too_many_newer_versions(door: Door, settings):
    settings.LATE_VERSIONS = 2
    sources = versions(door, *(people((1, f"v{n}"), (n + 1, "x")) for n in range(4)))
    for source in sources[:0:-1]:
        assert door.deliver(source).status == "succeeded"
    superseded(door, sources[0], because="more than the 2")
    settings.LATE_VERSIONS = 3
    assert retry(Run.objects.latest("pk").pk).status == "waiting"
    assert claim_and_execute(Run.objects.latest("pk").pk) == "succeeded"
    assert rows(PEOPLE)[0] == (1, "v3")


def test_a_newer_version_that_would_fail_now_keeps_the_table_as_it_is(door: Door):
    older, newer = versions(door, people((1, "old")), people(*((n, "x") for n in range(20)), ("", "y")))
    door.deliver(newer)
    Dataset.objects.update(reject_share=0, reject_count=0)
    superseded(door, older, because="can't be repeated")


# -- what an operator can do -----------------------------------------------------------------------------------------


def test_an_operator_loads_a_superseded_version_over_the_newer_rows(door: Door):
    older, newer = versions(door, people((1, "old"), (2, "old")), people((1, "new")))
    door.deliver(newer)
    door.load("else/people.csv", people((3, "other")))
    late = superseded(door, older, because="has changed the table")
    assert "load_again" in available_actions(late)
    again = load_again(late.pk, "ann")
    assert claim_and_execute(again.pk) == "succeeded"
    again.refresh_from_db()
    assert counts(again) == {"records": 2, "inserted": 1, "updated": 1}
    assert "on request" in again.notes[-1]
    assert rows(PEOPLE) == [(1, "old"), (2, "old"), (3, "other")]


def test_an_older_snapshot_is_loaded_on_request(door: Door):
    Dataset.objects.create(name="people", mode="snapshot", declared_key=["id"])
    older, newer = versions(door, people((1, "old")), people((1, "new")))
    door.deliver(newer)
    late = door.deliver(older)
    assert late.status == "superseded"
    assert claim_and_execute(load_again(late.pk).pk) == "succeeded"
    assert rows(PEOPLE) == [(1, "old")]


def test_what_was_loaded_out_of_turn_on_request_stays_so(door: Door):
    first, second, third = versions(door, people((1, "a")), people((1, "b")), people((1, "c")))
    door.deliver(third)
    run = door.deliver(second)
    again = load_again(run.pk)
    assert claim_and_execute(again.pk) == "succeeded"
    assert rows(PEOPLE) == [(1, "b")]
    superseded(door, first, because="over a newer one")


def test_a_late_version_that_is_held_changes_nothing_until_it_is_approved(door: Door):
    older, newer = versions(door, people((1, "old"), (2, "old")), people((1, "new")))
    door.deliver(newer)
    Dataset.objects.update(asks_approval=True)
    late = door.deliver(older)
    assert (late.status, counts(late)) == ("held", {"records": 2, "inserted": 2})
    assert rows(PEOPLE) == [(1, "new")]
    approve(late.pk)
    assert claim_and_execute(late.pk) == "succeeded"
    assert rows(PEOPLE) == [(1, "new"), (2, "old")]


@pytest.mark.parametrize("mode", ["upsert", "append", "snapshot"])
def test_an_empty_version_that_arrives_late_is_no_failure(door: Door, mode: str):
    Dataset.objects.create(name="people", mode=mode, declared_key=[] if mode == "append" else ["id"])
    older, newer = versions(door, "", people((1, "new")))
    door.deliver(newer)
    late = door.deliver(older)
    assert (late.status, late.traceback) == ("superseded", "")
    assert "0 bytes" in late.reason
    assert not Run.objects.unacknowledged().exists()
    assert rows(PEOPLE) == [(1, "new")]


# -- any versions, in any order --------------------------------------------------------------------------------------


@dataclass
class Story:
    """Versions of one file as they arrived, and what the contract makes of each."""

    loaded: set[int] = field(default_factory=set)
    first_commit: dict[int, int] = field(default_factory=dict)
    """Of each loaded version: the step by which it is in the table."""
    undone_at: int = -1
    """The step of the last undo."""

    def arrives(self, number: int, step: int) -> str:
        """The status in which version ``number`` ends at ``step``."""
        newer = [other for other in self.loaded if other > number]
        if newer and min(self.first_commit[other] for other in newer) < self.undone_at:
            return "superseded"
        self.loaded.add(number)
        self.first_commit |= dict.fromkeys([number, *newer], step)
        return "succeeded"


def any_version(dice: random.Random) -> str:
    """A small file in which ids and e-mails repeat, move and are missing."""
    records = []
    for _ in range(dice.randint(1, 4)):
        id_, email = dice.choice(["1", "2", "3", "4", ""]), dice.choice(["a@x", "b@x", "c@x", ""])
        records.append(f"{id_},{email},{dice.choice('pqrs')}\n")
    return "id,email,name\n9,z@x,z\n" + "".join(records)


@pytest.mark.parametrize("seed", range(8))
def test_any_versions_in_any_order_end_as_those_that_came_in_theirs(door: Door, seed: int):
    dice = random.Random(seed)
    Dataset.objects.create(name="people", reject_share=1, asks_approval=False)
    contents = [any_version(dice) for _ in range(5)]
    sources = versions(door, *contents)
    story, order = Story(), dice.sample(range(5), 5)
    for step, number in enumerate(order):
        run = door.deliver(sources[number])
        if run.status == "held":  # many records of this small file repeat an id
            approve(run.pk)
            claim_and_execute(run.pk)
            run.refresh_from_db()
        assert run.status == story.arrives(number, step * 2), (seed, order, run.reason)
        is_newest = number == max(story.loaded) and len(story.loaded) > 1
        if is_newest and run.inserted + run.updated and dice.random() < 0.3:
            undo(run)
            story.loaded.remove(number)
            story.undone_at = step * 2 + 1
    expected, accounts = oracle.Dataset(policy=LIMITLESS), {}
    for number in sorted(story.loaded):
        expected, accounts[number] = oracle.load(expected, contents[number].encode(), number)
    found = rows("SELECT id, email, name FROM people ORDER BY id")
    assert found == sorted((row.cells["id"], row.cells["email"], row.cells["name"]) for row in expected.rows), order
    for number, account in accounts.items():
        assert counts(last_load(sources[number])) == dict(account.counts), (seed, order, number)
