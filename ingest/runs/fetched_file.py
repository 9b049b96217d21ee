"""A source object on this machine: fetched, unpacked, in UTF-8; each once, and only if it is needed (BEHAVIOUR 3)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.conf import settings

from ingest.aws import objects
from ingest.loader.outcome.errors import RunFailed, RunUnclear
from ingest.loader.outcome.source_object import SourceObject
from ingest.loader.source.decompress import Limits, unpack
from ingest.loader.source.dialect import dialect
from ingest.loader.source.dialect.basis import written_as
from ingest.loader.source.dialect.dialect import Dialect
from ingest.loader.source.dialect.pin_conflicts import refuse_wide_encoding
from ingest.loader.source.dialect.question import offers, offers_of_encodings
from ingest.loader.source.encoding import transcode
from ingest.loader.source.encoding.transcode import DetectedEncoding
from ingest.loader.source.local_file import LocalFile
from ingest.loader.source.not_csv import refuse_other_formats
from ingest.models import Dataset, Progress, storable_list
from ingest.runs.disk_space import explained_if_too_small
from ingest.runs.heartbeat import Heartbeat
from ingest.runs.questions import OF_ENCODING

_CHOOSE = "Nothing was loaded: choose how the file is to be read."


@dataclass
class PreparedFile:
    """What an attempt has of one source object so far."""

    source: SourceObject
    folder: Path
    """Scratch space of its own."""
    beat: Heartbeat
    sha256: str = ""
    """Of the file as it came out of the bucket, once it is fetched."""
    compression: str = ""
    """How it came compressed, if it did; known once it is ready."""
    encoding: str = ""
    """In which it came; known once it is ready."""
    chosen: Mapping[str, Any] | None = None
    """The reading that somebody has chosen for it, as it is kept on the run."""
    loaded_as: Mapping[str, Any] | None = None
    """How it was read when it was loaded before: what it is read as again where that isn't clear by now."""
    file: LocalFile | None = None
    """What the loader reads, once a dataset has opened it."""
    _written: Mapping[str, object] = field(default_factory=dict)
    """How it is read, once a dataset has opened it."""
    _path: Path | None = None
    """The text in UTF-8, once it is ready."""
    _pinned: str | None = None
    """The dataset's encoding that it was made ready under."""

    @property
    def text(self) -> Path:
        """The text in UTF-8, once it is ready."""
        if self._path is None:
            raise AssertionError("whoever reads the text makes it ready first")
        return self._path

    @property
    def written_as(self) -> dict[str, object]:
        """How it was read and what that rests on, for the run."""
        if not self.file:
            return {}
        packed: dict[str, object] = {"compression": self.compression} if self.compression else {}
        skipped = self._written.get("skipped")
        return packed | dict(self._written) | ({"skipped": storable_list(skipped)} if skipped else {})

    def fetch(self) -> None:
        """Bring the pinned version here. Raises SourceGone, RunFailed, RunInterrupted."""
        if not self.sha256:
            self.beat.enter(Progress.Stage.FETCH, self.source.size)
            self.folder.mkdir(exist_ok=True)
            with explained_if_too_small(self.folder.parent, wanted=self.source.size):
                self.sha256 = objects.fetch(self.source, self._source, progress=self.beat.reach).sha256

    def is_ready(self, dataset: Dataset) -> bool:
        """Whether ``dataset`` could open it now."""
        return self._path is not None and self._pinned == dataset.encoding

    def make_ready(self, dataset: Dataset) -> None:
        """Fetch it, if that isn't done, unpack it and write it in UTF-8.

        Raises RunFailed where that can't be, and RunUnclear where it may be in several encodings and none was chosen.
        """
        if self.is_ready(dataset):
            return
        if self._path is not None:  # made ready under another encoding: what it came from is gone
            self.sha256, self._path = "", None
        self.fetch()
        with explained_if_too_small(self.folder.parent):  # where the other versions lie that are loaded with it
            self._path, self._pinned = self._in_utf_8(self._unpacked(), dataset), dataset.encoding

    def open(self, dataset: Dataset) -> LocalFile:
        """The file as ``dataset`` reads it, once it is ready.

        Raises RunFailed on what is no CSV, and RunUnclear where it can be read in several ways and none was chosen.
        """
        with self._path.open("rb") as stream:
            head = stream.read(dialect.HEAD)
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        pinned = dataset.pinned
        newest = dataset.newest.dialect if dataset.newest else {}
        found = dialect.examine(
            head,
            pinned=pinned,
            known=dataset.headers,
            null_tokens=dataset.null_tokens,
            encoding=self.encoding,
            name=self.source.key,
            above=newest.get("above", 0),
        )
        told = self.chosen if self.chosen and "delimiter" in self.chosen else None  # else the encoding alone was chosen
        told = told or (self.loaded_as if found.doubt else None)
        chosen = read_as(told) if told else None
        if found.doubt and not chosen:
            question = [offer.to_json() for offer in offers(head, found.dialects, at=found.at)]
            raise RunUnclear(f"{found.doubt} {_CHOOSE}", question)
        written = replace(chosen, encoding=self.encoding) if chosen else found.dialect
        self._written = written_as(
            written,
            found,
            pinned=pinned,
            head=head,
            chosen=bool(chosen),
            chosen_encoding=OF_ENCODING in (self.chosen or {}),
        )
        self.file = LocalFile(
            path=self._path,
            dialect=written,
            scratch=scratch,
            longest_record=settings.MAX_RECORD_BYTES,
            settled=bool(chosen or self.loaded_as) or found.is_settled,
        )
        return self.file

    @property
    def _source(self) -> Path:
        return self.folder / "source"

    def _unpacked(self) -> Path:
        """The file out of its archive, if it came in one; the archive is gone then."""
        self.beat.enter(Progress.Stage.UNPACK, 0)
        target, limits = self.folder / "unpacked", Limits(size=settings.MAX_UNPACKED_BYTES)
        self.compression = unpack(self._source, target, limits=limits, progress=self.beat.reach) or ""
        if not self.compression:
            return self._source
        self._source.unlink()
        return target

    def _in_utf_8(self, path: Path, dataset: Dataset) -> Path:
        """The text in UTF-8; where it was in another encoding, the original is gone then."""
        self.encoding = self._settled_encoding(path, dataset)
        refuse_wide_encoding(path, self.encoding, dataset.encoding)
        if self.encoding == transcode.UTF_8:
            return path
        self.beat.enter(Progress.Stage.DECODE, path.stat().st_size)
        target = self.folder / "decoded"
        transcode.transcode(path, target, self.encoding, progress=self.beat.reach)
        path.unlink()
        return target

    def _settled_encoding(self, path: Path, dataset: Dataset) -> str:
        """Return the encoding that is pinned, chosen for this file, or found. Raises RunUnclear on a doubt."""
        settled = dataset.encoding or (self.chosen or {}).get("encoding")
        if settled:
            return transcode.settle(path, settled)
        found = _found(path)
        if found.doubt and self.loaded_as and self.loaded_as.get("encoding"):
            return transcode.settle(path, self.loaded_as["encoding"])
        if found.doubt:
            with path.open("rb") as stream:
                head = stream.read(dialect.HEAD)
            told = offers_of_encodings(
                head,
                found,
                pinned=dataset.pinned,
                known=dataset.headers,
                null_tokens=dataset.null_tokens,
                name=self.source.key,
            )
            raise RunUnclear(f"{found.doubt} {_CHOOSE}", [offer.to_json() for offer in told])
        return found.encoding


def read_as(told: Mapping[str, Any]) -> Dialect:
    """A dialect as it is kept on a run, which may be of a time when there was less to tell."""
    return Dialect(**{name: value for name, value in told.items() if name in Dialect.__dataclass_fields__})


def _found(path: Path) -> DetectedEncoding:
    """The encoding of the file. Raises RunFailed, saying what a file is that is no text."""
    try:
        return transcode.find(path)
    except RunFailed:
        with path.open("rb") as stream:
            refuse_other_formats(stream.read(dialect.HEAD))
        raise
