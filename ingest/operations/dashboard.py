"""Summaries for the home page, in constant time per dataset, however long its history is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.core.cache import cache
from django.db import connection

from ingest.aws import queues
from ingest.models import sql

MOST_A_DAY = 100
"""How far the runs of a dataset are counted for a day; the page shows no more."""
EARLIER = 10
"""How many loads before the last one determine the usual share of rejects."""
_CACHE_SECONDS = 60
_DEAD_LETTERS = "ingest.dead_letters"


@dataclass(frozen=True, kw_only=True, slots=True)
class Day:
    """The runs of one dataset that were received on one day (UTC); each number is at most ``MOST_A_DAY`` + 1."""

    runs: int
    loaded: int
    """Those that succeeded, of the first ``MOST_A_DAY`` + 1."""
    failed: int
    held: int
    rejecting: int
    """Those that succeeded with rejects."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """The records and rejects of one load."""

    run_id: int
    records: int
    rejected: int


def dead_letters() -> int | None:
    """Return how many messages are in the dead-letter queue, at most a minute ago; None if SQS doesn't answer.

    Without a queue there are none.
    """
    if not settings.QUEUE_URL:
        return 0
    count = cache.get(_DEAD_LETTERS, "")
    if count == "":
        count = queues.dead_letters(settings.QUEUE_URL)
        cache.set(_DEAD_LETTERS, count, _CACHE_SECONDS)
    return count


def days_of(dataset_ids: Sequence[int], first: date, last: date) -> dict[tuple[int, date], Day]:
    """Return the runs of these datasets on each of these days, without previews; days without a run are left out."""
    with connection.cursor() as cursor:
        cursor.execute(sql.DAYS, {"datasets": list(dataset_ids), "first": first, "last": last, "most": MOST_A_DAY + 1})
        return {
            (dataset, day): Day(runs=runs, loaded=loaded, failed=failed, held=held, rejecting=rejecting)
            for dataset, day, runs, loaded, failed, held, rejecting in cursor.fetchall()
            if runs
        }


def last_loads(dataset_ids: Sequence[int]) -> dict[int, list[Load]]:
    """Return the last load with records of each dataset and the ``EARLIER`` ones before it, newest first."""
    loads: dict[int, list[Load]] = {}
    with connection.cursor() as cursor:
        cursor.execute(sql.LAST_LOADS, {"datasets": list(dataset_ids), "most": EARLIER + 1})
        for dataset, run_id, records, rejected in cursor.fetchall():
            loads.setdefault(dataset, []).append(Load(run_id=run_id, records=records, rejected=rejected))
    return loads
