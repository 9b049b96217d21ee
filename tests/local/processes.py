"""What the tests ask of processes: whether they are there, and which of them came from a test."""

import os
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep


def is_alive(pid: int) -> bool:
    """Whether ``pid`` is a process that still runs; one that waits to be reaped doesn't."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"


def marked(mark: str) -> dict[int, str]:
    """The command of every process that has ``mark`` in its environment (Linux)."""
    found = {}
    for each in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (each / "environ").read_bytes():
                found[int(each.name)] = (each / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    return found


def comes_true(what: Callable[[], object], *, seconds: float = 10) -> bool:
    """Whether ``what`` holds within ``seconds``."""
    end = monotonic() + seconds
    while not what():
        if monotonic() > end:
            return False
        sleep(0.05)
    return True
