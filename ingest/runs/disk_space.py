"""A full disk is waited for if others fill it, and told at once if the run itself is too large for it."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.loader.outcome.errors import RunFailed

_FULL = (errno.ENOSPC, errno.EDQUOT)
_MOST = 0.8
"""Of the disk: a run that has taken so much when it is full finds no more room by waiting."""


@contextmanager
def explained_if_too_small(folder: Path, *, wanted: int = 0) -> Iterator[None]:
    """Raise RunFailed in place of a full disk where the files in ``folder`` fill it.

    ``wanted`` are the bytes of a file that may have been removed again when it didn't fit.
    """
    try:
        yield
    except Exception as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in _FULL:
            raise
        total = shutil.disk_usage(folder).total
        own = max(_used(folder), wanted)
        if own < _MOST * total:
            raise
        raise RunFailed(
            f"The file needs more room than this worker's disk has: {total:,} bytes, of which it has taken {own:,}. "
            "Split the file, or give the worker a larger disk (on AWS scratch_mib in infra/stages.toml)."
        ) from error


def _used(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
