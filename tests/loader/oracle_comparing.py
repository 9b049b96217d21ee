"""What the loader did, held against what the oracle says it should have done."""

from collections import Counter
from decimal import Decimal

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.outcome import Outcome
from tests.loader.loading import Found
from tests.loader.oracle import Account, Dataset, Refused
from tests.loader.oracle_types import written

COUNTS = ("records", "inserted", "updated", "unchanged", "duplicate", "rejected", "deleted")

Row = tuple[tuple[str, str | None], ...]


def counts_of(outcome: Outcome) -> dict[str, int]:
    """The outcome's counts by name, zeros left out."""
    return {name: getattr(outcome, name) for name in COUNTS if getattr(outcome, name)}


def assert_told(account: Account, told: Outcome | RunFailed) -> None:
    """Hold the account of one run against the oracle's."""
    if account.failed:
        assert isinstance(told, RunFailed), f"the run should have failed ({account.failed}), but gave {told}"
        assert account.failed in str(told), str(told)
        if account.failed in ("rejected", "held"):
            assert told.outcome is not None
            _assert_rejects(account.rejects, told.outcome)
            assert counts_of(told.outcome) == dict(account.counts)
        return
    if isinstance(told, RunFailed):
        raise AssertionError(f"the run failed: {told}") from told
    _assert_rejects(account.rejects, told)
    assert counts_of(told) == dict(account.counts)
    assert account.withheld is None or told.deletion_withheld == account.withheld


def _assert_rejects(expected: tuple[Refused, ...], outcome: Outcome) -> None:
    rejects = list(outcome.rejects)
    seen = [(reject.line, reject.code.value, reject.raw) for reject in rejects]
    assert [(line, raw) for line, _, raw in seen] == [(one.line, one.raw) for one in expected], (seen, expected)
    for one, reject in zip(expected, rejects, strict=True):
        assert reject.code.value in one.codes, (reject, one)
        assert not one.columns or one.columns[reject.column].strip() == reject.value.strip(), (reject, one)
    assert outcome.rejected == len(expected)


def assert_table(dataset: Dataset, found: Found | None, before: Found | None, run_id: int) -> None:
    """Hold the table cell by cell against the oracle's, and ``processed_at`` against what it was before the run."""
    if dataset.kinds is None:
        assert found is None
        return
    assert found is not None
    assert found.kinds == dataset.kinds
    expected = Counter(_row(found, {**_texts(row.cells), "run_id": row.run_id}) for row in dataset.rows)
    seen = Counter(_row(found, row) for row in found.rows)
    assert seen == expected, f"too much: {seen - expected}; missing: {expected - seen}"
    _assert_stamps(found, before, run_id)
    numbers = [row["record_id"] for row in found.rows if "record_id" in row]
    assert len(numbers) == (len(found.rows) if dataset.identities == () else 0)
    assert len(set(numbers)) == len(numbers)


def _assert_stamps(found: Found, before: Found | None, run_id: int) -> None:
    """Rows of this run bear a later time than all before; the others bear the one they had, and their number."""
    stood = before.rows if before else []
    old = Counter((row["run_id"], row["processed_at"], row.get("record_id")) for row in stood)
    kept = Counter(
        (row["run_id"], row["processed_at"], row.get("record_id")) for row in found.rows if row["run_id"] != run_id
    )
    if "record_id" in found.kinds or any("record_id" in row for row in stood) or not found.rows:
        assert not kept - old
    assert not Counter({(run, at): n for (run, at, _), n in kept.items()}) - Counter(
        {(run, at): n for (run, at, _), n in old.items()}
    )
    latest = max((row["processed_at"] for row in stood), default="")
    assert all(row["processed_at"] > latest for row in found.rows if row["run_id"] == run_id)


def _texts(cells: dict[str, object]) -> dict[str, str | None]:
    return {name: written(value) for name, value in cells.items()}  # type: ignore[arg-type]


def _row(found: Found, cells: dict[str, object]) -> Row:
    """A row in a form that can be counted; numbers that are equal are the same (1.5 and 1.50)."""
    names = sorted({*found.kinds, "run_id"})
    assert all(name in cells for name in names), (names, cells)
    return tuple((name, _same_number(found.kinds.get(name), cells[name])) for name in names)  # type: ignore[arg-type]


def _same_number(kind: str | None, text: object) -> object:
    return str(Decimal(str(text)).normalize()) if kind == "numeric" and text is not None else text
