"""A source object on this machine: fetched, unpacked, in UTF-8; each once, and only if it is needed (BEHAVIOUR 3)."""

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
        head = prepare.read_head(self.text)
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
            path=self.text,
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
