"""Find the line of the file that a row was loaded from, in the version that the run read."""

from pathlib import Path
from typing import Final

from django.conf import settings

from ingest.aws import objects
from ingest.loader import lineage
from ingest.loader.lineage import RowIdentity, SourceLines
from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source import prepare
from ingest.loader.source.decompress import Limits
from ingest.loader.source.dialect.basis import read_as
from ingest.loader.source.local_file import LocalFile
from ingest.loader.types.types import Type
from ingest.models import Run
from ingest.runs.scratch import scratch_folder

MAX_BYTES: Final = 128 << 20
"""The largest file, decompressed, that is searched while a user waits: 1.2 million records took 1.6-2.4 s of one
core and 145 MiB of memory, and a function of 1 GiB has 0.6 of a core."""
_TYPES: Final = {kind.short: kind for kind in Type}


def trace(run: Run, row: RowIdentity) -> SourceLines:
    """Return the lines of the run's file that contain ``row``: the one that was loaded, and its duplicates.

    Nothing is written. Raises RunFailed if they can't be found, RunInterrupted if the bucket doesn't answer.
    """
    if run.kind != Run.Kind.LOAD or run.status != Run.Status.SUCCEEDED or run.dataset is None:
        raise RunFailed(f"Run {run.pk} has loaded no file.")
    if run.size > MAX_BYTES:
        raise _too_large(run)
    with scratch_folder() as folder:
        file = _fetch(run, folder)
        return lineage.trace(
            file,
            run.dataset.headers,
            row,
            types={column["name"]: _TYPES[column["type"]] for column in run.columns if column["type"] in _TYPES},
            null_tokens=run.dataset.null_tokens,
        )


def _fetch(run: Run, folder: Path) -> LocalFile:
    """Fetch the file as the run read it: decompressed, in UTF-8, with the same dialect."""
    fetched = folder / "source"
    try:
        objects.fetch(run.source, fetched)
    except objects.SourceGone as gone:
        raise RunFailed(
            f"The file that run {run.pk} read is no longer in the bucket, so its lines can't be shown."
        ) from gone
    try:
        path, _ = prepare.unpack_to_csv(fetched, folder, limits=Limits(size=MAX_BYTES))
    except RunFailed as refused:  # it was unpacked once, under another limit
        raise _too_large(run) from refused
    dialect = read_as(run.dialect)
    path = prepare.decode_to_utf_8(path, folder / "decoded", dialect.encoding)
    scratch = folder / "scratch"
    scratch.mkdir()
    return LocalFile(path=path, dialect=dialect, scratch=scratch, longest_record=settings.MAX_RECORD_BYTES)


def _too_large(run: Run) -> RunFailed:
    return RunFailed(
        f"The file of run {run.pk} is larger than {MAX_BYTES >> 20} MiB, which is too large to search here. "
        "Download it from the run's page and search it there."
    )
