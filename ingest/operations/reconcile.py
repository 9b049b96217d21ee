"""Receive files in the bucket whose event was lost (file-rules#sources)."""

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
"""The event of a newer file may still arrive."""
_SKEW = timedelta(minutes=1)  # between the clocks of S3 and of the database
_LEASE = timedelta(minutes=20)  # longer than an invocation may take
_BEFORE_ALL = "0" * 31 + "1"
"""An order before any of S3, whose sequencers are hexadecimal times of half as many digits."""
_MAX_ORDER_LENGTH = 1_000  # digits


@dataclass(kw_only=True)
class Reconciled:
    """The result of a walk over the bucket."""

    seen: int = 0
    """Versions that are loaded by this product."""
    received: int = 0
    """Those that had no run."""
    after: str = ""
    """The last key whose versions were all checked."""
    whole: bool = False
    """Whether the walk reached the end of the bucket."""


def reconcile(
    *,
    settled: timedelta = SETTLED,
    after: str = "",
    dry_run: bool = False,
    until: Callable[[], bool] = lambda: False,
    on_lost: Callable[[SourceObject], None] = lambda source: None,
) -> Reconciled:
    """Receive every version below the prefix that has no run, so that the tables end as if its event were late.

    The newest version of a key is always received; an older one only if it was written after the first event that was
    ever received: its event was lost, while files that were replaced or deleted before that are history. The versions
    of one key are received oldest first, in an order between the known ones, so that a late version is loaded before
    the newer one, as in file-rules#version-order. A version from before versioning was enabled is received only while
    it is the current one: otherwise it can't be read. Delete markers, folders, our own files and what is newer than
    ``settled`` are skipped.

    Starts after the key ``after`` and stops between two keys once ``until`` returns True. ``on_lost`` is called with
    each version that is received, or would be without ``dry_run``. Takes two queries for a page of 1,000 versions, and
    keeps one page in memory. Raises RunFailed or RunInterrupted if the bucket can't be listed.
    """
    result, before = Reconciled(after=after), timezone.now() - settled
    since = Run.objects.order_by("pk").values_list("received", flat=True).first()
    for key, versions in groupby(_listed_versions(after), key=lambda known: known.version.source.key):
        for source in _lost(versions, result, since=since, before=before):
            on_lost(source)
            result.received += 1
            if not dry_run:
                receive(source)
        result.after = key
        if until():
            return result
    result.whole = True
    return result


def reconcile_when_due(*, settled: timedelta = SETTLED, until: Callable[[], bool] = lambda: False) -> Reconciled | None:
    """Start a walk if the last one started over ``RECONCILE_HOURS`` ago, or continue an unfinished one.

    Returns None if nothing is due, or another worker is doing it. Raises as ``reconcile`` does, and continues later.
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
        result = reconcile(after=walk.after, settled=settled, until=until)
        walk.after, walk.seen, walk.received = result.after, walk.seen + result.seen, walk.received + result.received
        walk.ended = timezone.now() if result.whole else None
    finally:
        walk.lease_until = None
        walk.save()
    return result


@dataclass(frozen=True, kw_only=True, slots=True)
class _KnownVersions:
    """A version, and what we know about it."""

    version: Version
    known: bool
    """Whether it has a run."""
    order: str
    """The order of a known version; for an unknown one without a version id, the newest known order of its key."""


def _listed_versions(after: str) -> Iterator[_KnownVersions]:
    """Yield the versions in the bucket that can be loaded, by key, the newest first."""
    for page in objects.versions(settings.BUCKET, settings.PREFIX, after=after):
        ours = [
            version
            for version in page
            if events.is_ours(version.source.key, version.source.size, prefix=settings.PREFIX)
        ]
        orders = _orders_of_versions([version.source for version in ours if version.source.version_id])
        contents = _known_contents([version for version in ours if not version.source.version_id and version.newest])
        for version in ours:
            name = (version.source.key, version.source.identity)
            if version.source.version_id:
                yield _KnownVersions(version=version, known=name in orders, order=orders.get(name, ""))
            elif version.newest:
                known, order = contents[version.source.key]
                yield _KnownVersions(version=version, known=known, order=order)


def _lost(
    versions: Iterator[_KnownVersions], result: Reconciled, *, since: datetime | None, before: datetime
) -> list[SourceObject]:
    """Return which of one key's versions, the newest first, to receive, the oldest first; ``result`` counts all."""
    lost: list[SourceObject] = []
    unknown: list[SourceObject] = []  # since the last known version
    newer = ""  # its order
    for listed in versions:
        version = listed.version
        result.seen += 1
        if listed.known:
            lost[:0], unknown = _in_order(unknown, older=listed.order, newer=newer), []
            newer = listed.order or newer
        elif version.modified < before and (version.newest or (since is not None and version.modified >= since)):
            unknown.append(version.source)
            if not version.source.version_id:  # the known content of its key is no longer in the bucket
                lost, unknown = _in_order(unknown, older=listed.order, newer=""), []
    return _in_order(unknown, older="", newer=newer) + lost


def _in_order(sources: list[SourceObject], *, older: str, newer: str) -> list[SourceObject]:
    """Return ``sources``, sorted newest first, as oldest first, each with a sequencer between the neighbors' orders.

    Orders are compared as strings. An empty neighbor is unknown.
    """
    stem = older or _BEFORE_ALL
    if newer and newer.startswith(older):  # such as 55 and 5501: 5500… is between
        stem = f"{newer[:-1]}{int(newer[-1], 16) - 1:x}"
    orders = (f"{stem}{ordinal:08x}" for ordinal in range(1, len(sources) + 1))
    return [
        replace(source, sequencer=order if len(order) <= _MAX_ORDER_LENGTH else "")
        for source, order in zip(reversed(sources), orders, strict=True)
    ]


def _orders_of_versions(sources: list[SourceObject]) -> dict[tuple[str, str], str]:
    """Return the order of each version that has a run, by key and identity."""
    if not sources:
        return {}
    stored = {(source.key, Run.identity_of(source)): source.identity for source in sources}
    keys, identities = zip(*stored, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(sql.KNOWN_VERSIONS, [list(keys), list(identities), settings.BUCKET])
        return {(key, stored[key, identity]): order for key, identity, order in cursor.fetchall()}


def _known_contents(versions: list[Version]) -> dict[str, tuple[bool, str]]:
    """Return for keys without versions whether their content has a run, and the newest order of their runs."""
    if not versions:
        return {}
    rows = [(version.source.key, version.source.etag, version.modified - _SKEW) for version in versions]
    with connection.cursor() as cursor:
        cursor.execute(sql.KNOWN_CONTENTS, [*map(list, zip(*rows, strict=True)), settings.BUCKET])
        return {key: (known, order) for key, known, order in cursor.fetchall()}
