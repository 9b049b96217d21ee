"""Tell a run that is too large for the disk, which fails at once, from a disk that others have filled."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ingest.loader.outcome.errors import RunFailed

_FULL = (errno.ENOSPC, errno.EDQUOT)
_MAX_SHARE = 0.8
"""Of the disk: if a run alone has used this much when it is full, waiting doesn't help."""


@contextmanager
def explained_if_too_small(folder: Path, *, needed: int = 0) -> Iterator[None]:
    """Raise RunFailed instead of the error of a full disk if the files in ``folder`` fill it.

    ``needed`` is the size of a file that may have been removed again because it didn't fit.
    """
    try:
        yield
    except Exception as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError) or cause.errno not in _FULL:
            raise
        total = shutil.disk_usage(folder).total
        own = max(_used_bytes(folder), needed)
        if own < _MAX_SHARE * total:
            raise
        raise RunFailed(
            f"The file needs more space than this worker's disk has: {own:,} bytes or more on a disk of {total:,} "
            "bytes. Split the file, or give the worker a larger disk (on AWS scratch_mib in infra/stages.toml)."
        ) from error


def _used_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
