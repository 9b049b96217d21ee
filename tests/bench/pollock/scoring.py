"""Pollock's own scores of what was loaded: `python -m tests.bench.pollock.scoring POLLOCK DATASET FOLDER` prints JSON.

Its ``metrics`` are called unchanged. The simple score is the mean over files of ten measures' sum; the weighted one
weighs each file by how often its pollution was met in a survey. Beside them the rows that are loaded wrong, cell by
cell: Pollock joins a record's cells before it compares, so that a row shifted by a cell counts as right. Runs in an
environment of its own.
"""

import csv
import json
import os
import sys
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

_HEADERLESS = "file_no_header.csv"


def score(pollock: Path, dataset: str, folder: Path) -> dict[str, Any]:
    """The scores of the files in ``folder``, and what each file gets of 10."""
    sys.path.insert(0, str(pollock))
    os.chdir(pollock)
    from pollock import data_types, metrics

    data_types.normalize_cell = metrics.normalize_cell = lru_cache(maxsize=None)(metrics.normalize_cell)
    weights = json.loads(Path("pollock_weights.json").read_text()) if dataset == "polluted_files" else {}
    names = sorted(path.name for path in Path(dataset, "csv").iterdir() if path.suffix == ".csv")
    files = {name: _measure(metrics, dataset, folder, name) for name in names}
    total = sum(weights.get(name, 0) for name in names)
    weighted = sum(worth * weights.get(name, 0) for name, worth in files.items()) / total if total else None
    wrong = {name: _wrong(data_types.normalize_cell, dataset, folder, name) for name in names} if weights else {}
    return {
        "files": files,
        "simple": sum(files.values()) / len(files),
        "weighted": weighted,
        "wrong": {name: count for name, count in wrong.items() if count},
    }


def _measure(metrics: Any, dataset: str, folder: Path, name: str) -> float:
    loaded = folder / f"{name}_converted.csv"
    try:
        if not metrics.successful_csv(loaded):
            return 0.0
        return 1.0 + sum(map(float, metrics.header_record_cell_measures_csv(f"{dataset}/clean/{name}", loaded, 1)))
    except Exception:  # what can't be compared gets nothing for it
        return 1.0


def _wrong(normalize: Any, dataset: str, folder: Path, name: str) -> int:
    """Rows that are none of the clean file's."""
    got = _rows(normalize, folder / f"{name}_converted.csv")
    want = _rows(normalize, Path(dataset, "clean", name))
    if name != _HEADERLESS:
        got, want = got[1:], want[1:]
    return (Counter(got) - Counter(want)).total()


def _rows(normalize: Any, path: Path) -> list[tuple[str, ...]]:
    text = path.read_text(encoding="utf-8-sig")
    rows = []
    for row in csv.reader([] if text.startswith("Application Error") else text.splitlines(keepends=True)):
        cells = [normalize(cell) for cell in row]
        while cells and not cells[-1]:  # empty ones at the end count for nothing
            cells.pop()
        rows.append(tuple(cells))
    return rows


if __name__ == "__main__":
    print(json.dumps(score(Path(sys.argv[1]).resolve(), sys.argv[2], Path(sys.argv[3]).resolve())))
