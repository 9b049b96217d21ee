"""What the workers of one test run need once for all of them: the first makes it, the others wait for it."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file ``path`` for oneself; it is let go of by whoever dies, too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder of this test run that ``make`` has filled, in this worker or another."""
    above = factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        above = above.parent
    folder = above / name
    with locked(above / f"{name}.lock"):
        if not folder.exists():
            new = factory.mktemp(name)
            make(new)
            new.rename(folder)
    return folder
