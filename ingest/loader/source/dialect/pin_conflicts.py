"""Refuse files that don't match the dataset's pinned settings, before every record is read wrongly."""

from dataclasses import replace
from pathlib import Path

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.dialect.candidate import Pins, Reading
from ingest.loader.source.dialect.ranking import NAMES, Verdict, rank_readings
from ingest.loader.source.layout.sample import DELIMITERS, count_lines, skip_lines

_WIDE = ("utf-16", "utf-32")
_SEEN = 1 << 16
_DO = "Change or clear that setting of the dataset."


def refuse_pin_conflict(text: bytes, pins: Pins, verdict: Verdict, *, whole: bool) -> None:
    """Raise RunFailed if ``text``, a file's head, can't be meant to be read as ``pins`` say, which gave ``verdict``.

    ``whole``: it is all that the file has.
    """
    header = verdict.records[0] if verdict.records else ()
    if header and pins.expected.is_known(header):
        return
    if pins.lines and not skip_lines(text, pins.lines).strip():
        raise RunFailed(_too_many(text, pins.lines, whole=whole))
    if not header:
        return
    _refuse_delimiter(text, pins, header)
    _refuse_unknown_header(text, pins, verdict.best, whole=whole)


def _too_many(text: bytes, pinned: int, *, whole: bool) -> str:
    count = count_lines(text) + (whole and not text.endswith((b"\r", b"\n")))
    where = "the file has only" if whole else f"the header has to be in its first {len(text):,} bytes, which have"
    are = "is" if pinned == 1 else "are"
    return f"{_lines(pinned)} above the header {are} pinned, but {where} {_lines(count)}. {_DO}"


def _refuse_delimiter(text: bytes, pins: Pins, header: tuple[bytes, ...]) -> None:
    """Where no line has it, and the first record has another; a new table without a header may have any cells."""
    is_new = not (pins.expected.known or pins.expected.nameless)
    if pins.delimiter is None or len(header) > 1 or pins.delimiter.encode() in text:
        return
    if pins.expected.has_header is False and is_new:
        return
    other = max(DELIMITERS, key=lambda mark: header[0].count(mark.encode()))
    if other.encode() in header[0]:
        raise RunFailed(
            f"The {_name(pins.delimiter)} is pinned as the delimiter, but the file has none; its first record has the "
            f"{_name(other)}. {_DO}"
        )


def _refuse_unknown_header(text: bytes, pins: Pins, read: Reading, *, whole: bool) -> None:
    """Where the file has the header that its dataset knows, if only it is read otherwise."""
    if not pins.expected.known or (pins.delimiter, pins.quotes, pins.escape, pins.lines) == (None,) * 4:
        return
    free = Pins(expected=replace(pins.expected, has_header=None, settled=False, quoted=False))
    unpinned = rank_readings(text, free, whole=whole)
    if unpinned.records and pins.expected.is_known(unpinned.records[0]):
        wrong = _differences(pins, read, unpinned.best)
        if wrong:
            raise RunFailed(
                "With the pinned settings, the file lacks the header that its dataset knows; it has it with "
                f"{wrong}. {_DO}"
            )


def _differences(pins: Pins, pinned: Reading, free: Reading) -> str:
    differences = []
    if pins.delimiter is not None and pinned.delimiter != free.delimiter:
        differences.append(f"the delimiter {_name(free.delimiter)} instead of {_name(pinned.delimiter)}")
    if pins.quotes is not None and pinned.quote != free.quote:
        differences.append(f"the quote {free.quote or 'none'} instead of {pinned.quote or 'none'}")
    if pins.lines is not None and pinned.lines != free.lines:
        differences.append(f"{_lines(free.lines)} above it instead of {pinned.lines:,}")
    return " and ".join(differences)


def refuse_wide_encoding(path: Path, encoding: str, pinned: str | None) -> None:
    """Raise RunFailed if UTF-16 or UTF-32 is pinned, and the file at ``path`` has no byte of zeros, as these have."""
    if pinned is None or not encoding.startswith(_WIDE):
        return
    with path.open("rb") as file:
        head = file.read(_SEEN)
    if head and b"\0" not in head:
        raise RunFailed(f"The encoding {pinned} is pinned, but the file is in another one. {_DO}")


def _name(delimiter: str) -> str:
    return NAMES.get(delimiter, delimiter)


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count:,} lines"
