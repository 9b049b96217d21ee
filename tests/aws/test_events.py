"""Every form of event gives the same source objects; no event, however hostile, raises anything but our own error."""

import contextlib
import copy
import json
import logging
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ingest.aws.events import Message, UnknownEvent, is_marker, is_ours, parse
from ingest.loader.outcome.errors import Disposition, disposition_of
from ingest.loader.outcome.source_object import SourceObject

EVENTS = Path(__file__).parent / "events"
BUCKET = "amzn-example-bucket"
KEY = "data/2026/customers + café 😀%2B.csv"


def event(name: str) -> object:
    return json.loads((EVENTS / f"{name}.json").read_text())


def read(told: object, prefix: str = "data/") -> list[Message]:
    return parse(told, bucket=BUCKET, prefix=prefix)


def objects(told: object, prefix: str = "data/") -> list[SourceObject]:
    return [source for message in read(told, prefix) for source in message.objects]


def notification(key: str = "data/a.csv", **described: object) -> dict[str, object]:
    """An S3 notification with ``key`` as S3 writes it (encoded), and fields of its object replaced."""
    told = json.loads((EVENTS / "s3_put.json").read_text())
    told["Records"][0]["s3"]["object"] |= {"key": key, **described}
    return told


def queued(body: str) -> dict[str, object]:
    return {"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": body}]}


FROM_S3 = SourceObject(
    bucket=BUCKET,
    key=KEY,
    size=208,
    etag="d41d8cd98f00b204e9800998ecf8427e",
    version_id="096fKKXTRTtl3on89fVO.nfljtsv6qko",
    sequencer="0055AED6DCD90281E5",
)
FROM_EVENTBRIDGE = SourceObject(
    bucket=BUCKET,
    key=KEY,
    size=208,
    etag="b1946ac92492d2347c6235b4d2611184",
    version_id="IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
    sequencer="00617F08299329D189",
)


# -- the forms --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["s3_put", "sqs_s3", "sns_s3", "sqs_sns_s3"])
def test_it_reads_an_s3_notification_in_every_envelope(form: str) -> None:
    assert objects(event(form)) == [FROM_S3]


@pytest.mark.parametrize("form", ["eventbridge_created", "sqs_eventbridge", "sns_eventbridge", "sqs_sns_eventbridge"])
def test_it_reads_an_eventbridge_event_in_every_envelope_with_its_key_as_it_stands(form: str) -> None:
    assert objects(event(form)) == [FROM_EVENTBRIDGE]


def test_it_names_the_message_of_the_queue_and_no_other() -> None:
    assert [message.message_id for message in read(event("sqs_s3"))] == ["059f36b4-87a3-44ab-83d2-661970000001"]
    assert [message.message_id for message in read(event("s3_put"))] == [""]
    assert [message.message_id for message in read(event("sns_s3"))] == [""]
    assert [message.message_id for message in read(event("eventbridge_created"))] == [""]


def test_it_hands_out_every_record_of_an_event_in_its_order() -> None:
    (message,) = read(event("s3_several_records"))
    assert [(source.key, source.size) for source in message.objects] == [
        ("data/a.csv", 208),
        ("data/b.csv", 5_368_709_120),
        ("data/c.csv", 208),
    ]
    assert message.objects[1].etag == "9b2cf535f27731c974343645a3985328-640"


def test_it_gives_one_message_for_each_record_of_a_batch_whatever_stands_in_it() -> None:
    messages = read(event("sqs_batch"))
    assert [[source.key for source in message.objects] for message in messages] == [
        ["data/a.csv"],
        [],  # s3:TestEvent
        [],  # not JSON
        ["data/c.csv"],  # beside a record with a negative size
        ["data/d.csv"],  # through a topic
        ["data/e.csv"],  # through EventBridge
    ]
    assert len({message.message_id for message in messages}) == 6


@pytest.mark.parametrize("form", ["s3_put_unversioned", "s3_put_versioning_suspended"])
def test_it_knows_an_unversioned_object_by_its_etag_and_sequencer(form: str) -> None:
    (source,) = objects(event(form))
    assert source.version_id == ""
    assert source.identity == "etag:d41d8cd98f00b204e9800998ecf8427e:0055AED6DCD90281E5"


def test_it_reads_an_eventbridge_event_without_a_version() -> None:
    (source,) = objects(event("eventbridge_created_unversioned"))
    assert (source.version_id, source.etag) == ("", "b1946ac92492d2347c6235b4d2611184")


# -- what is not ours -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ("s3_test_event", "s3:TestEvent"),
        ("sqs_sns_test_event", "s3:TestEvent"),
        ("s3_removed", "'ObjectRemoved:DeleteMarkerCreated', only ObjectCreated brings a file"),
        ("s3_folder_marker", "'data/2026/' is a folder marker"),
        ("eventbridge_deleted", "'Object Deleted', only Object Created brings a file"),
    ],
)
def test_it_says_why_an_event_brings_nothing(form: str, reason: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        (message,) = read(event(form))
    assert message.objects == ()
    (line,) = caplog.records
    assert line.levelno == logging.INFO
    assert reason in line.getMessage()


def test_it_leaves_other_buckets_other_prefixes_and_our_own_output(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        found = objects(event("s3_not_ours"))
    assert [source.key for source in found] == ["data/good.csv"]
    assert [line.getMessage() for line in caplog.records] == [
        "Not loaded: 'logs/a.csv' is outside the prefix 'data/'.",
        "Not loaded: the bucket 'amzn-other-bucket' is not 'amzn-example-bucket'.",
        "Not loaded: '_rejects/run-7.csv' is outside the prefix 'data/'.",
        "Not loaded: 'data/_exports/all.csv' was written by ourselves.",
    ]


def test_it_leaves_our_own_output_where_the_prefix_is_the_whole_bucket() -> None:
    assert [source.key for source in objects(event("s3_not_ours"), prefix="")] == [
        "logs/a.csv",
        "data/_exports/all.csv",  # ours only behind the prefix, and here that is another folder
        "data/good.csv",
    ]


MARKERS = (
    *("_SUCCESS", "eu/_SUCCESS", "_preview/_SUCCESS", "_committed_4711", "eu/_started_4711"),
    *("_temporary/0/part-0.csv", "eu/_temporary/0/_temporary/a.csv", "_spark_metadata/0"),
    *("._SUCCESS.crc", ".part-0.csv.crc", ".DS_Store", "eu/.hidden.csv", ".git/a.csv", "eu/.tmp/b/a.csv", "..a.csv"),
)
FILES = (
    *("_a.csv", "_SUCCESS.csv", "a_temporary/a.csv", "_temporary.csv", "_committed.csv", "a.b/c.csv", "../a.csv"),
    *(".csv", ".csv.GZ"),  # somebody forgot the name: the run says so
)


@pytest.mark.parametrize("path", MARKERS)
def test_it_leaves_the_markers_of_other_tools_and_hidden_files(path: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert objects(notification(f"data/{path}")) == []
    assert "is a marker of another tool, or hidden" in caplog.records[0].getMessage()
    assert not is_ours(f"data/{path}", 10, prefix="data/")


@pytest.mark.parametrize("path", FILES)
def test_it_takes_files_that_are_only_named_like_markers(path: str) -> None:
    assert [source.key for source in objects(notification(f"data/{path}"))] == [f"data/{path}"]


def test_a_prefix_may_be_named_like_a_marker() -> None:
    assert [source.key for source in objects(notification(".in/_temporary/a.csv"), prefix=".in/_temporary/")] != []


def test_it_takes_a_file_that_is_only_previewed() -> None:
    assert [source.key for source in objects(notification("data/_preview/eu/a.csv"))] == ["data/_preview/eu/a.csv"]


def test_it_takes_an_empty_file_and_leaves_its_run_to_say_so() -> None:
    assert [source.size for source in objects(notification("data/empty.csv", size=0))] == [0]


# -- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("data/a+b.csv", "data/a b.csv"),
        ("data/a%20b.csv", "data/a b.csv"),
        ("data/a%2Bb.csv", "data/a+b.csv"),
        ("data/a%252Bb.csv", "data/a%2Bb.csv"),
        ("data/%F0%9F%98%80.csv", "data/😀.csv"),
        ("data/😀.csv", "data/😀.csv"),
        ("data/100%.csv", "data/100%.csv"),
        ("data/%0D%0A.csv", "data/\r\n.csv"),
        ("data//x/../y.csv", "data//x/../y.csv"),
        ("d%61ta/a.csv", "data/a.csv"),
        ("data/" + "%C3%A9" * 509 + ".", "data/" + "é" * 509 + "."),  # 1,024 bytes
    ],
)
def test_it_decodes_a_key_once(encoded: str, key: str) -> None:
    assert [source.key for source in objects(notification(encoded))] == [key]
    assert [source.key for source in objects(queued(json.dumps(notification(encoded))))] == [key]


@pytest.mark.parametrize(
    ("encoded", "problem"),
    [
        ("data/%FF.csv", "is not UTF-8"),
        ("data/%ED%A0%80.csv", "is not UTF-8"),
        ("data/\ud800.csv", "is not UTF-8"),
        ("data/a%00b.csv", "holds a NUL character"),
        ("data/" + "%C3%A9" * 510, "has 1,025 bytes, over S3's limit of 1,024"),
    ],
)
def test_it_refuses_a_key_that_no_bucket_or_database_holds(
    encoded: str, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert objects(notification(encoded)) == []
    (line,) = caplog.records
    assert line.levelno == logging.WARNING
    assert problem in line.getMessage()


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=250))
def test_any_key_comes_back_as_it_was(name: str) -> None:
    key = f"data/{name}x"
    assume(not is_marker(f"{name}x"))
    assert [source.key for source in objects(notification(quote_plus(key, safe="/")))] == [key]


# -- hostile events ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["unknown_schedule", "unknown_http", "unknown_dynamodb"])
def test_it_says_that_an_event_is_not_known(form: str) -> None:
    with pytest.raises(UnknownEvent, match=r"^This event is not known here: it is an object of ") as error:
        read(event(form))
    assert disposition_of(error.value) is Disposition.FAIL


@pytest.mark.parametrize(
    "told", [None, 5, True, "s3", b"{}", [], {}, {"Records": None}, {"Records": []}, {"a": 1}, [[]]]
)
def test_it_refuses_what_is_no_event(told: object) -> None:
    with pytest.raises(UnknownEvent):
        read(told)


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"size": -1}, "size"),
        ({"size": "5"}, "size"),
        ({"size": 5.0}, "size"),
        ({"size": True}, "size"),
        ({"size": 1 << 63}, "size"),
        ({"size": None}, "size"),
        ({"key": 5}, "its s3.object.key is a number or a flag, not a text"),
        ({"eTag": ["x"]}, "its eTag is a list, not a text"),
        ({"eTag": None, "versionId": None}, "neither version nor ETag"),
        ({"versionId": "v" * 1025}, "1,025 bytes"),
        ({"versionId": "v\0"}, "NUL"),
        ({"eTag": "a\r\nX-Evil: 1", "versionId": None}, "its eTag 'a\\r\\nX-Evil: 1' is not printable ASCII"),
        ({"eTag": "é"}, "its eTag 'é' is not printable ASCII"),
        ({"versionId": "v\n"}, "its versionId 'v\\n' is not printable ASCII"),
        ({"sequencer": "xyz"}, "not hexadecimal"),
        ({"sequencer": "٣"}, "not hexadecimal"),
    ],
)
def test_it_gives_no_object_for_fields_that_s3_never_sends(
    changed: dict[str, object], problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert read(notification(**changed)) == [Message(message_id="", objects=())]
    (line,) = caplog.records
    assert line.levelno == logging.WARNING
    assert problem in line.getMessage()


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "{",
        '"text"',
        "[" * 100_000,
        "[" * 100 + "]" * 100,
        '{"Records": [' + '{"a":' * 5_000 + "1" + "}" * 5_000 + "]}",
        "9" * 5_000,
        "x" * 5_000_000,
        '{"Type": "Notification", "TopicArn": "t"}',
        '{"Type": "Notification", "TopicArn": "t", "Message": {}}',
        '{"Type": "SubscriptionConfirmation", "TopicArn": "t", "Message": "m"}',
        '{"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}',
        '{"source": "aws.s3", "detail-type": "Object Created", "detail": []}',
        '{"source": "aws.s3", "detail-type": null}',
        '{"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": 5}]}',
    ],
)
def test_a_hostile_body_gives_an_empty_message_and_a_short_warning(body: str, caplog: pytest.LogCaptureFixture) -> None:
    assert read(queued(body)) == [Message(message_id="m", objects=())]
    (line,) = caplog.records
    assert line.levelno == logging.WARNING
    assert line.message_id == "m"
    assert len(line.getMessage()) < 400


def test_a_strangers_text_stays_on_its_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        objects(notification("logs/%0AERROR+root%1B%5B2J%E2%80%AE.csv"))
    (line,) = caplog.records
    assert line.getMessage().isprintable()


def test_records_that_are_no_mappings_end_with_their_message() -> None:
    told = {"Records": [{"messageId": 7, "eventSource": "aws:sqs", "body": 5}, None, [], "x"]}
    assert read(told) == [Message(message_id="", objects=())] * 4


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
FIXTURES = {path.stem: json.loads(path.read_text()) for path in sorted(EVENTS.glob("*.json"))}


def changed(value: object, draw: Callable[..., object]) -> object:
    """``value`` with one place in it replaced or gone, however deep, also within a JSON text."""
    if isinstance(value, str) and value.startswith("{"):
        return json.dumps(changed(json.loads(value), draw))
    if not isinstance(value, dict | list) or not value or draw(st.integers(0, 9)) == 0:
        return draw(JSON)
    value = copy.copy(value)
    name = draw(st.sampled_from(list(value) if isinstance(value, dict) else range(len(value))))
    if draw(st.integers(0, 5)) == 0:
        del value[name]
    else:
        value[name] = changed(value[name], draw)
    return value


def holds_only_ours(messages: list[Message]) -> bool:
    return all(
        source.bucket == BUCKET and source.key.startswith("data/") and source.size >= 0 and "\0" not in source.key
        for message in messages
        for source in message.objects
    )


@given(JSON)
def test_random_json_raises_nothing_but_our_own_error(told: object) -> None:
    with pytest.raises(UnknownEvent):
        read(told)


@given(JSON)
def test_random_json_in_a_queue_raises_nothing_and_brings_nothing(told: object) -> None:
    assert read(queued(json.dumps(told))) == [Message(message_id="m", objects=())]


@given(st.data())
def test_a_fixture_with_any_value_changed_or_gone_raises_nothing_but_our_own_error(data: st.DataObject) -> None:
    told = FIXTURES[data.draw(st.sampled_from(sorted(FIXTURES)))]
    for _ in range(data.draw(st.integers(1, 3))):
        told = changed(told, data.draw)
    with contextlib.suppress(UnknownEvent):
        assert holds_only_ours(read(told))
