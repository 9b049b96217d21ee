"""Scratch space for one attempt: always removed, after a killed worker by the next one on the machine."""

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
_SETTLED = 60  # seconds; a younger folder may be one that its maker has not locked yet


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that only this attempt uses; it is held by a lock that ends with the process, even by ``kill -9``."""
    root = Path(settings.SCRATCH_DIR)
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _sweep(root: Path) -> None:
    """Remove the folders that nobody holds any more."""
    for folder in root.glob(f"{_PREFIX}*"):
        try:
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            continue
        try:
            if time.time() - os.fstat(held).st_mtime > _SETTLED:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # held: its worker lives
            continue
        finally:
            os.close(held)
