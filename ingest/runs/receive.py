"""Receive: a source object becomes a run, once, however often and by however many its event is delivered."""

from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone

from ingest.aws import objects
from ingest.aws.events import is_marker
from ingest.datasets.keys import FOLDER, kind_of
from ingest.datasets.permission import account_of, require_sender_access
from ingest.datasets.pins import may_pin
from ingest.datasets.routing import destination
from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.source_object import SourceObject
from ingest.models import Dataset, Progress, Run
from ingest.runs import telemetry
from ingest.runs.claim import Claim, first_claim, lease
from ingest.runs.pin import pin
from ingest.uploads.tracking import upload_of


def put(path: Path, *, preview: bool = False) -> SourceObject:
    """Put a local file in the bucket, where it takes the same way as any other; returns the version it became.

    With ``preview`` it is only shown what a load would do. Raises OSError if the file can't be read, RunFailed
    where its name says that it isn't to be loaded, RunFailed or RunInterrupted if the bucket doesn't take it.
    """
    if is_marker(path.name):
        raise RunFailed("it is another tool's marker file, or hidden: such files are not loaded")
    folder = settings.PREFIX + (FOLDER if preview else "")
    return objects.put(path, settings.BUCKET, f"{folder}{path.name}")


def receive(source: SourceObject) -> Run:
    """The one run of ``source``: made now, or found if the event came before (BEHAVIOUR 1).

    A file whose name leaves no table name, or that goes to a dataset that is closed to whoever uploaded it, gives a run
    that has failed already.
    """
    return _received(source, claimed=False)[0]


def receive_and_claim(source: SourceObject) -> tuple[Run, Claim | None]:
    """The one run of ``source``, and the right to carry it if it was made now.

    A new run is its maker's from the start: nobody else has heard of it. One that was there may be claimed as any.
    """
    run, made = _received(source, claimed=True)
    return run, Claim(run=run, token=run.token) if made and run.dataset else None


def _received(source: SourceObject, *, claimed: bool) -> tuple[Run, bool]:
    """The run, and whether it was made now."""
    identity = Run.identity_of(source)
    first = {"bucket": source.bucket, "key": source.key, "source_identity": identity, "load_number": 1}
    known = Run.objects.filter(**first).values_list("pk", flat=True).first()
    if known is not None:
        return Run.objects.select_related("dataset").get(pk=known), False
    upload = upload_of(source)
    who = upload.who if upload else ""
    try:
        (dataset, pattern), reason = destination(source.key), ""
        require_sender_access(dataset, who)
        if upload and upload.pins and may_pin(dataset, account_of(who)):
            pin(dataset, upload.pins)
    except RunFailed as refusal:
        dataset, pattern, reason = None, "", str(refusal)
    try:
        with transaction.atomic():
            run = _create(
                source,
                dataset=dataset,
                pattern=pattern,
                reason=reason,
                claimed=claimed and dataset is not None,
                load_number=1,
                kind=kind_of(source.key),
                who=who,
            )
    except IntegrityError:  # another delivery of the same event was faster
        return Run.objects.select_related("dataset").get(**first), False
    return run, True


def load_once_more(run: Run, **fields: object) -> Run:
    """A new run of the source object of ``run``, under its next load number."""
    while True:
        same = Run.objects.filter(bucket=run.bucket, key=run.key, source_identity=run.source_identity)
        number = same.aggregate(last=Max("load_number"))["last"] + 1
        try:
            with transaction.atomic():
                return _create(
                    run.source,
                    dataset=run.dataset,
                    pattern=run.pattern,
                    reading=run.reading,
                    load_number=number,
                    **fields,
                )
        except IntegrityError:  # somebody else took that number
            continue


def _create(
    source: SourceObject, *, dataset: Dataset | None, reason: str = "", claimed: bool = False, **fields: object
) -> Run:
    ending = {"status": Run.Status.FAILED, "reason": reason, "finished": timezone.now()} if reason else {}
    run = Run.objects.create(
        dataset=dataset,
        bucket=source.bucket,
        key=source.key,
        version_id=source.version_id,
        etag=source.etag,
        size=source.size,
        sequencer=source.sequencer,
        source_identity=Run.identity_of(source),
        version_order=Run.order_of(source),
        **ending,
        **(first_claim() if claimed else {}),
        **fields,
    )
    Progress.objects.create(run=run, bytes_total=source.size, **(lease(run.token) if claimed else {}))
    telemetry.received(run)
    if claimed:
        run.started = timezone.now()  # not the expression that it was written by
        telemetry.claimed(run)
    if reason:
        telemetry.ended(run, Run.Status.FAILED, ending)
    return run
