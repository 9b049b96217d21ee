"""Scratch folders for attempts. Each is always removed; that of a killed worker by the next one on the machine."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

_PREFIX = "ingest-run-"
_NEW = "ingest-new-"
_NEW_SECONDS = 60  # a folder is new for some microseconds, unless its worker died during them


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Create a folder for one attempt, locked until the process ends, even by ``kill -9``."""
    sweep()
    root = Path(settings.SCRATCH_DIR)
    new = Path(tempfile.mkdtemp(prefix=_NEW, dir=root))
    descriptor = os.open(new, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Renamed once it is locked, so that an unlocked folder of this name always means that its worker died.
        folder = new.rename(root / new.name.replace(_NEW, _PREFIX))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)


def sweep() -> None:
    """Remove the folders that killed workers left on this machine.

    Safe with any number of workers, and cheap: one directory listing if there is nothing to remove.
    """
    root = Path(settings.SCRATCH_DIR)
    root.mkdir(parents=True, exist_ok=True)
    for folder in root.glob(f"{_PREFIX}*"):
        _remove_unless_locked(folder)
    for folder in root.glob(f"{_NEW}*"):
        _remove_unless_locked(folder, min_age=_NEW_SECONDS)


def _remove_unless_locked(folder: Path, *, min_age: float = 0) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # already removed, or not a folder
        return
    try:
        if not min_age or time.time() - os.fstat(descriptor).st_mtime > min_age:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:  # locked: its worker is alive
        return
    finally:
        os.close(descriptor)
