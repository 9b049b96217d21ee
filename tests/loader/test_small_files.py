"""A small file goes in without DuckDB, whose connection alone would take a third of its time."""

from dataclasses import replace

import duckdb
import pytest
from psycopg2.extensions import connection as Connection

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.target import Mode, Target
from tests.loader.conftest import WAYS, clear, going
from tests.loader.loading import load_bytes, read_table

CLEAN = b"id,name,n\n1,a,1\n2,b,2\n3,,3\n"
TROUBLED = b'id,name,n\n1,"a ""x""", 1\n2,b,x\n3,,\n\n4,NA,4\n5\n"6",f,6\n7,g,7\n8,h,8\n9,i,9\n' + b"".join(
    b"%d,x,7\n" % n for n in range(10, 20)
)
TARGET = Target(table="t", run_id=1)


@pytest.fixture
def no_duckdb(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let any connection to DuckDB fail."""

    def refuse(**_: object) -> None:
        raise AssertionError("a small file needs no DuckDB")

    monkeypatch.setattr(duckdb, "connect", refuse)


@pytest.mark.usefixtures("no_duckdb")
@pytest.mark.parametrize("mode", [Mode.UPSERT, Mode.SNAPSHOT, Mode.APPEND])
def test_a_small_file_needs_no_duckdb_clean_or_not(shared: Connection, mode: Mode) -> None:
    clear(shared)
    target = replace(TARGET, mode=mode, null_tokens=("NA",), reject_share=0.5)
    first = load_bytes(shared, CLEAN, target)
    assert isinstance(first, Outcome)
    assert first.inserted == 3
    second = load_bytes(shared, TROUBLED, replace(target, run_id=2, headers=first.headers, identities=first.identities))
    assert isinstance(second, Outcome), second
    assert [(reject.line, reject.code) for reject in second.rejects] == [(3, "bad_value"), (7, "missing_columns")]
    assert second.inserted + second.updated == 17
    assert second.deletion_withheld == (mode is Mode.SNAPSHOT)


def test_more_records_than_are_held_are_judged_by_duckdb(shared: Connection, no_duckdb: None) -> None:
    clear(shared)
    content = b"id\n" + b"".join(b"%d\n" % n for n in range(1_000))
    assert isinstance(load_bytes(shared, content, TARGET), Outcome)
    with pytest.raises(AssertionError, match="no DuckDB"):
        load_bytes(shared, content + b"1000\n", TARGET)


def test_a_run_of_which_nothing_went_in_fails_and_keeps_its_columns_for_the_reject_file(shared: Connection) -> None:
    clear(shared)
    failed = load_bytes(shared, b"id,a\n1\n2\n", Target(table="t", run_id=1))
    assert isinstance(failed, RunFailed)
    assert failed.outcome is not None
    assert [column.header for column in failed.outcome.columns] == ["id", "a"]
    assert read_table(shared, "t") is None
    outcome = load_bytes(shared, b"id,a\n1,x\n2\n", Target(table="t", run_id=2))
    assert isinstance(outcome, Outcome)


def test_the_columns_are_told_alike_by_every_way(shared: Connection) -> None:
    content = (
        b"id,n,when,at,flag,note,none\n"
        b"10, 9 ,2024-01-01T09:00,2024-01-01 10:00Z,TRUE,b,\n"
        b"9,10.5,2024-01-01,2024-01-01T10:30:00 +02,false,,\n"
        b"-2,x,2023-05-05 10:00:00.5,2024-01-01 04:00-0630,true,Z,\n"
    ) + b"".join(b"%d,1,2024-01-01,2024-01-01 10:00Z,true,x,\n" % n for n in range(20, 40))
    told = {}
    for way in WAYS:
        clear(shared)
        with going(way):
            outcome = load_bytes(shared, content, TARGET)
        assert isinstance(outcome, Outcome)
        told[way] = [(c.name, c.type, c.values, c.nulls, c.least, c.greatest) for c in outcome.columns]
    assert told["alone"][0] == ("id", "bigint", 23, 0, "-2", "39")
    assert told["alone"][2][4:] == ("2023-05-05 10:00:00.5", "2024-01-01T09:00")
    assert told["alone"][3][4:] == ("2024-01-01T10:30:00 +02", "2024-01-01 04:00-0630")
    assert told["alone"][6][4:] == (None, None)
    assert all(columns == told["alone"] for columns in told.values())
