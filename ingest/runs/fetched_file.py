"""Prepare a source object on this machine: fetch it, unpack it and convert it to UTF-8 (file-rules#reading)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from django.conf import settings

from ingest.aws import objects
from ingest.loader.outcome.errors import RunUnclear
from ingest.loader.outcome.source_object import SourceObject
from ingest.loader.source import prepare
from ingest.loader.source.decompress import Limits
from ingest.loader.source.dialect import dialect
from ingest.loader.source.dialect.basis import read_as, written_as
from ingest.loader.source.dialect.question import offers, offers_of_encodings
from ingest.loader.source.encoding.transcode import UTF_8
from ingest.loader.source.local_file import LocalFile
from ingest.models import Dataset, Progress, storable_list
from ingest.runs.disk_space import explained_if_too_small
from ingest.runs.heartbeat import Heartbeat
from ingest.runs.questions import OF_ENCODING

_CHOOSE = "Nothing was loaded: choose how the file is to be read."


@dataclass
class PreparedFile:
    """One source object on this machine. Each step is done once, and only if it is needed."""

    source: SourceObject
    folder: Path
    """A scratch folder of its own."""
    beat: Heartbeat
    sha256: str = ""
    """The digest of the file as it is in the bucket, once it is fetched."""
    compression: str = ""
    """How the file is compressed, if it is; known once it is prepared."""
    encoding: str = ""
    """The encoding of the original; known once it is prepared."""
    chosen: Mapping[str, Any] | None = None
    """The reading that someone chose for it, as stored on the run."""
    loaded_as: Mapping[str, Any] | None = None
    """How it was read when it was loaded before, which is used again if the reading is in doubt now."""
    file: LocalFile | None = None
    """What the loader reads, once the file is opened."""
    _written: Mapping[str, object] = field(default_factory=dict)
    """How it is read, once the file is opened."""
    _path: Path | None = None
    """The text in UTF-8, once it is prepared."""
    _pinned: str | None = None
    """The encoding that the dataset pinned when it was prepared."""

    @property
    def text(self) -> Path:
        """The path of the text in UTF-8. Prepare the file first."""
        if self._path is None:
            raise AssertionError("prepare() must be called before the text is read")
        return self._path

    @property
    def written_as(self) -> dict[str, object]:
        """How the file was read and on what basis, as stored on the run."""
        if not self.file:
            return {}
        packed: dict[str, object] = {"compression": self.compression} if self.compression else {}
        skipped = self._written.get("skipped")
        return packed | dict(self._written) | ({"skipped": storable_list(skipped)} if skipped else {})

    def fetch(self) -> None:
        """Download the version. Raises SourceGone, RunFailed, RunInterrupted."""
        if not self.sha256:
            self.beat.enter(Progress.Stage.FETCH, self.source.size)
            self.folder.mkdir(exist_ok=True)
            with explained_if_too_small(self.folder.parent, needed=self.source.size):
                self.sha256 = objects.fetch(self.source, self._source, progress=self.beat.reach).sha256

    def is_ready(self, dataset: Dataset) -> bool:
        """Return whether the file is prepared for ``dataset``."""
        return self._path is not None and self._pinned == dataset.encoding

    def prepare(self, dataset: Dataset) -> None:
        """Fetch the file if it isn't yet, unpack it and convert it to UTF-8.

        Raises RunFailed if that fails, and RunUnclear if several encodings fit and none was chosen.
        """
        if self.is_ready(dataset):
            return
        if self._path is not None:  # prepared with another encoding, and the original was deleted
            self.sha256, self._path = "", None
        self.fetch()
        with explained_if_too_small(self.folder.parent):  # with the other versions that are loaded with it
            self._path, self._pinned = self._in_utf_8(self._unpacked(), dataset), dataset.encoding

    def open(self, dataset: Dataset) -> LocalFile:
        """Return the prepared file as ``dataset`` reads it.

        Raises RunFailed if it isn't CSV, and RunUnclear if it can be read in several ways and none was chosen.
        """
        head = prepare.read_head(self.text)
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        pinned = dataset.pinned
        newest = dataset.newest.dialect if dataset.newest else {}
        examined = dialect.examine(
            head,
            pinned=pinned,
            known=dataset.headers,
            null_tokens=dataset.null_tokens,
            encoding=self.encoding,
            name=self.source.key,
            above=newest.get("above", 0),
        )
        # Without a delimiter, only the encoding was chosen.
        reading = self.chosen if self.chosen and "delimiter" in self.chosen else None
        reading = reading or (self.loaded_as if examined.doubt else None)
        chosen = read_as(reading) if reading else None
        if examined.doubt and not chosen:
            question = [offer.to_json() for offer in offers(head, examined.dialects, at=examined.at)]
            raise RunUnclear(f"{examined.doubt} {_CHOOSE}", question)
        written = replace(chosen, encoding=self.encoding) if chosen else examined.dialect
        self._written = written_as(
            written,
            examined,
            pinned=pinned,
            head=head,
            chosen=bool(chosen),
            chosen_encoding=OF_ENCODING in (self.chosen or {}),
        )
        self.file = LocalFile(
            path=self.text,
            dialect=written,
            scratch=scratch,
            longest_record=settings.MAX_RECORD_BYTES,
            settled=bool(chosen or self.loaded_as) or examined.is_settled,
        )
        return self.file

    @property
    def _source(self) -> Path:
        return self.folder / "source"

    def _unpacked(self) -> Path:
        """Return the file unpacked, as CSV; what it was unpacked from is deleted."""
        self.beat.enter(Progress.Stage.UNPACK, 0)
        limits = Limits(size=settings.MAX_UNPACKED_BYTES)
        path, compression = prepare.unpack_to_csv(self._source, self.folder, limits=limits, progress=self.beat.reach)
        self.compression = compression or ""
        return path

    def _in_utf_8(self, path: Path, dataset: Dataset) -> Path:
        """Return the text in UTF-8; where it was in another encoding, the original is deleted."""
        self.encoding = self._settled_encoding(path, dataset)
        if self.encoding != UTF_8:
            self.beat.enter(Progress.Stage.DECODE, path.stat().st_size)
        return prepare.decode_to_utf_8(path, self.folder / "decoded", self.encoding, progress=self.beat.reach)

    def _settled_encoding(self, path: Path, dataset: Dataset) -> str:
        """Return the encoding that is pinned, chosen for this file, or detected. Raises RunUnclear on a doubt."""
        chosen, before = ((stored or {}).get("encoding") for stored in (self.chosen, self.loaded_as))
        detected = prepare.encoding_of(path, pinned=dataset.encoding, chosen=chosen)
        if not detected.doubt:
            return detected.encoding
        if before:
            return prepare.encoding_of(path, pinned=None, chosen=before).encoding
        question = offers_of_encodings(
            prepare.read_head(path),
            detected,
            pinned=dataset.pinned,
            known=dataset.headers,
            null_tokens=dataset.null_tokens,
            name=self.source.key,
        )
        raise RunUnclear(f"{detected.doubt} {_CHOOSE}", [offer.to_json() for offer in question])
