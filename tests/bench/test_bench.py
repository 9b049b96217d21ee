"""The bench itself runs, on small files, and would notice a loader that does something else."""

import hashlib
from dataclasses import replace
from pathlib import Path
from statistics import median

import pytest

from tests.bench.__main__ import main
from tests.bench.cases import Case, Side, cases
from tests.bench.files import COLUMNS, EDITION, File
from tests.bench.race import Lap, Raced, Track
from tests.bench.report import table
from tests.bench.server import running
from tests.bench.whole import BEGIN, END, statements


def test_the_files_are_the_same_on_every_machine(tmp_path: Path) -> None:
    made = {kind: File(kind=kind, rows=1_000).made(tmp_path) for kind in ("plain", "changed", "bad")}
    lines = {kind: path.read_text().splitlines() for kind, path in made.items()}
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in made.values())).hexdigest()
    assert (EDITION, digest[:16]) == (1, "75c0a5ef78ebb8cd"), (
        "other bytes: raise EDITION, or kept files are taken for these"
    )
    assert [len(found) for found in lines.values()] == [1_001] * 3
    assert lines["plain"][0].split(",") == list(COLUMNS)
    assert sum(mine != its for mine, its in zip(lines["plain"], lines["changed"], strict=True)) == 100
    assert sum(mine != its for mine, its in zip(lines["plain"], lines["bad"], strict=True)) == 10
    assert len({line.split(",")[3] for line in lines["plain"]}) == 1_001


def test_cases_run_and_each_is_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rows=5000", "--repeat=1", "--cases=first,changed", "--unsafe", f"--folder={tmp_path}"]) == 0
    told = capsys.readouterr().out
    lines = [line.split() for line in told.splitlines()]
    assert [line[0] for line in lines if line and line[0] in cases(5_000)] == ["first", "changed"]
    assert "PostgreSQL 18" in told
    assert [path.name for path in tmp_path.iterdir()] == ["files"]


def test_a_case_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cases=first,second", f"--folder={tmp_path}"]) == 2
    assert "there is first, changed" in capsys.readouterr().err


def test_a_loader_that_does_something_else_is_noticed(tmp_path: Path) -> None:
    honest = cases(100)["first"]
    lying = replace(honest, ours=replace(honest.ours, counts={"updated": 100}))
    with running(tmp_path / "server", unsafe=True) as databases:
        track = Track(databases, tmp_path / "files", 100, lambda _: None)
        with pytest.raises(RuntimeError, match=r"left 100 rows, .* told .*'inserted': 100.*, not .*{'updated': 100}"):
            track.race(lying, 1)


def test_statements_are_counted_between_the_last_marks() -> None:
    told = [
        f"SELECT '{BEGIN}'",
        "SELECT 1",
        f"SELECT '{END}'",
        f"SELECT '{BEGIN}'",
        "SELECT\n 1",
        "COMMIT",
        f"SELECT '{END}'",
    ]
    assert statements("".join(f"2026-03-02 [7] LOG:  statement: {each}\n" for each in told)) == 2


def test_ratios_are_taken_pair_by_pair() -> None:
    side = Side(name="its", file=File(kind="plain", rows=6), state="empty", load=lambda url, path: None, rows_after=6)
    laps = [Lap(seconds=seconds, warm=seconds / 2, peak=3 << 20) for seconds in (2.0, 6.0, 4.0)]
    other = [Lap(seconds=seconds, warm=seconds, peak=0) for seconds in (1.0, 6.0, 2.0)]
    case = Case(name="a", what="b c", ours=side, other=side, aim=1.5)
    raced = Raced(case=case, size=12_000_000, ours=tuple(laps), other=tuple(other))
    assert raced.ratios == [2.0, 1.0, 2.0]
    assert median(raced.warm_ratios) == 1.0
    heading, line = table([raced]).splitlines()
    assert heading.split() == [
        *(
            "case",
            "what",
            "against",
            "s",
            "ours",
            "s",
            "ratio",
            "from-to",
            "warm",
            "aim",
            "rows/s",
            "MB/s",
            "peak",
            "MiB",
        )
    ]
    assert line.split() == [
        *("a", "b", "c", "its", "2.00", "4.00", "2.00", "1.00-2.00", "1.00", "1.50", "over", "2", "3.0", "3")
    ]
