"""A file on this machine, ready to be cut into records."""

from dataclasses import dataclass
from pathlib import Path

from ingest.loader.source.dialect.dialect import Dialect


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalFile:
    """Fetched, decompressed and UTF-8: what the loader reads."""

    path: Path
    dialect: Dialect
    scratch: Path
    """A folder of its own for what the loader writes; the caller removes it."""
    longest_record: int = 64 << 20
    """Bytes; a longer record is rejected."""
    repeats_header: bool = True
    """Whether a record equal to the header is the header once more, rather than a record."""
    settled: bool = False
    """Whether someone has said how its quotes are read: what they swallow is no question then."""
