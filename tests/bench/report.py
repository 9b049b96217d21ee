"""The figures as one aligned table, under a line that says which machine they are of."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median

from tests.bench.race import Raced

_HEADINGS = (
    "case",
    "what",
    "against",
    "s",
    "ours s",
    "ratio",
    "from-to",
    "warm",
    "aim",
    "",
    "rows/s",
    "MB/s",
    "peak MiB",
)
_LEFT = 3  # so many columns hold words


def table(raced: Sequence[Raced]) -> str:
    """One line a case: medians of seconds, of ratios (lowest and highest beside), and our speed."""
    lines = [_HEADINGS, *map(_line, raced)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at < _LEFT else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _line(raced: Raced) -> tuple[str, ...]:
    case, ratio = raced.case, median(raced.ratios)
    mine, its = raced.seconds
    return (
        case.name,
        case.what,
        case.other.name,
        f"{its:.2f}",
        f"{mine:.2f}",
        f"{ratio:.2f}",
        f"{min(raced.ratios):.2f}-{max(raced.ratios):.2f}",
        f"{median(raced.warm_ratios):.2f}",
        f"{case.aim:.2f}" if case.aim else "",
        "" if not case.aim else "met" if ratio <= case.aim else "over",
        f"{case.ours.file.rows / mine:,.0f}",
        f"{raced.size / 1e6 / mine:.1f}",
        f"{raced.peak / 2**20:,.0f}",
    )


def machine(server: str) -> str:
    """What the figures were measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{os.cpu_count()} cores, {_processor()}, {memory:.0f} GiB; {platform.system()} {platform.release()}; "
        f"{server}; Python {platform.python_version()}, DuckDB {version('duckdb')}; "
        f"load {os.getloadavg()[0]:.1f} at the start"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()
