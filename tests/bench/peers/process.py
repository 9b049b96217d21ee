"""One process and its children, with the time and the memory that they took."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from time import perf_counter

from tests.local.processes import of_process, threads_of

_ROOT = Path(__file__).parents[3]
_LOOK = 0.02
"""Seconds between looks at the memory: what a process takes at the very last moment before it ends isn't seen."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What a process took and said."""

    seconds: float
    peak: int
    """Bytes: the highest of each process of the family, added up; 0 where the system doesn't tell."""
    code: int | None
    """None: it was stopped at the time limit."""
    said: str
    """The end of what it printed on both outputs."""


def ended(command: list[str], *, variables: Mapping[str, str], limit: float) -> Ended:
    """Run ``command`` to its end, or for ``limit`` seconds."""
    with tempfile.TemporaryFile() as printed:
        started = perf_counter()
        process = subprocess.Popen(
            command,
            cwd=_ROOT,
            env=os.environ | variables,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        highs: dict[int, int] = {}
        over = Event()
        watch = Thread(target=_watch, args=(process.pid, highs, over))
        watch.start()
        try:
            code: int | None = process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            seconds = perf_counter() - started
            over.set()
            watch.join()
        printed.seek(max(0, printed.seek(0, os.SEEK_END) - 4_000))
        said = printed.read().decode("utf-8", "replace").strip()
    return Ended(seconds=seconds, peak=sum(highs.values()), code=code, said=said)


def _watch(pid: int, highs: dict[int, int], over: Event) -> None:
    while not over.wait(_LOOK):
        for each in _family(pid):
            highs[each] = max(highs.get(each, 0), _high(each))


def _family(pid: int) -> list[int]:
    found = [pid]
    for each in found:  # grows while it is walked
        for thread in threads_of(each):
            found += map(int, of_process(each, f"task/{thread}/children").split())
    return found


def _high(pid: int) -> int:
    lines = of_process(pid, "status").splitlines()
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(b"VmHWM:")), 0)
