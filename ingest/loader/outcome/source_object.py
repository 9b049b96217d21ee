"""One immutable version of a file in a bucket."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceObject:
    """One version of one key: the exact bytes that a run reads, never "whatever is there now".

    See file-rules#exact-version.
    """

    bucket: str
    key: str
    size: int
    """Bytes as stored in the bucket, still compressed."""
    etag: str = ""
    """Without its quotes; empty where the event names none."""
    version_id: str = ""
    """Empty where the bucket is not versioned."""
    sequencer: str = ""
    """S3's order of the versions of one key: a hex string, empty where the event names none."""

    @property
    def identity(self) -> str:
        """The version's identity within its key: two deliveries of one event give the same run."""
        return f"version:{self.version_id}" if self.version_id else f"etag:{self.etag}:{self.sequencer}"

    @property
    def file_name(self) -> str:
        """The key's last part: ``data/eu/a.csv`` -> ``a.csv``."""
        return self.key.rsplit("/", 1)[-1]


def is_older(first: str, second: str) -> bool:
    """Return whether sequencer ``first`` comes before ``second``: hex, right-padded with zeros to equal length.

    A sequencer that isn't known is never older, nor is anything older than it.
    """
    if not first or not second:
        return False
    width = max(len(first), len(second))
    return first.lower().ljust(width, "0") < second.lower().ljust(width, "0")
