"""Scratch space for one attempt: always removed, a killed worker's by whoever comes to the machine next."""

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
_LONG_MADE = 60  # seconds; a folder is new for some microseconds, unless its maker died in them


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that only this attempt uses; it is held by a lock that ends with the process, even by ``kill -9``."""
    sweep()
    root = Path(settings.SCRATCH_DIR)
    new = Path(tempfile.mkdtemp(prefix=_NEW, dir=root))
    held = os.open(new, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        # Under its own name it is locked from the first moment: whoever finds it unlocked knows that its worker died.
        folder = new.rename(root / new.name.replace(_NEW, _PREFIX))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(held)


def sweep() -> None:
    """Remove the folders that nobody holds any more: another worker on this machine was killed over them.

    Safe with any number of workers, and cheap: one look into the folder where there is nothing to do.
    """
    root = Path(settings.SCRATCH_DIR)
    root.mkdir(parents=True, exist_ok=True)
    for folder in root.glob(f"{_PREFIX}*"):
        _remove_unless_held(folder)
    for folder in root.glob(f"{_NEW}*"):
        _remove_unless_held(folder, settled=_LONG_MADE)


def _remove_unless_held(folder: Path, *, settled: float = 0) -> None:
    try:
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:  # gone by now, or no folder
        return
    try:
        if not settled or time.time() - os.fstat(held).st_mtime > settled:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
    except OSError:  # held: its worker lives
        return
    finally:
        os.close(held)
