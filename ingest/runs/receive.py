"""Receive a source object: create its run once, however often its event is delivered."""

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
    """Put a local file in the bucket, from which it is loaded like any other; return its version.

    With ``preview`` it is only previewed. Raises OSError if the file can't be read, RunFailed if files of its name
    aren't loaded, RunFailed or RunInterrupted if the bucket doesn't accept it.
    """
    if is_marker(path.name):
        raise RunFailed("it is another tool's marker file, or hidden: such files are not loaded")
    folder = settings.PREFIX + (FOLDER if preview else "")
    return objects.put(path, settings.BUCKET, f"{folder}{path.name}")


def receive(source: SourceObject) -> Run:
    """Return the run of ``source``, creating it if this is the first event for it (file-rules#identity).

    The run has already failed if the file's name leads to no table, or to a dataset that its uploader has no access to.
    """
    return _receive(source, claimed=False)[0]


def receive_and_claim(source: SourceObject) -> tuple[Run, Claim | None]:
    """Return the run of ``source``, and the right to execute it if it is new.

    A new run is claimed as it is created, so no other worker can claim it first. An existing one is claimed as usual.
    """
    run, is_new = _receive(source, claimed=True)
    return run, Claim(run=run, token=run.token) if is_new and run.dataset else None


def _receive(source: SourceObject, *, claimed: bool) -> tuple[Run, bool]:
    """Return the run, and whether it is new."""
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
    """Create another run of the source object of ``run``, with the next load number."""
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
        except IntegrityError:  # a concurrent request took that number
            continue


def _create(
    source: SourceObject, *, dataset: Dataset | None, reason: str = "", claimed: bool = False, **fields: object
) -> Run:
    end = {"status": Run.Status.FAILED, "reason": reason, "finished": timezone.now()} if reason else {}
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
        **end,
        **(first_claim() if claimed else {}),
        **fields,
    )
    Progress.objects.create(run=run, bytes_total=source.size, **(lease(run.token) if claimed else {}))
    telemetry.received(run)
    if claimed:
        run.started = timezone.now()  # the value in place of the database expression
        telemetry.claimed(run)
    if reason:
        telemetry.ended(run, Run.Status.FAILED, end)
    return run
