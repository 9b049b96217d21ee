"""What the tests of the application share: files dropped in a bucket of their own, and the events that tell of them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from ingest import handlers
from ingest.loader.outcome.source_object import SourceObject
from ingest.models import Dataset, Reject, Run
from ingest.runs.receive import receive
from tests.conftest import Aws

_sequence = count(1)
NASTY = "<script>alert(1)</script>\u202etxt.\x07\n{{ x }}"


@pytest.fixture
def scratch(settings: Any, tmp_path: Any) -> Any:
    """Scratch space of the test's own, which every run must leave empty."""
    settings.SCRATCH_DIR = tmp_path / "scratch"
    settings.SCRATCH_DIR.mkdir()
    return settings.SCRATCH_DIR


@pytest.fixture
def clean_tables(transactional_db: None) -> Iterator[None]:
    """A database whose tables made from files go with the test."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA datasets CASCADE; CREATE SCHEMA datasets")


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Django's clock stands at noon of this day (UTC), so that no day and no hour ends during the test.

    The database's own clock goes on.
    """
    moment = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    monkeypatch.setattr(timezone, "now", lambda: moment)
    return moment


@dataclass(frozen=True, kw_only=True)
class Door:
    """The bucket and the way in, as S3 and Lambda would use them."""

    aws: Aws

    def put(self, name: str, content: bytes | str, *, sequencer: str = "") -> SourceObject:
        """Write one version of ``data/<name>``."""
        body = content.encode() if isinstance(content, str) else content
        answer = self.aws.client("s3").put_object(Bucket=self.aws.bucket, Key=f"data/{name}", Body=body)
        return SourceObject(
            bucket=self.aws.bucket,
            key=f"data/{name}",
            size=len(body),
            etag=answer["ETag"].strip('"'),
            version_id=answer.get("VersionId", ""),
            sequencer=sequencer or f"{next(_sequence):018X}",
        )

    def load(self, name: str, content: bytes | str, **options: Any) -> Run:
        """Put a file, deliver its event, and give its run."""
        return self.deliver(self.put(name, content, **options))

    def deliver(self, source: SourceObject) -> Run:
        """Deliver the event of one version, and give its (first) run."""
        handlers.on_event(s3_event(source))
        return Run.objects.select_related("dataset").get(
            key=source.key, source_identity=Run.identity_of(source), load_number=1
        )


@pytest.fixture
def door(aws: Aws, clean_tables: None, scratch: Any) -> Door:
    """Files go in by ``door.load``; each ends as it would on Lambda."""
    return Door(aws=aws)


@pytest.fixture
def source() -> Callable[..., SourceObject]:
    """Source objects of which no bucket knows."""

    def make(key: str = "data/customers.csv", **fields: Any) -> SourceObject:
        number = next(_sequence)
        told = {"bucket": "b", "size": 10, "etag": f"e{number}", "version_id": f"v{number}", "sequencer": f"{number:X}"}
        return SourceObject(key=key, **{**told, **fields})

    return make


@pytest.fixture
def history(source: Callable[..., SourceObject]) -> list[Run]:
    """A run in every state, with rejects of any bytes."""
    made = []
    for status in Run.Status.values:
        run = receive(source(f"data/{status}{NASTY.replace('/', '')}.csv"))
        counts = {"records": 1, "rejected": 1} if status in ("succeeded", "failed", "held", "discarded") else {}
        counts |= {"records": 0} if status == "empty" else {}
        Run.objects.filter(pk=run.pk).update(
            status=status,
            started=timezone.now(),
            finished=timezone.now(),
            reason=NASTY if status == "failed" else "",
            traceback=NASTY if status == "failed" else "",
            columns=[{"header": NASTY, "name": "a", "type": "text", "proof": NASTY, "values": 1, "nulls": 0}],
            ddl=["CREATE TABLE x (a text)", NASTY],
            notes=[NASTY],
            dialect={"delimiter": "\t", "encoding": "utf-8"},
            **counts,
        )
        Dataset.objects.filter(pk=run.dataset_id).update(
            headers={NASTY: "a"}, newest=run, identities=[["id"], ["email"]]
        )
        Reject.objects.create(
            run=run,
            line=10**12,
            code="bad_value",
            column=NASTY.replace("\0", ""),
            value="x" * 20_000,
            reason=NASTY,
            raw=b"\0\xff<script>" * 5_000,
        )
        made.append(run)
    made.append(receive(source("data/.csv")))
    return made


COUNTS = ("records", "inserted", "updated", "unchanged", "duplicate", "rejected", "deleted")


def counts(run: Run) -> dict[str, int]:
    """The counts that aren't zero."""
    return {name: getattr(run, name) for name in COUNTS if getattr(run, name)}


def rows(query: str) -> list[tuple[Any, ...]]:
    """What a plain psql would answer: the schema is on the search path."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()


def tell_statistics() -> None:
    """Let the server count what was written: it would tell of it some seconds later."""
    rows("SELECT pg_stat_force_next_flush()")


def s3_event(*sources: SourceObject) -> dict[str, Any]:
    """A bare S3 notification."""
    return {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "s3": {
                    "bucket": {"name": source.bucket},
                    "object": {
                        "key": source.key,
                        "size": source.size,
                        "eTag": source.etag,
                        **({"versionId": source.version_id} if source.version_id else {}),
                        "sequencer": source.sequencer,
                    },
                },
            }
            for source in sources
        ]
    }


def sqs_event(*sources: SourceObject) -> dict[str, Any]:
    """One SQS message a source, ``m0``, ``m1``…"""
    return {
        "Records": [
            {"eventSource": "aws:sqs", "messageId": f"m{at}", "body": json.dumps(s3_event(source))}
            for at, source in enumerate(sources)
        ]
    }
