"""A run is given up once the rest of its file can't bring it below the limit of rejects, and not before."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection

from ingest.loader.outcome.errors import SchemaMismatch
from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.reject_limit import LimitExceeded, RejectLimit
from ingest.loader.outcome.rejects import RejectCollector
from ingest.loader.outcome.target import Mode, Target
from ingest.loader.records import cutter as module
from ingest.loader.records.split import split
from ingest.loader.source.dialect.dialect import Dialect
from ingest.loader.writing import reporting
from tests.loader.conftest import clear
from tests.loader.loading import load_bytes, read_table

BLOCK = 1 << 18
HEADER = b"id,name,city\n"
BAD = {
    "short rows": b"%d,x\n",
    "long rows": b"%d,x,Oslo,,1\n",
    "text after a quote": b'%d,"x"y,Oslo\n',
    "open quotes": b'%d,"xy,Oslo\n',
    "bytes that are not valid": b"%d,n\xff,Oslo\n",
    "NUL bytes": b"%d,n\0,Oslo\n",
}
BADS = pytest.mark.parametrize("bad", BAD.values(), ids=BAD)


def lines(form: bytes, size: int) -> bytes:
    """Lines of ``form``, each with a number of its own, of ``size`` bytes together or a few less."""
    first = 1_000_000
    return b"".join(form % number for number in range(first, first + size // len(form % first)))


def failed(told: object) -> SchemaMismatch:
    assert isinstance(told, SchemaMismatch), told
    return told


def outcome_of(failure: SchemaMismatch) -> Outcome:
    assert failure.outcome is not None
    return failure.outcome


@pytest.fixture
def database(newest: Connection) -> Connection:
    clear(newest)
    return newest


@pytest.fixture
def surveyed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the blocks that were read."""
    sizes: list[int] = []
    real = module.Cutter._walk

    def walk(cutter, at, data, *, last):
        sizes.append(len(data))
        return real(cutter, at, data, last=last)

    monkeypatch.setattr(module.Cutter, "_walk", walk)
    return sizes


@pytest.mark.parametrize(
    ("bad", "mode"), [*((bad, Mode.UPSERT) for bad in BAD.values()), *((BAD["short rows"], mode) for mode in Mode)]
)
@pytest.mark.parametrize("size", [1 << 20, 5 << 20], ids=["alone", "beside"])
def test_a_file_of_bad_records_is_not_read_to_its_end(database, surveyed, bad, mode, size):
    content = HEADER + b"1,Ada,Oslo\n" * 100 + lines(bad, size)
    target = Target(table="t", run_id=1, mode=mode, declared_key=() if mode is Mode.APPEND else ("id",))
    failure = failed(load_bytes(database, content, target, dialect=Dialect()))
    outcome = outcome_of(failure)
    assert outcome.partial
    assert sum(surveyed) < 0.7 * len(content)
    assert 0 < outcome.rejected < content.count(b"\n") / 2
    assert f"At least {outcome.rejected:,} of the first {outcome.records:,} records were rejected" in str(failure)
    assert f"reading stopped at line {outcome.records + 2:,}, and nothing was loaded" in str(failure)
    assert [column.header for column in outcome.columns] == ["id", "name", "city"]
    assert read_table(database, "t") is None


def test_bad_values_are_not_listed_to_their_end(database, monkeypatch):
    listed = 0
    real = reporting.raw_records

    def raw_records(certified, ordinals):
        nonlocal listed
        listed += len(ordinals)
        return real(certified, ordinals)

    monkeypatch.setattr(reporting, "raw_records", raw_records)
    strict = {"strict": True, "declared_key": ("id",)}
    assert isinstance(load_bytes(database, b"id,n\n1,1\n", Target(table="t", run_id=1, **strict)), Outcome)
    content = b"id,n\n" + lines(b"%d,n\n", 2 << 20)
    failure = failed(load_bytes(database, content, Target(table="t", run_id=2, **strict)))
    records = content.count(b"\n") - 1
    assert f"of {records:,} records were rejected" in str(failure)
    assert listed == outcome_of(failure).rejected < 0.12 * records
    assert f"reading stopped at line {listed + 2:,}" in str(failure)


@BADS
def test_a_share_of_all_is_never_given_up(database, surveyed, bad):
    content = HEADER + b"1,Ada,Oslo\n" * 100 + lines(bad, 1 << 19)
    told = load_bytes(database, content, Target(table="t", run_id=1, reject_share=1), dialect=Dialect())
    assert isinstance(told, Outcome)
    assert not told.partial
    assert told.records == content.count(b"\n") - 1


@BADS
def test_a_file_that_its_end_can_save_is_read_to_its_end(database, bad):
    content = HEADER + lines(bad, 1 << 17) + lines(b"%d,,\n", 5 << 19)
    told = load_bytes(database, content, Target(table="t", run_id=1, mode=Mode.APPEND), dialect=Dialect())
    assert isinstance(told, Outcome), told
    assert told.rejected > 5_000
    assert told.records == content.count(b"\n") - 1


def test_a_small_file_has_exact_counts(database):
    content = HEADER + lines(b"%d,x\n", 100_000)
    failure = failed(load_bytes(database, content, Target(table="t", run_id=1)))
    assert not outcome_of(failure).partial
    assert outcome_of(failure).rejected == content.count(b"\n") - 1


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(
    rows_=st.lists(
        st.sampled_from([b"1,2\n", b",\n", b"1\n", b"1,2,3\n", b'"x"y,1\n', b"\n", b"1,\xff\n", b"12345678,9\n"]),
        max_size=60,
    ),
    last=st.sampled_from([b"", b",", b"1"]),
    count=st.integers(0, 5),
    share=st.sampled_from([0, 0.05, 0.1, 0.5, 0.9, 1]),
    block=st.integers(8, 64),
)
def test_only_a_file_over_the_limit_is_given_up(tmp_path_factory, rows_, last, count, share, block):
    folder = tmp_path_factory.mktemp("file")
    source = folder / "source"
    source.write_bytes(b"a,b\n" + b"".join(rows_) + last)
    limit, book = RejectLimit(count=count, share=share), RejectCollector()
    whole = split(source, Dialect(), scratch=folder / "whole", reject=book.add, block=block)
    exceeded = limit.is_exceeded(len(book), whole.records + len(book))
    seen = RejectCollector()
    try:
        again = split(source, Dialect(), scratch=folder / "again", reject=seen.add, block=block, limit=limit)
    except LimitExceeded as stopped:
        given_up: LimitExceeded | None = stopped
    else:
        given_up = None
    if given_up:
        assert exceeded
        assert list(seen) == list(book)[: len(seen)]
        assert len(seen) <= given_up.records <= whole.records + len(book)
        assert all(reject.line < given_up.line for reject in seen)
    else:
        assert (again.records, list(seen)) == (whole.records, list(book))
