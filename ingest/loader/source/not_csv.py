"""Refuse files that are not CSV, recognized by content, with a message that says what to do."""

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.encoding.byte_order_marks import refuse_unmarked_utf_16
from ingest.loader.source.text_formats import refuse_format

_SAVE_AS_CSV = "open it there and save it as CSV (UTF-8)"
_MAGIC = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook (.xlsx)", "save the sheet as CSV (UTF-8)"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls) or another Office document", _SAVE_AS_CSV),
    (b"PAR1", "a Parquet file", "export it as CSV"),
    (b"ORC", "an ORC file", "export it as CSV"),
    (b"Obj\x01", "an Avro file", "export it as CSV"),
    (b"ARROW1", "an Arrow file", "export it as CSV"),
    (b"\x89HDF", "an HDF5 file", "export it as CSV"),
    (b"SQLite format 3\0", "an SQLite database", "export its table as CSV"),
    (b"%PDF-", "a PDF document", "export the table in it as CSV"),
    (b"\x89PNG", "a PNG image", "upload a CSV file instead"),
    (b"\xff\xd8\xff", "a JPEG image", "upload a CSV file instead"),
    (b"GIF8", "a GIF image", "upload a CSV file instead"),
    (b"II*\0", "a TIFF image", "upload a CSV file instead"),
    (b"MM\0*", "a TIFF image", "upload a CSV file instead"),
    (b"\x7fELF", "a program", "upload a CSV file instead"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it, or compress it with gzip, zstd, bzip2, xz or zip"),
    (b"Rar!\x1a\x07", "a RAR archive", "unpack it, or compress it with gzip, zstd, bzip2, xz or zip"),
)
_ALSO_TEXT = (b"PAR1", b"ORC")
"""A header may begin with these; the files they mark hold NUL bytes."""
_CONTROL = bytes(byte for byte in range(32) if byte not in b"\t\n\v\f\r\x1a\x1b")
_CONTROL_SHARE = 0.05
"""Text holds next to no control characters; a compressed or binary file holds 11 % of them (28 of 256 bytes)."""
_FEW_LINES = 8
"""Fewer lines don't tell by themselves: two of three may hold a stray byte, which is for their records to answer."""


def refuse_other_formats(head: bytes) -> None:
    """Raise RunFailed if ``head``, a file's first bytes, is empty, binary or text of another format."""
    if not head:
        raise RunFailed("The file is empty (0 bytes). Upload it again with its content.")
    for magic, kind, advice in _MAGIC:
        if head.startswith(magic) and (b"\0" in head or magic not in _ALSO_TEXT):
            raise RunFailed(f"The file is {kind}, not a CSV file: {advice}.")
    refuse_format(head)
    if _is_binary(head):
        refuse_unmarked_utf_16(head)
        raise RunFailed("The file is binary, not text. Upload a CSV file, plain or compressed.")


def _is_binary(head: bytes) -> bool:
    """Return whether the first line, or most lines, contain control characters; a stray one is a reject."""
    lines = [line for line in head.splitlines() if line]
    if not lines:  # blank lines alone: a file without a header, which the splitter says
        return False
    if _controls(lines[0]) > _CONTROL_SHARE * len(lines[0]):
        return True
    odd = sum(1 for line in lines if _controls(line))
    return len(lines) >= _FEW_LINES and odd > len(lines) / 2 and _controls(head) > _CONTROL_SHARE * len(head)


def _controls(text: bytes) -> int:
    return len(text) - len(text.translate(None, _CONTROL))
