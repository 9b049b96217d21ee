"""The steps from a file as it was fetched to text in UTF-8 that can be cut into records: unpack, convert, decode."""

from collections.abc import Callable
from pathlib import Path

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.decompress import Compression, Limits, unpack
from ingest.loader.source.dialect.dialect import HEAD
from ingest.loader.source.dialect.pin_conflicts import refuse_wide_encoding
from ingest.loader.source.encoding.transcode import UTF_8, DetectedEncoding, find, settle, transcode
from ingest.loader.source.formats import format_of
from ingest.loader.source.not_csv import refuse_other_formats


def _no_progress(_: int) -> None:
    return


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file: as many as its format and its dialect are recognized by."""
    with path.open("rb") as file:
        return file.read(HEAD)


def unpack_to_csv(
    source: Path, folder: Path, *, limits: Limits, progress: Callable[[int], None] = _no_progress
) -> tuple[Path, Compression | None]:
    """Unpack the file at ``source`` and convert it to CSV; return the path of the result, and how it was compressed.

    A CSV file that isn't compressed stays where it is; otherwise the result is in ``folder``, and ``source`` is
    deleted. ``progress`` is called with the bytes unpacked so far. Raises RunFailed for a file that can't be read.
    """
    path, compression = source, None
    if format_of(read_head(source)).convert is None:  # a workbook is a zip archive itself, and is converted as such
        path = folder / "unpacked"
        compression = unpack(source, path, limits=limits, progress=progress)
        if compression is None:
            path = source
        else:
            source.unlink()
    convert = format_of(read_head(path)).convert
    if convert is None:
        return path, compression
    converted = folder / "converted"
    convert(path, converted)
    path.unlink()
    return converted, compression


def encoding_of(path: Path, *, pinned: str | None, chosen: str | None = None, whole: bool = True) -> DetectedEncoding:
    """Return the encoding of the file at ``path``: the one ``pinned`` on its dataset or ``chosen``, else the detected.

    ``whole``: it isn't just the head of a file. Raises RunFailed for a file that isn't text, for a name that is no
    encoding, and for a pinned encoding that can't be the file's.
    """
    if name := pinned or chosen:
        encoding = settle(path, name)
        refuse_wide_encoding(path, encoding, pinned)
        return DetectedEncoding(encoding=encoding)
    try:
        return find(path, whole=whole)
    except RunFailed:
        refuse_other_formats(read_head(path))  # this names the format of a file that isn't text
        raise


def decode_to_utf_8(path: Path, target: Path, encoding: str, *, progress: Callable[[int], None] = _no_progress) -> Path:
    """Return the path of the file's text in UTF-8: ``path`` if it is, else ``target``; ``path`` is deleted then.

    ``progress`` is called with the bytes read so far.
    """
    if encoding == UTF_8:
        return path
    transcode(path, target, encoding, progress=progress)
    path.unlink()
    return target
