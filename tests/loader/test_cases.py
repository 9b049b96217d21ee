"""Every folder of cases/ is one trouble: files loaded in order, and what must stand in the table then, cell by cell.

A folder holds 1.csv, 2.csv… and expected.json; dataset.json says what the operator set, and ``sql`` to run before a
file. In expected.json ``rows`` are grouped by the file that wrote them last, written as PostgreSQL writes them (ISO,
UTC; null is NULL); ``files`` has the counts of each file (not named: zero; the records are their sum) and its rejects,
or why its run ``fails``.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from psycopg2.extensions import connection as Connection

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.target import Mode, Target
from ingest.loader.planning.safeguards import EVERYTHING
from ingest.loader.records.split import LONGEST
from ingest.loader.source.dialect.dialect import Pinned
from ingest.loader.source.identifiers import table_name
from pipeline_site.local.postgres import Postgres
from tests.conftest import MAJORS
from tests.loader.conftest import WAYS, clear, going
from tests.loader.loading import Found, load_bytes, read_table
from tests.loader.oracle_comparing import counts_of

CASES = Path(__file__).with_name("cases")


class Case:
    """One folder."""

    def __init__(self, folder: Path) -> None:
        settings = folder / "dataset.json"
        self.settings: dict[str, Any] = json.loads(settings.read_text()) if settings.exists() else {}
        self.expected: dict[str, Any] = json.loads((folder / "expected.json").read_text())
        files = sorted(folder.glob("*.csv"), key=lambda file: int(file.stem))
        self.contents = [file.read_bytes() for file in files]
        self.key = self.settings.pop("key", "data/t.csv")
        self.sql: dict[str, str] = self.settings.pop("sql", {})
        self.longest = self.settings.pop("longest_record", LONGEST)
        self.pinned = Pinned(**self.settings.pop("dialect", {}))
        self.told: list[Outcome | RunFailed] = []

    def target(self, table: str) -> Target:
        """The dataset as the runs so far have left it."""
        before = next((told for told in reversed(self.told) if isinstance(told, Outcome)), None)
        known = {"headers": before.headers, "identities": before.identities} if before else {}
        settings = {name: tuple(value) if isinstance(value, list) else value for name, value in self.settings.items()}
        mode = Mode(settings.pop("mode", "upsert"))
        approved = None if settings.pop("braked", False) else EVERYTHING
        return Target(table=table, run_id=len(self.told) + 1, mode=mode, approved=approved, **settings, **known)


def ways_on(major: int) -> list[str]:
    """Each way is gone on one of our versions; all where there is only one."""
    return ["beside"] if major != MAJORS[0] else ["alone", "judged", "misled"] if MAJORS[1:] else sorted(WAYS)


@pytest.mark.parametrize("name", sorted(folder.name for folder in CASES.iterdir() if folder.is_dir()))
def test_what_becomes_of(name: str, shared: Connection, postgres: Postgres) -> None:
    for way in ways_on(postgres.major):
        clear(shared)
        with going(way):
            _play(Case(CASES / name), shared, way)


def _play(case: Case, connection: Connection, way: str) -> None:
    assert len(case.contents) == len(case.expected["files"]), way
    if case.expected.get("table", "t") is None:
        with pytest.raises(RunFailed, match=case.expected["files"][0]["fails"]):
            table_name(case.key)
        return
    table = table_name(case.key)
    assert table == case.expected.get("table", "t")
    for content, expected in zip(case.contents, case.expected["files"], strict=True):
        before = _change(connection, table, case.sql.get(str(len(case.told) + 1), ""))
        told = load_bytes(connection, content, case.target(table), dialect=case.pinned, longest=case.longest)
        _assert_told(expected, told)
        if isinstance(told, RunFailed):
            assert read_table(connection, table) == before
        case.told.append(told)
    _assert_table(case.expected, read_table(connection, table))


def _change(connection: Connection, table: str, sql: str) -> Found | None:
    """The table before a run; ``sql`` is what somebody did by hand, or how a session is set that the run then meets."""
    with connection.cursor() as cursor:
        cursor.execute(sql or "select")
    connection.commit()
    found = read_table(connection, table)
    with connection.cursor() as cursor:
        cursor.execute(sql if sql.startswith("set ") else "select")
    connection.commit()
    return found


def _assert_told(expected: dict[str, Any], told: Outcome | RunFailed) -> None:
    if "fails" in expected:
        assert isinstance(told, RunFailed), told
        assert expected["fails"] in str(told)
        outcome = told.outcome
    elif isinstance(told, RunFailed):
        raise AssertionError(f"the run failed: {told}") from told
    else:
        counts = {name: count for name, count in expected.items() if name not in ("rejects", "identities", "raw")}
        counts["rejected"] = len(expected.get("rejects", []))
        counts["records"] = sum(counts.values()) - counts.get("deleted", 0)
        assert counts_of(told) == {name: count for name, count in counts.items() if count}
        outcome = told
    if "rejects" in expected or "fails" not in expected:
        assert outcome is not None
        _assert_rejects(expected.get("rejects", []), outcome)
    if "raw" in expected:
        assert outcome is not None
        assert [reject.raw.decode() for reject in outcome.rejects] == expected["raw"]
    if "identities" in expected:
        assert outcome is not None
        assert outcome.identities is not None
        assert [list(identity) for identity in outcome.identities] == expected["identities"]


def _assert_rejects(expected: list[list[Any]], outcome: Outcome) -> None:
    """A reject is expected as line, code, and column and value where the trouble has them."""
    seen = [[reject.line, reject.code.value, reject.column, reject.value] for reject in outcome.rejects]
    assert [one[: len(wanted)] for one, wanted in zip(seen, expected, strict=False)] == expected
    assert outcome.rejected == len(seen) == len(expected)
    assert all(reject.reason for reject in outcome.rejects)


def _assert_table(expected: dict[str, Any], found: Found | None) -> None:
    if "columns" not in expected:
        assert found is None
        return
    assert found is not None
    assert found.kinds == expected["columns"]
    names = list(expected["columns"])
    wanted = [(int(run), *row) for run, rows in expected["rows"].items() for row in rows]
    assert Counter((row["run_id"], *(row[name] for name in names)) for row in found.rows) == Counter(wanted)
