"""A small file goes in without DuckDB, whose connection alone would take a third of its time."""

from dataclasses import replace

import duckdb
import pytest
from psycopg2.extensions import connection as Connection

from ingest.loader.outcome import Outcome
from ingest.loader.target import Mode, Target
from tests.loader.conftest import clear
from tests.loader.loading import load_bytes

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
