"""Trace: on which line of its file a run found a row, read from the very version in the bucket."""

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

LARGEST: Final = 128 << 20
"""Bytes of a file, unpacked, that is read for a line while somebody waits: 1.2 million records took 1.6-2.4 s of one
core and 145 MiB of memory, and a function of 1 GiB has 0.6 of a core."""
_TYPES: Final = {kind.short: kind for kind in Type}


def trace(run: Run, wanted: RowIdentity) -> SourceLines:
    """The lines of the run's file whose records are the row ``wanted``: the one that counts, and its duplicates.

    Nothing is written. Raises RunFailed, with a sentence, where that can't be told (any more), RunInterrupted where the
    bucket doesn't answer.
    """
    if run.kind != Run.Kind.LOAD or run.status != Run.Status.SUCCEEDED or run.dataset is None:
        raise RunFailed(f"Run {run.pk} has loaded no file.")
    if run.size > LARGEST:
        raise _too_large(run)
    with scratch_folder() as folder:
        file = _brought(run, folder)
        return lineage.trace(
            file,
            run.dataset.headers,
            wanted,
            types={column["name"]: _TYPES[column["type"]] for column in run.columns if column["type"] in _TYPES},
            null_tokens=run.dataset.null_tokens,
        )


def _brought(run: Run, folder: Path) -> LocalFile:
    """The file as the run read it: unpacked, in UTF-8, in the dialect that it found then."""
    fetched = folder / "source"
    try:
        objects.fetch(run.source, fetched)
    except objects.SourceGone as gone:
        raise RunFailed(
            f"The file as run {run.pk} read it isn't in the bucket any more: no line can be told."
        ) from gone
    try:
        path, _ = prepare.unpack_to_csv(fetched, folder, limits=Limits(size=LARGEST))
    except RunFailed as refused:  # it was unpacked once, under another limit
        raise _too_large(run) from refused
    dialect = read_as(run.dialect)
    path = prepare.decode_to_utf_8(path, folder / "decoded", dialect.encoding)
    scratch = folder / "scratch"
    scratch.mkdir()
    return LocalFile(path=path, dialect=dialect, scratch=scratch, longest_record=settings.MAX_RECORD_BYTES)


def _too_large(run: Run) -> RunFailed:
    return RunFailed(
        f"The file of run {run.pk} has more than {LARGEST >> 20} MiB: it is too large to be looked through while you "
        "wait. Download it from the run's page, and search it."
    )
