"""Names that strangers chose become keys behind the prefix, or are refused with a sentence."""

from fnmatch import fnmatchcase
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.aws.events import parse
from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.source_object import SourceObject
from ingest.uploads.keys import dated_pattern, key_of
from tests.app.conftest import s3_event


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("a.csv", "data/a.csv"),
        ("eu/2024/a b+c%20.csv", "data/eu/2024/a b+c%20.csv"),
        ("e\u0301.csv", "data/\u00e9.csv"),
        ("eu/_rejects/a.csv", "data/eu/_rejects/a.csv"),
        ("back\\slash.csv", "data/back\\slash.csv"),
    ],
)
def test_a_name_is_the_key_behind_the_prefix(path: str, key: str):
    assert key_of(path, preview=False) == key
    assert key_of(path, preview=True) == key.replace("data/", "data/_preview/", 1)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "empty part"),
        ("/a.csv", "empty part"),
        ("eu//a.csv", "empty part"),
        ("eu/", "empty part"),
        ("../a.csv", r"\. or \.\."),
        ("eu/../../a.csv", r"\. or \.\."),
        ("./a.csv", r"\. or \.\."),
        ("a\nb.csv", "control character"),
        ("a\0.csv", "control character"),
        ("a\u2028.csv", "control character"),
        ("\ud800.csv", "isn't Unicode"),
        ("_rejects/a.csv", "_rejects/ is reserved"),
        ("_exports/eu/a.csv", "_exports/ is reserved"),
        ("_preview/a.csv", "_preview/ is reserved"),
        ("..a.csv", "or hidden"),
        ("eu/_SUCCESS", "another tool's marker file"),
        ("\u00e9" * 508 + ".csv", "1,020 bytes, over the limit of 1,019"),
    ],
)
def test_a_name_that_can_be_no_key_is_refused(path: str, why: str):
    with pytest.raises(RunFailed, match=why):
        key_of(path, preview=False)


def test_a_preview_has_room_for_fewer_bytes():
    assert len(key_of("a" * 1_010, preview=True)) == 1_024
    with pytest.raises(RunFailed, match="over the limit of 1,010"):
        key_of("a" * 1_011, preview=True)


_NAMES = st.text(st.sampled_from("a./\\_\n\0*[é\u202e\ud800 "), max_size=12) | st.text(max_size=20)


@given(st.lists(_NAMES | st.sampled_from(["_rejects", "_exports", "_preview", "..", "."]), max_size=4), st.booleans())
def test_no_name_leads_outside_the_prefix_or_over_our_own_output(parts: list[str], preview: bool):
    try:
        key = key_of("/".join(parts), preview=preview)
    except RunFailed:
        return
    event = s3_event(SourceObject(bucket="b", key=quote_plus(key), size=1, etag="e", sequencer="0"))
    (message,) = parse(event, bucket="b", prefix="data/")
    assert [source.key for source in message.objects] == [key]
    assert key.startswith("data/_preview/") is preview
    assert "/../" not in key


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("customers-2024-01-05.csv", "customers-*.csv"),
        ("eu/orders_20240105.csv.gz", "eu/orders_*.csv.gz"),
        ("orders_20240105T123000Z.csv", "orders_*.csv"),
        ("orders_20240105_1230.csv", "orders_*.csv"),
        ("sales.05.01.2024.csv", "sales.*.csv"),
        ("sales-2024-01.csv", "sales-*.csv"),
        ("2024-01-05/sales.csv", ""),
        ("sales-2024.csv", ""),
        ("part-20249905.csv", ""),
        ("id-120240105.csv", ""),
        ("sales.csv", ""),
        ("2024-01-05.csv.gz", ""),
        ("2024-01-05 sales.csv", "* sales.csv"),
        ("a[1]*-2024-01-05.csv", "a?1]?-*.csv"),
    ],
)
def test_a_date_in_a_name_tells_of_more_files_to_come(path: str, pattern: str):
    assert dated_pattern(path) == pattern
    assert not pattern or fnmatchcase(path, pattern)
