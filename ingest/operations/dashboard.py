"""Overlook: what the home page tells of all datasets at once, in a time that doesn't grow with their history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.core.cache import cache
from django.db import connection

from ingest.aws import queues
from ingest.models import sql

MOST_A_DAY = 100
"""Runs of a dataset are counted so far for a day: more makes no difference to who looks at it."""
EARLIER = 10
"""So many loads before the last one say which share of rejects is usual."""
_REMEMBERED = 60  # seconds
_DEAD_LETTERS = "ingest.dead_letters"


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """The runs of one dataset that came on one day (UTC); each number goes to ``MOST_A_DAY`` + 1."""

    runs: int
    loaded: int
    """Of the first ``MOST_A_DAY`` + 1 of them those that succeeded."""
    failed: int
    held: int
    rejecting: int
    """Those that succeeded with rejects."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """The account of one load, as far as its rejects go."""

    run_id: int
    records: int
    rejected: int


def dead_letters() -> int | None:
    """How many messages the queue has given up, as of a minute ago at most; None where the queue doesn't tell.

    Without a queue's address there is none, so there are no such messages.
    """
    if not settings.QUEUE_URL:
        return 0
    known = cache.get(_DEAD_LETTERS, "")
    if known == "":
        known = queues.dead_letters(settings.QUEUE_URL)
        cache.set(_DEAD_LETTERS, known, _REMEMBERED)
    return known


def days_of(dataset_ids: Sequence[int], first: date, last: date) -> dict[tuple[int, date], Day]:
    """What came for these datasets on each of these days; previews left out. Days without a run are left out too."""
    with connection.cursor() as cursor:
        cursor.execute(sql.DAYS, {"datasets": list(dataset_ids), "first": first, "last": last, "most": MOST_A_DAY + 1})
        return {
            (dataset, day): Day(runs=runs, loaded=loaded, failed=failed, held=held, rejecting=rejecting)
            for dataset, day, runs, loaded, failed, held, rejecting in cursor.fetchall()
            if runs
        }


def last_loads(dataset_ids: Sequence[int]) -> dict[int, list[Load]]:
    """The last load of each of these datasets and the ``EARLIER`` ones before it, newest first; only of records."""
    found: dict[int, list[Load]] = {}
    with connection.cursor() as cursor:
        cursor.execute(sql.LAST_LOADS, {"datasets": list(dataset_ids), "most": EARLIER + 1})
        for dataset, run_id, records, rejected in cursor.fetchall():
            found.setdefault(dataset, []).append(Load(run_id=run_id, records=records, rejected=rejected))
    return found
