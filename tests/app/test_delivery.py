"""Messages reach a real mail server, a real HTTP listener and the local SNS; those that fail are sent again."""

import hashlib
import hmac
import json
import socket
import threading
import time
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as Received
from django.core.checks import CheckMessage, Warning
from django.utils import timezone

from ingest.aws import topics
from ingest.checks import check_messages
from ingest.loader.outcome.errors import RunInterrupted
from ingest.models import Dataset, Message, Run, Trouble
from ingest.notifications import delivery, incidents
from ingest.notifications.channel import Channel, Notification
from ingest.notifications.channels import CHANNELS, webhook
from ingest.notifications.delivery import deliver
from ingest.notifications.incidents import refresh_incidents
from ingest.operations.network_paths import check_network_paths
from ingest.runs.receive import receive
from tests.app.pages import member

SECRET = "a secret of at least thirty-two characters"


class Listener(BaseHTTPRequestHandler):
    """Records requests, and answers with a status set by the test."""

    def do_POST(self) -> None:
        """One message."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, self.headers, body))
        time.sleep(self.server.slow)
        self.send_response(self.server.status)
        self.send_header("Location", self.server.elsewhere)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_) -> None:
        """Nothing."""


@pytest.fixture
def listener(settings):
    """A real HTTP listener, which the settings name."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        server.got, server.status, server.slow, server.elsewhere = [], 200, 0, "/elsewhere"
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        settings.NOTIFY_WEBHOOK_URL = f"http://127.0.0.1:{server.server_port}/told"
        settings.NOTIFY_WEBHOOK_SECRET = SECRET
        yield server
        server.shutdown()


class Inbox(Received):
    """Keeps the messages."""

    def __init__(self) -> None:
        super().__init__()
        self.got = []

    def handle_message(self, message) -> None:
        """One message."""
        self.got.append(message)


class Mailbox(Controller):
    """A mail server on a socket that listens before it is started: its port can't be lost in between."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        super().__init__(Inbox(), hostname="127.0.0.1", port=self.socket.getsockname()[1])

    def _create_server(self):
        return self.loop.create_server(self._factory_invoker, sock=self.socket)


@pytest.fixture
def deaf_port():
    """A port that refuses every connection: it is ours for the test, and nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def server(settings):
    """A real mail server, which the settings name."""
    controller = Mailbox()
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", controller.port, False
    settings.NOTIFY_EMAILS = ["ann@x.example", "bob@x.example"]
    yield controller
    controller.stop()


@pytest.fixture
def failed(transactional_db, source):
    """Have a run fail for a reason."""

    def fail(reason="The file is empty.", key="data/orders.csv", **fields):
        run = receive(source(key))
        Run.objects.filter(pk=run.pk).update(status="failed")
        incidents.record_incident(run, "failed", reason)
        return run

    return fail


def again():
    """Let every message be due."""
    Message.objects.exclude(not_before=None).update(not_before=timezone.now())
    return deliver()


# -- e-mail -----------------------------------------------------------------------------------------------------------


def test_an_e_mail_arrives_with_its_reason_and_a_link(server, failed, settings):
    settings.SITE_URL = "https://files.example.com/dev/"
    run = failed()
    (mail,) = server.handler.got
    assert (mail["Subject"], mail["To"]) == ("orders: a file was not loaded", "ann@x.example, bob@x.example")
    body = mail.get_payload()
    assert "The file is empty.\r\nFile: data/orders.csv" in body.replace("\n", "\r\n").replace("\r\r", "\r")
    assert f"https://files.example.com/dev/admin/ingest/run/{run.pk}/change/" in body
    message = Message.objects.get()
    assert (message.sent is not None, message.error, message.attempts) == (True, "", 1)


def test_a_file_name_cannot_inject_a_header(server, failed):
    failed(key="data/x\r\nBcc: eve@x.example\r\n/___.csv")
    mail, *_ = server.handler.got
    assert mail["Bcc"] is None
    assert "eve@x.example" not in mail["To"]


def test_a_mail_server_that_is_down_fails_no_run_and_loses_no_message(server, failed, caplog, settings, deaf_port):
    settings.EMAIL_PORT = deaf_port
    run = failed()
    message = Message.objects.get()
    assert (message.sent, message.attempts) == (None, 1)
    assert "could not be sent by email" in caplog.text
    assert Trouble.objects.get().run_id == run.pk
    assert deliver() == 0, "not before its pause is over"
    settings.EMAIL_PORT = server.port
    assert again() == 1
    assert [mail["Subject"] for mail in server.handler.got] == ["orders: a file was not loaded"]
    assert again() == 0, "once"


def test_many_late_datasets_are_combined_in_few_e_mails(server, transactional_db, settings, deaf_port):
    long_ago = timezone.now() - timedelta(days=2)
    for number in range(120):
        Dataset.objects.create(name=f"d{number:03}", expected_every=1, expected_unit="hour", last_loaded=long_ago)
    Dataset.objects.create(name="own", expected_every=1, last_loaded=long_ago, notify_emails=["cy@x.example"])
    settings.EMAIL_PORT = deaf_port
    refresh_incidents()
    assert (deliver(), server.handler.got) == (0, [])
    assert Message.objects.filter(attempts=1).count() == 100, "a channel that is down is left alone for this time"
    settings.EMAIL_PORT = server.port
    assert again() == 121
    titles = sorted(mail["Subject"] for mail in server.handler.got)
    assert titles == ["d000: a file is late, and 99 more", "d100: a file is late, and 19 more", "own: a file is late"]
    assert server.handler.got[0].get_payload().count("A file is expected every hour") == 100


# -- webhook ----------------------------------------------------------------------------------------------------------


def test_a_webhook_gets_signed_json(listener, failed):
    begun = int(time.time())
    run = failed()
    ((path, headers, body),) = listener.got
    moment = headers["X-Ingest-Timestamp"]
    signature = hmac.new(SECRET.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(headers["X-Ingest-Signature"], f"sha256={signature}")
    assert begun <= int(moment) <= time.time()
    told = json.loads(body)
    assert (path, told["event"], told["kind"], told["dataset"]) == ("/told", "opened", "failed", "orders")
    assert (told["run"], told["reason"], told["count"]) == (run.pk, "The file is empty.", 1)
    assert headers["X-Ingest-Id"] == str(told["id"])
    assert SECRET not in str(headers) + body.decode()


@pytest.mark.parametrize("status", [301, 302, 307, 404, 500])
def test_an_error_status_is_retried_and_redirects_are_not_followed(listener, failed, status):
    listener.status, listener.elsewhere = status, f"http://127.0.0.1:{listener.server_port}/elsewhere"
    failed()
    message = Message.objects.get()
    assert (message.sent, message.error) == (None, f"The webhook returned status {status}.")
    assert [path for path, *_ in listener.got] == ["/told"]
    listener.status = 204
    assert again() == 1


def test_a_listener_that_does_not_answer_times_out(listener, failed, monkeypatch):
    monkeypatch.setattr(webhook, "_TIMEOUT_SECONDS", 0.2)
    listener.slow = 1
    failed()
    assert Message.objects.get().sent is None
    assert "timed out" in Message.objects.get().error


def test_pauses_grow_until_the_message_is_given_up(listener, failed, monkeypatch):
    listener.status = 500
    failed()
    pauses = []
    for _ in range(9):
        before = timezone.now()
        again()
        pauses.append(round((Message.objects.get().not_before - before).total_seconds(), -1))
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    monkeypatch.setattr(delivery, "_MAX_ATTEMPTS", 11)
    again()
    assert Message.objects.get().not_before is None
    assert again() == 0


def test_two_workers_send_a_message_once(listener, failed, monkeypatch):
    monkeypatch.setattr("ingest.notifications.incidents.deliver", lambda ids: 0)
    failed()
    message = Message.objects.select_related("trouble__dataset", "trouble__run").get()
    assert [delivery._claim(message), delivery._claim(message)] == [True, False]


def test_a_message_claimed_by_a_worker_that_died_is_sent_by_the_next(listener, failed, monkeypatch):
    monkeypatch.setattr("ingest.notifications.incidents.deliver", lambda ids: 0)
    failed()
    delivery._claim(Message.objects.get())
    Message.objects.update(not_before=timezone.now() - timedelta(seconds=1))
    assert deliver() == 1


def test_no_message_is_sent_for_an_incident_that_was_rolled_back(listener, failed, source):
    from django.db import transaction

    run = receive(source("data/orders.csv"))
    with transaction.atomic():
        incidents.record_incident(run, "failed", "The file is empty.")
        assert listener.got == []
        transaction.set_rollback(True)
    assert (listener.got, Message.objects.count()) == ([], 0)


def test_a_channel_that_is_down_does_not_delay_the_others(listener, server, failed, settings, deaf_port):
    settings.EMAIL_PORT = deaf_port
    failed()
    assert len(listener.got) == 1
    settings.EMAIL_PORT = server.port
    assert again() == 1


# -- SNS --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def topic(aws, settings):
    """A topic whose messages come into the bucket's queue."""
    sns, sqs = aws.client("sns"), aws.client("sqs")
    arn = sns.create_topic(Name=f"{aws.bucket}-topic")["TopicArn"]
    queue = sqs.create_queue(QueueName=f"{aws.bucket}-topic")["QueueUrl"]
    endpoint = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**allowed, "Resource": endpoint}]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=endpoint)
    settings.NOTIFY_TOPIC_ARN = arn

    def received():
        for _ in range(5):
            if got := sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2).get("Messages"):
                return [json.loads(message["Body"]) for message in got]
        return []

    return received


def test_a_topic_receives_messages_about_datasets_with_any_name(topic, failed):
    Dataset.objects.create(name="größe")
    failed(key="data/größe.csv")
    (told,) = topic()
    assert told["Subject"] == "gr??e: a file was not loaded"
    assert told["Message"].startswith("größe: a file was not loaded\n\nThe file is empty.")


def test_a_missing_topic_raises_an_error_that_says_what_to_do(aws):
    with pytest.raises(RunInterrupted, match="check the ARN, and that the role may call sns:Publish on it"):
        topics.publish("arn:aws:sns:us-east-1:000000000000:no-such-topic", "a", "b")


def test_an_unreachable_sns_raises_a_different_error(aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:1")
    with pytest.raises(RunInterrupted, match="could not be reached"):
        topics.publish("arn:aws:sns:us-east-1:000000000000:topic", "a", "b")


# -- a new channel ----------------------------------------------------------------------------------------------------


class Pager(Channel):
    """A channel that only this test knows: a module in channels/ would hold it as CHANNEL."""

    name = "pager-of-the-night-shift"
    label = "night shift pager"
    aws_service = "sns"

    def __init__(self) -> None:
        self.sent: list[Notification] = []
        self.error: Exception | None = None

    def is_configured(self) -> bool:
        return True

    def recipients(self, dataset: Dataset | None) -> list[str] | None:
        return ["+1 555 0100"] if dataset and dataset.name == "orders" else None

    def send(self, notification: Notification) -> None:
        if self.error:
            raise self.error
        self.sent.append(notification)

    def secrets(self) -> list[str]:
        return ["hunter2"]

    def check(self) -> list[CheckMessage]:
        return [Warning("The pager is off.", id="pager.W001")]


@pytest.fixture
def pager(monkeypatch):
    """A new channel, which nothing else in the product names."""
    channel = Pager()
    monkeypatch.setitem(CHANNELS, channel.name, channel)
    return channel


def test_a_new_channel_sends_stores_and_checks_without_any_other_change(pager, failed, aws):
    run = failed()
    failed(key="data/people.csv")
    (notification,) = pager.sent
    assert (notification.subject, notification.recipients) == ("orders: a file was not loaded", ["+1 555 0100"])
    assert "The file is empty." in notification.text
    assert [payload["run"] for payload in notification.payloads] == [run.pk]
    message = Message.objects.get()
    assert (message.channel, message.recipients, message.error) == (pager.name, ["+1 555 0100"], "")
    assert message.sent is not None
    assert "pager.W001" in [problem.id for problem in check_messages(None)]
    assert "way to sns" in [path.subject for path in check_network_paths()]


def test_a_new_channel_is_on_the_page_of_messages(pager, failed, client):
    failed()
    client.force_login(member("operator"))
    page = client.get("/admin/ingest/message/", {"channel": pager.name}).content.decode()
    assert "night shift pager: +1 555 0100" in page
    assert "by night shift pager." in page
    assert "This list knows no channel" not in page


def test_any_error_of_a_channel_is_stored_without_secrets_and_does_not_stop_the_others(pager, failed, listener):
    pager.error = KeyError("no pager for hunter2")
    failed()
    assert len(listener.got) == 1
    message = Message.objects.get(channel=pager.name)
    assert (message.sent, message.error) == (None, "'no pager for ***'")
    pager.error = None
    assert again() == 1
    assert len(pager.sent) == 1


def test_messages_of_an_unknown_channel_are_kept_with_the_reason(pager, failed, client, monkeypatch):
    pager.error = OSError("off")
    failed()
    monkeypatch.delitem(CHANNELS, pager.name)
    assert again() == 0
    message = Message.objects.get()
    assert (message.sent, message.attempts) == (None, 2)
    assert "no notification channel 'pager-of-the-night-shift'" in message.error
    client.force_login(member("operator"))
    assert "pager-of-the-night-shift: +1 555 0100" in client.get("/admin/ingest/message/").content.decode()
    monkeypatch.setitem(CHANNELS, pager.name, pager)
    pager.error = None
    assert again() == 1


def test_each_module_in_channels_is_a_channel():
    assert set(CHANNELS) == {"email", "sns", "webhook"}
    assert all(name == channel.name for name, channel in CHANNELS.items())
