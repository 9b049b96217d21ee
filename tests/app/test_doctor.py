"""The doctor finds each fault, found by breaking it, and says what to do."""

import io
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import StringIO
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from ingest import handlers
from ingest.aws import secrets
from ingest.models import Dataset, Run
from pipeline_site.local.aws import set_up
from pipeline_site.local.worker import Worker
from tests.app.conftest import Door
from tests.aws.wires import answering
from tests.conftest import Aws


def doctor(*words: str) -> str:
    """All lines, whether they are good or not."""
    out = StringIO()
    try:
        call_command("doctor", "--wait", "1", *words, stdout=out)
    except CommandError as error:
        out.write(f"{error}\n")
    return out.getvalue()


def line(told: str, subject: str) -> str:
    """The line about ``subject``."""
    (found,) = [each for each in told.splitlines() if re.match(rf"(ok|NOT OK) +{subject}  ", each)]
    return " ".join(found.split())


@pytest.fixture
def queue(aws: Aws) -> Callable[..., None]:
    """Change the queue's attributes."""
    return lambda **changed: aws.client("sqs").set_queue_attributes(QueueUrl=aws.queue_url, Attributes=changed)


@pytest.fixture
def notify(aws: Aws) -> Callable[..., None]:
    """Write the bucket's notification anew."""

    def notify(*, events: str = "s3:ObjectCreated:*", **rules: str) -> None:
        told = {
            "QueueArn": f"arn:aws:sqs:us-east-1:000000000000:{aws.bucket}",
            "Events": [events],
            "Filter": {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in rules.items()]}},
        }
        aws.client("s3").put_bucket_notification_configuration(
            Bucket=aws.bucket, NotificationConfiguration={"QueueConfigurations": [told]}
        )

    return notify


@pytest.fixture
def worker(door: Door) -> Iterator[None]:
    """Somebody who reads the queue, in Lambda's place."""
    stopped = threading.Event()

    def work() -> None:
        Worker(
            sqs=door.aws.client("sqs"),
            queue_url=door.aws.queue_url,
            on_event=handlers.on_event,
            on_schedule=lambda event, context: None,
        ).work(until=stopped.is_set)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stopped.set()
    thread.join()


def test_all_is_well_and_a_file_comes_through_and_leaves_nothing_behind(door: Door, worker: None) -> None:
    out = StringIO()
    call_command("doctor", stdout=out)
    told = out.getvalue()
    assert "NOT OK" not in told
    assert "a file came through in" in line(told, "probe")
    assert (Run.objects.count(), Dataset.objects.count()) == (0, 0)
    assert "Versions" not in door.aws.client("s3").list_object_versions(Bucket=door.aws.bucket)


def test_nobody_who_reads_the_queue(door: Door) -> None:
    assert "NOT OK probe a test file was put in the bucket, but no run was created after 1 seconds: check" in line(
        doctor(), "probe"
    )


def test_a_bucket_that_tells_nobody(door: Door) -> None:
    s3 = door.aws.client("s3")
    s3.put_bucket_notification_configuration(Bucket=door.aws.bucket, NotificationConfiguration={})
    assert "doesn't notify the queue of new files" in line(doctor(), "notification")


def test_a_bucket_that_tells_another_queue(door: Door) -> None:
    set_up(door.aws.server, bucket=door.aws.bucket, prefix="data/", queue=f"{door.aws.bucket}-other")
    assert "doesn't notify the queue of new files" in line(doctor(), "notification")


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"prefix": "other/"}, "notifies of files under 'other/', but PREFIX is 'data/': make them the same"),
        ({"prefix": "data/eu/"}, "notifies of files under 'data/eu/', but PREFIX is 'data/'"),
        ({"prefix": "data/", "suffix": ".txt"}, "notifies only of files that end with '.txt'"),
        ({"prefix": "data/", "events": "s3:ObjectRemoved:*"}, "doesn't notify the queue of new files"),
    ],
)
def test_a_bucket_that_tells_of_something_else(
    door: Door, notify: Callable[..., None], told: dict[str, str], sentence: str
) -> None:
    notify(**told)
    assert sentence in line(doctor(), "notification")


def test_a_bucket_without_versions(door: Door) -> None:
    s3 = door.aws.client("s3")
    s3.put_bucket_versioning(Bucket=door.aws.bucket, VersioningConfiguration={"Status": "Suspended"})
    assert "has no versioning, so a file can change while it is read" in line(doctor(), "bucket")


def test_a_queue_without_redrive(door: Door, queue: Callable[..., None]) -> None:
    queue(RedrivePolicy="")
    assert "has no dead-letter queue" in line(doctor(), "queue")


def test_dead_letters(door: Door) -> None:
    sqs = door.aws.client("sqs")
    sqs.send_message(QueueUrl=f"{door.aws.queue_url}-dead", MessageBody="a file that came too often")
    assert "1 messages failed: read why in the log" in line(doctor(), "dead letters")


@pytest.fixture
def function(door: Door, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A function with a mapping from the queue; gives the mapping's id and the client."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as files:
        files.writestr("code.py", "def called(event, context): return {}")
    client = door.aws.client("lambda")
    monkeypatch.setattr(settings, "FUNCTION_NAME", door.aws.bucket)
    client.create_function(
        FunctionName=door.aws.bucket,
        Runtime="python3.13",
        Handler="code.called",
        Role=door.aws.client("iam").create_role(RoleName=door.aws.bucket, AssumeRolePolicyDocument="{}")["Role"]["Arn"],
        Code={"ZipFile": packed.getvalue()},
    )
    yield client
    client.delete_function(FunctionName=door.aws.bucket)


def mapped(client: Any, door: Door, **changed: Any) -> None:
    """The mapping, as the trigger stack makes it but for what is changed."""
    told = {"FunctionResponseTypes": ["ReportBatchItemFailures"], "Enabled": False} | changed
    arn = f"arn:aws:sqs:us-east-1:000000000000:{door.aws.bucket}"
    client.create_event_source_mapping(FunctionName=door.aws.bucket, EventSourceArn=arn, **told)


def test_no_mapping(door: Door, function: Any) -> None:
    assert "No event source mapping delivers the queue's messages to" in line(doctor(), "mapping")


def test_a_mapping_that_is_off(door: Door, function: Any) -> None:
    mapped(function, door)
    assert "is Disabled: enable it with `aws lambda update-event-source-mapping --uuid" in line(doctor(), "mapping")


def test_a_mapping_that_is_on(door: Door, function: Any) -> None:
    mapped(function, door, Enabled=True)
    assert line(doctor(), "mapping").startswith("ok mapping the queue's messages are delivered to")


def test_a_mapping_that_takes_back_whole_batches_only(door: Door, function: Any) -> None:
    mapped(function, door, Enabled=True, FunctionResponseTypes=[])
    assert "doesn't report failures of single messages (ReportBatchItemFailures)" in line(doctor(), "mapping")


def test_a_clock_that_is_off(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """It isn't ours that can be set here: another server says another time."""
    there = format_datetime(datetime.now(UTC) - timedelta(minutes=20), usegmt=True)
    with answering(200, b"<LocationConstraint/>", {"Content-Type": "text/xml", "Date": there}) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        monkeypatch.setattr(settings, "QUEUE_URL", "")  # which that server hasn't
        told = line(doctor(), "clock")
    assert re.search(r"clock is 1,20\d seconds ahead of S3's: synchronize it with a time server", told)


def test_a_clock_of_the_database_that_is_off(door: Door) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE SCHEMA ahead; CREATE FUNCTION ahead.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS "
            "$$ SELECT pg_catalog.clock_timestamp() + interval '5 minutes' $$; "
            "SET search_path = ahead, pg_catalog, public"
        )
        try:
            told = line(doctor(), "database's clock")
        finally:
            cursor.execute("RESET search_path; DROP SCHEMA ahead CASCADE")
    assert re.search(r"clock is (299|300) seconds behind the database's: synchronize it", told)


def test_a_schema_that_is_behind(door: Door) -> None:
    newest = MigrationRecorder.Migration.objects.filter(app="ingest").order_by("-name").first()
    assert newest is not None
    newest.delete()
    try:
        assert f"1 migrations are missing, the first is ingest.{newest.name}: run" in line(doctor(), "schema")
    finally:
        MigrationRecorder(connection).record_applied("ingest", newest.name)


def test_a_database_out_of_reach(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")
    try:
        told = doctor()
    finally:
        monkeypatch.undo()
        connection.close()
    assert "Check its address, the security groups, and the secret." in line(told, "database")
    assert "schema" not in told


@pytest.mark.parametrize(("content", "sentence"), [("{}", "has no login"), (None, "refused")])
def test_a_secret_that_is_wrong(
    door: Door, monkeypatch: pytest.MonkeyPatch, content: str | None, sentence: str
) -> None:
    arn = "no-such-secret"
    if content:
        vault = door.aws.client("secretsmanager")
        arn = vault.create_secret(Name=f"{door.aws.bucket}-db", SecretString=content)["ARN"]
    monkeypatch.setitem(connection.settings_dict, "SECRET_ARN", arn)
    monkeypatch.setitem(settings.DATABASES["default"], "SECRET_ARN", arn)
    assert sentence in line(doctor("--inside"), "secret")
    secrets.forget()


def test_aws_out_of_reach(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    told = doctor()
    for subject in ("bucket", "notification", "queue", "dead letters"):
        assert "AWS can't be reached (EndpointConnectionError): check the network" in line(told, subject)
    assert "checks failed." in told
