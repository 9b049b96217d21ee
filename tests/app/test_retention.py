"""Rows as they were are kept for some days only (file-rules#undo)."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from ingest import handlers
from ingest.loader.outcome.errors import RunFailed
from ingest.models import LoginLimit, Message, Run, Trouble
from ingest.operations.retention import expire
from ingest.runs.execute import claim_and_execute
from ingest.runs.receive import receive
from ingest.runs.undo import undo
from tests.app.conftest import Door, rows

IMAGES = 'SELECT count(*) FROM datasets_before.people WHERE "$run" = {}'


def age(run: Run, **ago: int) -> None:
    """As if the run had finished so long ago."""
    Run.objects.filter(pk=run.pk).update(finished=timezone.now() - timedelta(**ago))


@pytest.fixture
def loaded(door: Door) -> list[Run]:
    """Three runs, of which the second and third changed a row each."""
    return [door.load("people.csv", f"id,name\n1,{name}\n") for name in ("Ann", "Anna", "Anne")]


def test_images_of_old_runs_are_forgotten_and_their_undo_with_them(door: Door, loaded, settings):
    settings.UNDO_DAYS = 7
    for run in loaded[:2]:
        age(run, days=7, hours=1, minutes=1)
    assert handlers.on_schedule() == {"carried": 0}
    assert [Run.objects.get(pk=run.pk).undoable for run in loaded] == [False, False, True]
    assert [rows(IMAGES.format(run.pk)) for run in loaded[1:]] == [[(0,)], [(1,)]]
    with pytest.raises(RunFailed, match="the rows from before a run are kept for 7 days"):
        undo(loaded[1].pk)
    assert claim_and_execute(undo(loaded[2].pk).pk) == "succeeded"
    assert rows("SELECT name FROM people") == [("Anna",)]


def test_what_is_not_old_enough_is_kept(door: Door, loaded, settings):
    age(loaded[1], days=settings.UNDO_DAYS - 1, hours=23)
    assert expire() == 0
    assert rows(IMAGES.format(loaded[1].pk)) == [(1,)]


def test_runs_of_one_hour_expire_together_so_that_a_table_is_asked_once_an_hour(door: Door, loaded, noon):
    begin = noon - timedelta(days=30)
    Run.objects.filter(pk=loaded[0].pk).update(finished=begin - timedelta(seconds=1))
    Run.objects.filter(pk=loaded[1].pk).update(finished=begin + timedelta(seconds=1))
    assert expire() == 1
    assert expire() == 0
    assert [Run.objects.get(pk=run.pk).undoable for run in loaded] == [False, True, True]


def test_a_table_that_is_being_loaded_is_left_for_the_next_time(door: Door, loaded):
    age(loaded[1], days=40)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE datasets_before.people")
            assert expire() == 0
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    assert Run.objects.get(pk=loaded[1].pk).undoable
    assert expire() == 1


@pytest.mark.django_db
def test_old_messages_go_and_causes_that_are_over_and_nothing_that_is_still_open(source, settings):
    settings.MESSAGE_DAYS = 10
    run = receive(source())

    def make(code: str, *, closed: int | None = None, ago: int = 11, **message: object) -> None:
        then = timezone.now() - timedelta(days=ago)
        over = None if closed is None else timezone.now() - timedelta(days=closed)
        trouble = Trouble.objects.create(dataset=run.dataset, kind="failed", code=code, closed=over)
        told = Message.objects.create(trouble=trouble, event="opened", channel="email", **message)
        Message.objects.filter(pk=told.pk).update(created=then)

    now = timezone.now()
    make("long over", closed=11, sent=now)
    make("over today", closed=0, sent=now)
    make("still open", sent=now)
    make("given up", closed=11, not_before=None)
    make("to be sent", closed=11)
    make("young", closed=11, ago=9, sent=now)
    expire()
    left = {trouble.code: trouble.messages.count() for trouble in Trouble.objects.all()}
    assert left == {"over today": 0, "still open": 0, "to be sent": 1, "young": 1}


@pytest.mark.django_db
def test_sessions_login_limits_and_old_entries_of_the_audit_log_go(settings, monkeypatch):
    settings.AUDIT_LOG_DAYS = 10
    monkeypatch.setattr("ingest.operations.retention._ROWS", 3)
    now, ann = timezone.now(), User.objects.create_user("ann")
    for number, days in enumerate((12, 11, 9, 11, 8)):
        when = now + timedelta(days=10 - days)
        Session.objects.create(session_key=str(number), session_data="", expire_date=when)
        LoginLimit.objects.create(key=str(number), full_at=when)
        LogEntry.objects.create(user=ann, action_flag=2, object_repr=str(days), action_time=now - timedelta(days=days))

    def left() -> tuple[list[str], ...]:
        entries = LogEntry.objects.order_by("pk").values_list("object_repr", flat=True)
        keys = (Session.objects.values_list("pk", flat=True), LoginLimit.objects.values_list("pk", flat=True))
        return list(entries), *map(sorted, keys)

    expire()
    assert left() == (["9", "11", "8"], ["2", "4"], ["2", "4"]), "a few at a time"
    expire()
    assert left() == (["9", "8"], ["2", "4"], ["2", "4"])


def test_a_table_that_is_gone_stands_in_nobodys_way(door: Door, loaded):
    door.load("others.csv", "id\n1\n")
    for run in Run.objects.all():
        age(run, days=40)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE people, datasets_before.people")
    assert expire() == 4
