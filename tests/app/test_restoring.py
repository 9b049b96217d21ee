"""A restore is rehearsed: the database as of an earlier moment, the bucket with all its versions, then `reconcile`.

`docs/runbook.md` has the steps. A dump stands in for a backup of RDS: both hold what was committed at one moment.
"""

import io
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from ingest.models import Dataset, Progress, Run
from ingest.operations.reconcile import reconcile_when_due
from ingest.runs import claim
from ingest.runs.receive import receive
from pipeline_site.local.postgres import Postgres, binaries
from tests.app.conftest import Door, rows
from tests.app.test_reconcile import carry, people, reconcile
from tests.conftest import MAJORS, Servers

RESTORED = "restored"


class Backups:
    """Backups of the test's database, each restored to a new database beside it that takes its place."""

    def __init__(self, server: Postgres, folder: Path) -> None:
        self._server, self._file = server, folder / "backup"
        self._name = str(connection.settings_dict["NAME"])

    def take(self) -> None:
        """Back up what is committed now."""
        self._run("pg_dump", "--format=custom", f"--file={self._file}", self._server.url(self._name))

    def restore(self) -> None:
        """Restore the backup to a new database, and let everything use that one."""
        connection.close()
        self._server.create(RESTORED)
        url = self._server.url(RESTORED)
        self._run("pg_restore", "--exit-on-error", f"--dbname={url}", str(self._file))
        with self._server.superuser() as cursor:  # unlike RDS's backups, a dump leaves out what a database is set to
            cursor.execute(f'ALTER DATABASE {RESTORED} SET search_path = "$user", public, datasets')
        connection.settings_dict["NAME"] = RESTORED

    def forget(self) -> None:
        """Go back to the test's own database."""
        connection.close()
        if connection.settings_dict["NAME"] == RESTORED:
            connection.settings_dict["NAME"] = self._name
            self._server.drop(RESTORED)

    @staticmethod
    def _run(program: str, *words: str) -> None:
        done = subprocess.run([binaries(MAJORS[0]) / program, *words], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def backups(door: Door, servers: Servers, tmp_path: Path) -> Iterator[Backups]:
    """The backups of this test."""
    backups = Backups(servers[MAJORS[0]], tmp_path)
    yield backups
    backups.forget()


def tables() -> dict[str, list[tuple[Any, ...]]]:
    """The rows of every dataset's table, without what tells when and by which run they were written."""
    return {
        name: rows(f"SELECT id, name FROM {name} ORDER BY id")
        for name in Dataset.objects.values_list("name", flat=True)
    }


def versions(door: Door) -> list[dict[str, Any]]:
    """The versions in the bucket, oldest first."""
    found = door.aws.client("s3").list_object_versions(Bucket=door.aws.bucket)["Versions"]
    return sorted(found, key=lambda each: each["LastModified"])


@pytest.fixture
def lost(door: Door, backups: Backups) -> dict[str, list[tuple[Any, ...]]]:
    """A database that was lost after a backup, and restored from it; gives the tables as they were at its end."""
    door.load("people.csv", people((1, "Ann"), (2, "Bob")))
    backups.take()
    door.load("people.csv", people((1, "Ada"), (3, "Cy")))
    door.load("places.csv", people((1, "Rome")))
    door.load("people.csv", people((3, "Cyd")))
    door.load("places.csv", people((2, "Oslo")))
    door.aws.client("s3").delete_object(Bucket=door.aws.bucket, Key="data/places.csv")
    before = tables()
    assert before == {"people": [(1, "Ada"), (2, "Bob"), (3, "Cyd")], "places": [(1, "Rome"), (2, "Oslo")]}
    backups.restore()
    assert tables() == {"people": [(1, "Ann"), (2, "Bob")]}
    return before


def test_what_arrived_after_the_backup_comes_back_from_the_bucket(door: Door, lost: dict[str, Any]) -> None:
    assert reconcile(dry_run=True).received == 4
    assert reconcile().received == 4
    carry()
    assert tables() == lost, "each file's versions are loaded in their order, those of a deleted one too"
    identities = list(Run.objects.values_list("key", "version_id"))
    assert sorted(identities) == sorted((each["Key"], each["VersionId"]) for each in versions(door))
    assert reconcile().received == 0


def test_the_events_that_still_wait_in_the_queue_change_nothing_more(door: Door, lost: dict[str, Any]) -> None:
    late = door.put("people.csv", people((2, "Bea")))
    reconcile()
    door.deliver(late)
    carry()
    assert tables()["people"] == [(1, "Ada"), (2, "Bea"), (3, "Cyd")]
    assert Run.objects.filter(version_id=late.version_id, load_number=1).count() == 1


def test_a_restore_to_before_a_bad_file_needs_its_version_gone_from_the_bucket(
    door: Door, lost: dict[str, Any]
) -> None:
    """Else the schedule's daily walk would load it again."""
    known = set(Run.objects.values_list("version_id", flat=True))
    for each in versions(door):
        if each["VersionId"] not in known:
            door.aws.client("s3").delete_object(Bucket=door.aws.bucket, Key=each["Key"], VersionId=each["VersionId"])
    assert reconcile_when_due(settled=timedelta(0)).received == 0
    assert tables() == {"people": [(1, "Ann"), (2, "Bob")]}


def test_what_people_decided_after_the_backup_is_to_be_done_again(door: Door, backups: Backups) -> None:
    """An undo, an approval, a changed rule, an account: none of it is in the bucket."""
    door.load("people.csv", people((1, "Ann")))
    backups.take()
    undone = door.load("people.csv", people((1, "Wrong")))
    call_command("undo", str(undone.pk), stdout=io.StringIO())
    assert tables() == {"people": [(1, "Ann")]}
    backups.restore()
    reconcile()
    carry()
    assert tables() == {"people": [(1, "Wrong")]}
    again = Run.objects.get(version_id=undone.version_id)
    call_command("undo", str(again.pk), stdout=io.StringIO())
    assert tables() == {"people": [(1, "Ann")]}


def test_a_run_that_was_in_progress_at_the_backup_is_taken_up_again(door: Door, backups: Backups) -> None:
    run = receive(door.put("people.csv", people((1, "Ann"))))
    assert claim.claim(run.pk)
    Progress.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(hours=1))
    backups.take()
    backups.restore()
    carry()
    assert tables() == {"people": [(1, "Ann")]}
