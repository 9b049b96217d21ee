"""What the tests ask of processes: whether they are there, and which of them came from a test."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep


def is_alive(pid: int) -> bool:
    """Whether ``pid`` is a process that still runs; one that waits to be reaped doesn't."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    if not Path("/proc/self/stat").exists():
        return True
    told = of_process(pid, "stat").rpartition(b")")[2].split()
    return bool(told) and told[0] != b"Z"


def of_process(pid: int | str, file: str) -> bytes:
    """What Linux tells of a process in ``file`` of its folder; empty for one that is gone, or goes just now."""
    try:
        return Path(f"/proc/{pid}/{file}").read_bytes()
    except OSError:
        return b""


def parent_of(pid: int) -> int:
    """The process that started ``pid``; 0 for one that is gone."""
    told = of_process(pid, "stat").rpartition(b")")[2].split()
    return int(told[1]) if told else 0


def threads_of(pid: int) -> list[str]:
    """The ids of the threads of ``pid``; none for one that is gone."""
    try:
        return [each.name for each in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []


def all_pids() -> list[int]:
    """Every process that runs now (Linux)."""
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdecimal()]


def end_at_once(pid: int) -> None:
    """Kill ``pid``, if it hasn't ended by itself."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def marked(mark: str) -> dict[int, str]:
    """The command of every process that has ``mark`` in its environment (Linux)."""
    ours = [pid for pid in all_pids() if mark.encode() in of_process(pid, "environ")]
    told = {pid: of_process(pid, "cmdline").decode(errors="replace").replace("\0", " ") for pid in ours}
    return {pid: command for pid, command in told.items() if command}


def comes_true(what: Callable[[], object], *, seconds: float = 120) -> bool:
    """Whether ``what`` holds within ``seconds``: an end for what hangs, whatever else the machine has to do."""
    end = monotonic() + seconds
    while not what():
        if monotonic() > end:
            return False
        sleep(0.05)
    return True
