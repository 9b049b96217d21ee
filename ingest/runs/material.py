"""A source object on this machine: fetched, and its dialect found; each once, and only if it is needed."""

from dataclasses import asdict, dataclass
from pathlib import Path

from django.conf import settings

from ingest.aws import objects
from ingest.loader import dialect
from ingest.loader.file import LocalFile
from ingest.loader.source import SourceObject
from ingest.models import Progress
from ingest.runs.heartbeat import Heartbeat


@dataclass
class Material:
    """What an attempt has of one source object so far."""

    source: SourceObject
    folder: Path
    """Scratch space of its own."""
    beat: Heartbeat
    sha256: str = ""
    """Of the file as it came out of the bucket, once it is fetched."""
    file: LocalFile | None = None
    """What the loader reads, once it is ready."""

    @property
    def written_as(self) -> dict[str, object]:
        """The dialect that was found, for the run."""
        return asdict(self.file.dialect) if self.file else {}

    def fetch(self) -> None:
        """Bring the pinned version here. Raises SourceGone, RunFailed, RunInterrupted."""
        if not self.sha256:
            self.beat.enter(Progress.Stage.FETCH, self.source.size)
            self.folder.mkdir(exist_ok=True)
            self.sha256 = objects.fetch(self.source, self._path, progress=self.beat.reach).sha256

    def make_ready(self) -> None:
        """Fetch it, if that isn't done, and find how it is written. Raises RunFailed on what is no CSV."""
        self.fetch()
        if self.file is None:
            with self._path.open("rb") as stream:
                proposed = dialect.propose(stream.read(dialect.HEAD))
            scratch = self.folder / "scratch"
            scratch.mkdir()
            self.file = LocalFile(
                path=self._path, dialect=proposed, scratch=scratch, longest_record=settings.MAX_RECORD_BYTES
            )

    @property
    def _path(self) -> Path:
        return self.folder / "source"
