"""Reconcile: files in the bucket that no event has told of are received all the same (file-rules#sources)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from ingest.aws import events, objects
from ingest.aws.objects import Version
from ingest.loader.outcome.source_object import SourceObject
from ingest.models import Reconciliation, Run, sql
from ingest.runs.receive import receive

SETTLED = timedelta(minutes=15)
"""The event of a younger file may still be on its way."""
_SKEW = timedelta(minutes=1)  # between the clocks of S3 and of the database
_LEASE = timedelta(minutes=20)  # longer than an invocation may take
_BEFORE_ALL = "0" * 31 + "1"
"""An order older than any that S3 gives: its sequencers are hexadecimal times, of half as many digits."""
_LONGEST_ORDER = 1_000  # digits


@dataclass(kw_only=True)
class Reconciled:
    """What a walk has come to."""

    seen: int = 0
    """Versions that were ours."""
    received: int = 0
    """Those of them that had no run."""
    after: str = ""
    """The last key whose versions were all looked at."""
    whole: bool = False
    """Whether the walk came to the bucket's end."""


def reconcile(
    *,
    settled: timedelta = SETTLED,
    after: str = "",
    dry_run: bool = False,
    until: Callable[[], bool] = lambda: False,
    told: Callable[[SourceObject], None] = lambda source: None,
) -> Reconciled:
    """Receive every version under the prefix that has no run, so that the tables end as if its event had come late.

    The newest version of a key always; an older one only if it was written after the first event that ever came:
    the events of those were lost, while files that were replaced or deleted before there was anybody to tell are
    history. Those of one key are received oldest first, in an order between the versions that are known, so that a
    late one takes its place behind the newer one, as file-rules#version-order has it. A version from a time without
    versioning is received only while its key holds it: else it can't be read. Only what an event would have brought: no
    marker of deletion or folder, nothing of our own; and nothing younger than ``settled``.

    Begins behind the key ``after`` and stops between two keys once ``until`` says so. ``told`` hears of each version
    that is received, or would be in a ``dry_run``. Two queries for a page of 1,000 versions, and one of them in memory
    at a time. Raises RunFailed or RunInterrupted where the bucket can't be listed.
    """
    done, before = Reconciled(after=after), timezone.now() - settled
    since = Run.objects.order_by("pk").values_list("received", flat=True).first()
    for key, versions in groupby(_looked_up(after), key=lambda seen: seen.version.source.key):
        for source in _lost(versions, done, since=since, before=before):
            told(source)
            done.received += 1
            if not dry_run:
                receive(source)
        done.after = key
        if until():
            return done
    done.whole = True
    return done


def reconcile_when_due(*, settled: timedelta = SETTLED, until: Callable[[], bool] = lambda: False) -> Reconciled | None:
    """Begin a walk if the last one began over ``RECONCILE_HOURS`` ago, or go on with one that isn't at its end.

    None where nothing is due, or another worker is at it. Raises as ``reconcile`` does; it goes on later then.
    """
    walks = Reconciliation.objects.filter(bucket=settings.BUCKET)
    walk = walks.first()
    if walk and walk.ended and walk.begun > timezone.now() - timedelta(hours=settings.RECONCILE_HOURS):
        return None
    if walk is None or walk.ended:
        walk = Reconciliation.objects.create(bucket=settings.BUCKET)
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    if not walks.filter(free, pk=walk.pk, ended=None).update(lease_until=Now() + _LEASE):
        return None
    try:
        found = reconcile(after=walk.after, settled=settled, until=until)
        walk.after, walk.seen, walk.received = found.after, walk.seen + found.seen, walk.received + found.received
        walk.ended = timezone.now() if found.whole else None
    finally:
        walk.lease_until = None
        walk.save()
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class _KnownVersions:
    """One version, and what we know of it."""

    version: Version
    known: bool
    """Whether it is a run."""
    order: str
    """A known one's; of one that isn't known, the newest known of a key without versions."""


def _looked_up(after: str) -> Iterator[_KnownVersions]:
    """The versions in the bucket that are ours and can be read, by keys, the newest first."""
    for page in objects.versions(settings.BUCKET, settings.PREFIX, after=after):
        ours = [one for one in page if events.is_ours(one.source.key, one.source.size, prefix=settings.PREFIX)]
        orders = _orders_of_versions([one.source for one in ours if one.source.version_id])
        contents = _known_contents([one for one in ours if not one.source.version_id and one.newest])
        for one in ours:
            name = (one.source.key, one.source.identity)
            if one.source.version_id:
                yield _KnownVersions(version=one, known=name in orders, order=orders.get(name, ""))
            elif one.newest:
                known, order = contents[one.source.key]
                yield _KnownVersions(version=one, known=known, order=order)


def _lost(
    versions: Iterator[_KnownVersions], done: Reconciled, *, since: datetime | None, before: datetime
) -> list[SourceObject]:
    """Of one key's versions, the newest first, those to be received, the oldest first; ``done`` counts them all."""
    lost: list[SourceObject] = []
    unknown: list[SourceObject] = []  # since the version that was known last
    newer = ""  # its order
    for seen in versions:
        version = seen.version
        done.seen += 1
        if seen.known:
            lost[:0], unknown = _in_order(unknown, older=seen.order, newer=newer), []
            newer = seen.order or newer
        elif version.modified < before and (version.newest or (since is not None and version.modified >= since)):
            unknown.append(version.source)
            if not version.source.version_id:  # what is known of its key doesn't stand in the bucket any more
                lost, unknown = _in_order(unknown, older=seen.order, newer=""), []
    return _in_order(unknown, older="", newer=newer) + lost


def _in_order(sources: list[SourceObject], *, older: str, newer: str) -> list[SourceObject]:
    """``sources``, the newest first, from the oldest on, each with a sequencer between the neighbours' orders.

    Orders are compared as texts. An empty neighbour is one that isn't known.
    """
    stem = older or _BEFORE_ALL
    if newer and newer.startswith(older):  # such as 55 and 5501: 5500… lies between
        stem = f"{newer[:-1]}{int(newer[-1], 16) - 1:x}"
    orders = (f"{stem}{ordinal:08x}" for ordinal in range(1, len(sources) + 1))
    return [
        replace(source, sequencer=order if len(order) <= _LONGEST_ORDER else "")
        for source, order in zip(reversed(sources), orders, strict=True)
    ]


def _orders_of_versions(sources: list[SourceObject]) -> dict[tuple[str, str], str]:
    """Of the versions that are runs: their order, by key and identity."""
    if not sources:
        return {}
    stored = {(source.key, Run.identity_of(source)): source.identity for source in sources}
    keys, identities = zip(*stored, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(sql.KNOWN_VERSIONS, [list(keys), list(identities), settings.BUCKET])
        return {(key, stored[key, identity]): order for key, identity, order in cursor.fetchall()}


def _known_contents(versions: list[Version]) -> dict[str, tuple[bool, str]]:
    """Of keys that keep no versions: whether what they hold is a run, and the newest order of their runs."""
    if not versions:
        return {}
    told = [(one.source.key, one.source.etag, one.modified - _SKEW) for one in versions]
    with connection.cursor() as cursor:
        cursor.execute(sql.KNOWN_CONTENTS, [*map(list, zip(*told, strict=True)), settings.BUCKET])
        return {key: (known, order) for key, known, order in cursor.fetchall()}
