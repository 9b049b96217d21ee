"""A source object on this machine: fetched, then cut into records; each once, and only if it is needed."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.conf import settings

from ingest.aws import objects
from ingest.loader import dialect
from ingest.loader.rejects import RejectBook
from ingest.loader.source import SourceObject
from ingest.loader.split import Certified, split
from ingest.models import Progress
from ingest.runs.heartbeat import Heartbeat

HEAD = 1 << 20
"""Bytes of the file's head by which encoding, delimiter and header are proposed."""


@dataclass
class Material:
    """What an attempt has of one source object so far."""

    source: SourceObject
    folder: Path
    """Scratch space of its own."""
    beat: Heartbeat
    sha256: str = ""
    """Of the file as it came out of the bucket, once it is fetched."""
    certified: Certified | None = None
    """Its good records, once it is cut."""
    book: RejectBook = field(default_factory=RejectBook)
    """Its other ones."""

    @property
    def written_as(self) -> dict[str, object]:
        """The dialect that was found, for the run."""
        return asdict(self.certified.source_dialect) if self.certified else {}

    def fetch(self) -> None:
        """Bring the pinned version here. Raises SourceGone, RunFailed, RunInterrupted."""
        if not self.sha256:
            self.beat.enter(Progress.Stage.FETCH, self.source.size)
            self.folder.mkdir(exist_ok=True)
            self.sha256 = objects.fetch(self.source, self._path, progress=self.beat.reach).sha256

    def cut(self) -> None:
        """Fetch it, if that isn't done, and find its records. Raises RunFailed on what is no CSV."""
        self.fetch()
        if self.certified is None:
            self.beat.enter(Progress.Stage.SPLIT, self._path.stat().st_size)
            with self._path.open("rb") as file:
                proposed = dialect.propose(file.read(HEAD))
            self.certified = split(
                self._path,
                proposed,
                scratch=self.folder,
                reject=self.book.add,
                progress=self.beat.reach,
                longest=settings.MAX_RECORD_BYTES,
            )

    @property
    def _path(self) -> Path:
        return self.folder / "source"
