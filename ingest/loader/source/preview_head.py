"""Preview a file from its first bytes: how it is written, and its header."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingest.loader.source.decompress import Compression, compression_of, peek
from ingest.loader.source.dialect.basis import written_as
from ingest.loader.source.dialect.dialect import Dialect, Pinned, examine, refuse_too_wide
from ingest.loader.source.dialect.question import table_of
from ingest.loader.source.formats import format_of
from ingest.loader.source.layout.grammar import without_marks
from ingest.loader.source.layout.sample import sample
from ingest.loader.source.prepare import decode_to_utf_8, encoding_of
from ingest.loader.source.text_formats import refuse_format

_PLAIN = 1 << 16
"""Bytes that are unpacked of an archive: as many as are looked at of a plain file, however few they were packed to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeadPreview:
    """What the head of a file shows. A load may find otherwise further down."""

    compression: Compression | None
    dialect: Dialect | None
    """None where the head doesn't show it: it is packed in too large blocks, or shorter than the first line."""
    header: tuple[str, ...]
    """The header's cells; as many empty ones as there are columns where the file has none."""
    doubt: str = ""
    """Why it isn't clear how the file is written, in a sentence; empty where it is."""
    written: Mapping[str, object] = field(default_factory=dict)
    """How it is read, as a run would keep it; empty where the head doesn't show it."""


def preview_head(
    head: bytes,
    *,
    whole: bool,
    scratch: Path,
    pinned: Pinned | None = None,
    known: Collection[str] = (),
    null_tokens: Collection[str] = (),
    name: str = "",
    above: int = 0,
) -> HeadPreview:
    """Return how a dataset would read the file that begins with ``head``, or is no longer (``whole``).

    ``scratch`` is a folder for it alone, ``name`` the file's, and ``above`` as for ``examine``. Raises RunFailed, as
    the load would, for what is no CSV.
    """
    pinned = pinned or Pinned()
    compression = compression_of(head)
    if format_of(head).convert:  # the head of another format is no CSV yet
        return HeadPreview(compression=None, dialect=None, header=())
    plain = peek(head, max(len(head), _PLAIN))
    if (compression and not plain) or format_of(plain).convert:
        return HeadPreview(compression=compression, dialect=None, header=())
    encoding_name, text, doubt = _in_utf_8(plain, scratch, pinned.encoding, whole=whole)
    refuse_format(text)  # which may be one long line
    first = text
    if not whole or compression:
        text = text[: max(text.rfind(b"\n"), text.rfind(b"\r")) + 1]  # the last line is cut, perhaps within a letter
    if plain and not text:
        if compression:  # it was we who cut the line: it is refused for what is seen of it
            examine(first, pinned=pinned, known=known, null_tokens=null_tokens, encoding=encoding_name, cut=True)
        return HeadPreview(compression=compression, dialect=None, header=())
    examined = examine(
        text,
        pinned=pinned,
        known=known,
        null_tokens=null_tokens,
        encoding=encoding_name,
        name=name,
        above=above,
        whole=whole,
    )
    return HeadPreview(
        compression=compression,
        dialect=examined.dialect,
        header=_header(without_marks(text), examined.dialect),
        doubt=doubt or examined.doubt,
        written=written_as(examined.dialect, examined, pinned=pinned, head=text),
    )


def _in_utf_8(plain: bytes, scratch: Path, pinned: str | None, *, whole: bool) -> tuple[str, bytes, str]:
    """Return the encoding, the text in UTF-8, as for a whole file, and why the encoding isn't clear."""
    source = scratch / "head"
    source.write_bytes(plain)
    detected = encoding_of(source, pinned=pinned, whole=whole)
    text = decode_to_utf_8(source, scratch / "text", detected.encoding)
    return detected.encoding, plain if text == source else text.read_bytes(), detected.doubt


def _header(text: bytes, dialect: Dialect) -> tuple[str, ...]:
    sampled = sample(table_of(text, dialect), dialect.grammar, whole=True)
    if not sampled.records:
        return ()
    refuse_too_wide(len(sampled.records[0]))
    return dialect.header_of(sampled.raw(0)) if dialect.has_header else ("",) * len(sampled.records[0])
