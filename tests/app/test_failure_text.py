"""What is told about a failure: sentences, and never a secret (file-rules#errors)."""

import psycopg2
import pytest

from ingest.loader.outcome.errors import RunFailed
from ingest.notifications.redaction import scrub
from ingest.runs.failure_text import developer_traceback, operator_message


@pytest.mark.parametrize(
    "text",
    [
        "connection to postgresql://app:hunter2hunter2@db.example/app failed",
        "could not connect: host=db user=app password=hunter2hunter2 dbname=app",
        "could not connect: password='hunter2hunter2 and more' dbname=app",
        '{"username": "app", "password": "hunter2hunter2"}',
        "GET /b/k?X-Amz-Signature=hunter2hunter2&X-Amz-Date=1",
        "aws_secret_access_key = hunter2hunter2",
        "AWS_SESSION_TOKEN: hunter2hunter2",
    ],
)
def test_no_secret_is_left_in_a_text(text):
    assert "hunter2" not in scrub(text)
    assert "***" in scrub(text)


def test_the_database_password_is_left_out_wherever_it_stands(settings):
    settings.DATABASES["default"] = settings.DATABASES["default"] | {"PASSWORD": "s3cret/%"}
    assert scrub("odd s3cret/% text") == "odd *** text"


def test_ordinary_sentences_stay_as_they_are():
    text = "Line 12, column email: 'a@b.example' is not a number; see https://example.com/a?b=1 (50 %)."
    assert scrub(text) == text


def test_a_text_that_no_database_can_hold_is_mended():
    assert scrub("a\0b\ud800") == "a\N{REPLACEMENT CHARACTER}b?"


def test_our_own_errors_are_their_sentence():
    assert operator_message(RunFailed("The file is empty.")) == "The file is empty."


def test_an_unknown_error_is_a_sentence_too_and_its_story_a_traceback():
    with pytest.raises(KeyError) as caught:
        {}["missing"]
    assert operator_message(caught.value).startswith("The run failed with an unexpected error (KeyError)")
    assert developer_traceback(caught.value).startswith("Traceback (most recent call last):")
    assert developer_traceback(caught.value).splitlines()[-1] == "KeyError: 'missing'"


def test_a_drivers_error_gives_its_first_line_only():
    with pytest.raises(psycopg2.Error) as caught:
        psycopg2.connect("host=127.0.0.1 port=1 user=app password=hunter2hunter2 dbname=x connect_timeout=1")
    said = operator_message(caught.value)
    assert said.startswith("The database reported: ")
    assert "\n" not in said
    assert "hunter2" not in said + developer_traceback(caught.value)
