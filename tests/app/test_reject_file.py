"""The rejects of a run as a CSV that loads again once it is mended (file-rules#corrections)."""

import csv
import io

import pytest

from ingest.models import Reject
from ingest.rejects.csv_file import reject_file
from ingest.runs.receive import receive

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(source):
    """A failed run of two columns, written with semicolons."""
    run = receive(source())
    run.columns = [{"header": "id", "name": "id"}, {"header": "a;name", "name": "a_name"}]
    run.dialect = {"delimiter": ";", "quote": '"', "escape": '"', "encoding": "utf-8"}
    run.save()
    return run


def written(run, *rejects):
    """The file's rows behind its header."""
    for line, (raw, code) in enumerate(rejects, 2):
        Reject.objects.create(run=run, line=line, code=code, reason="Because.", raw=raw)
    header, *rows = csv.reader(io.StringIO("".join(reject_file(run)), newline=""))
    assert header == ["id", "a;name", "_line", "_code", "_reason", "_dataset", "_run"]
    assert all(row[5:] == ["customers", str(run.public_id)] for row in rows)
    return [row[:5] for row in rows]


def test_a_record_is_written_as_its_cells(run):
    assert written(run, (b'x;"a;""b"""', "bad_value")) == [["x", 'a;"b"', "2", "bad_value", "Because."]]


def test_quoted_line_ends_stay(run):
    assert written(run, (b'x;"a\r\nb\nc"', "bad_value")) == [["x", "a\r\nb\nc", "2", "bad_value", "Because."]]


def test_a_short_record_is_filled_up(run):
    assert written(run, (b"x", "missing_columns"))[0][:3] == ["x", "", "2"]


def test_a_long_record_keeps_its_rest_in_the_last_column(run):
    assert written(run, (b"x;y;z;;", "extra_columns"))[0][:3] == ["x", "y;z;;", "2"]


def test_what_cannot_be_taken_apart_stands_whole_in_the_first_column(run):
    assert written(run, (b'x;"a"b', "bad_quote"))[0][:3] == ['x;"a"b', "", "2"]


def test_bytes_of_no_encoding_are_shown_as_such(run):
    assert written(run, (b"x;\xff\xfe\0", "bad_encoding"))[0][:2] == ["x", "\ufffd\ufffd\0"]


def test_the_lines_come_in_their_order_and_an_empty_file_has_its_header(run):
    assert written(run) == []
    Reject.objects.create(run=run, line=9, code="c", reason="r", raw=b"1;2")
    Reject.objects.create(run=run, line=3, code="c", reason="r", raw=b"3;4")
    assert [line.split(",")[2] for line in list(reject_file(run))[1:]] == ["3", "9"]


def test_a_cell_longer_than_the_csv_module_allows_by_default_is_no_trouble(run):
    assert len(written(run, (b"x;" + b"y" * 300_000, "bad_value"))[0][1]) == 300_000


def test_a_run_that_knows_no_columns_gives_its_records_whole(source):
    run = receive(source())
    Reject.objects.create(run=run, line=1, code="c", reason="r", raw=b'a,"b')
    assert list(csv.reader(io.StringIO("".join(reject_file(run)), newline=""))) == [
        ["record", "_line", "_code", "_reason", "_dataset", "_run"],
        ['a,"b', "1", "c", "r", "customers", str(run.public_id)],
    ]
