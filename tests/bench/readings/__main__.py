"""`make bench-reading`: how files are written, found by us and by others, beside the truth."""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.peers.environments import Environment, Missing, Python
from tests.bench.readings.corpus import Known, own, real

_ROOT = Path(__file__).parents[3]
FOLDER = _ROOT / ".local" / "bench"
_PEERS = Python(name="readings", package="clevercsv")
SYSTEMS: dict[str, Environment] = {"ours": Environment(), "clevercsv": _PEERS, "duckdb": _PEERS, "sniffer": _PEERS}
_ASPECTS = ("delimiter", "quote", "header", "names")


def main(arguments: list[str] | None = None) -> int:
    """Read both corpora by each system, and print how often each was right."""
    parser = argparse.ArgumentParser(prog="make bench-reading ARGS=...", description=__doc__)
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="which, with commas between")
    parser.add_argument("--wrong", action="store_true", help="list what we got wrong, or ask about")
    asked = parser.parse_args(arguments)
    names = asked.systems.split(",")
    if not set(names) <= SYSTEMS.keys():
        print(f"--systems: there is {', '.join(SYSTEMS)}", file=sys.stderr)
        return 2
    for title, corpus in (("files of our own", list(own())), ("real files", list(real()))):
        print(f"\n{len(corpus):,} {title}, % right")
        print(f"{'':12}" + "".join(f"{aspect:>11}" for aspect in (*_ASPECTS, "all", "ms", "asks")))
        for name in names:
            try:
                print(_line(name, corpus, asked.wrong))
            except Missing as missing:
                print(f"{name:12} {missing}")
    print(f"\n{_LEGEND}")
    return 0


_LEGEND = """\
delimiter  of a file with one column any is right
quote      where the file has none, any is right
header     on which line it stands, or that there is none
ms         the median of a file, in a process that runs already; each is shown 64 KiB at most
asks       files that would be held, for somebody to choose between readings: counted by the one offered first"""


def _line(name: str, corpus: Sequence[Known], wrong: bool) -> str:
    told = read_by(name, corpus)
    right = dict.fromkeys((*_ASPECTS, "all"), 0)
    for known, found in zip(corpus, told, strict=True):
        judged = judge(known, found)
        for aspect in _ASPECTS:
            right[aspect] += judged[aspect]
        right["all"] += all(judged.values())
        if wrong and name == "ours" and (not all(judged.values()) or found.get("asks")):
            print(f"  {known.name}: {[aspect for aspect, good in judged.items() if not good]} {found}")
    shares = "".join(f"{100 * count / len(corpus):>11.1f}" for count in right.values())
    seconds = statistics.median(found["seconds"] for found in told)
    asks = sum(bool(found.get("asks")) for found in told)
    return f"{name:12}{shares}{1000 * seconds:>11.1f}{asks if name == 'ours' else '-':>11}"


def read_by(name: str, corpus: Sequence[Known]) -> list[dict[str, Any]]:
    """What the system makes of each file. Raises Missing where it isn't to be had."""
    programs = SYSTEMS[name].found(FOLDER).programs
    with tempfile.TemporaryDirectory() as folder:
        for number, known in enumerate(corpus):
            Path(folder, f"{number:05}.csv").write_bytes(known.content)
        command = [str(programs / "python"), "-m", "tests.bench.readings.systems", name, folder]
        variables = {**os.environ, "PYTHONPATH": str(_ROOT)}
        done = subprocess.run(command, cwd=_ROOT, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(done.stderr.strip().splitlines()[-1])
    return [json.loads(line) for line in done.stdout.splitlines()]


def judge(known: Known, found: dict[str, Any]) -> dict[str, bool]:
    """What of it is right."""
    has_quotes = known.quote.encode() in known.content
    return {
        "delimiter": known.one_column or found.get("delimiter") == known.delimiter,
        "quote": not has_quotes or found.get("quote") == known.quote,
        "header": found.get("header") == known.header,
        "names": _are_alike(found.get("names", []), known.names),
    }


def _are_alike(found: Sequence[str], names: Sequence[str]) -> bool:
    """Whether all names are found; what stands for a column without one is free."""
    return len(found) == len(names) and all(
        not wanted or one == wanted for one, wanted in zip(found, names, strict=True)
    )


if __name__ == "__main__":
    sys.exit(main())
