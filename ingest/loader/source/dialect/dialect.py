"""The dialect of a file (delimiter, quotes, header, lines above it), detected from the file's head."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.source.dialect.candidate import Pins, Reading
from ingest.loader.source.dialect.own_files import our_delimiter
from ingest.loader.source.dialect.pin_conflicts import refuse_pin_conflict
from ingest.loader.source.dialect.ranking import allowed, known_headers, rank_readings
from ingest.loader.source.encoding.transcode import UTF_8
from ingest.loader.source.identifiers import visible
from ingest.loader.source.layout.grammar import BOM, COLUMNS, END_OF_FILE, Grammar, grammar_of, without_marks
from ingest.loader.source.layout.header_detection import uncommented
from ingest.loader.source.layout.sample import first_lines
from ingest.loader.source.layout.sample_table import KnownLayout
from ingest.loader.source.not_csv import refuse_other_formats
from ingest.loader.source.text_formats import refuse_plain_text

HEAD = 1 << 18
"""So many bytes of a file are enough for a proposal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """What must be known to cut a file into records and cells (file-rules#dialect)."""

    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    encoding: str = "utf-8"
    preamble: int = 0
    """Physical lines before the header: comments and blank lines."""
    has_header: bool = True
    commented: bool = False
    """Whether the header is a comment, ``#id,name``: its mark is no part of it."""
    below: int = 0
    """Physical lines between a commented header and the first record: comments and blank lines."""
    trailing: int = 0
    """Blank cells that records may have after those of the header: a delimiter at the end makes no column."""
    row_names: bool = False
    """Whether each record begins with a cell for which the header has no name, as R writes it."""
    unnamed: bool = False
    """Whether each record ends with a cell that the header has no name for."""
    spaced: bool = False
    """Whether a space after each delimiter belongs to it."""
    wrapped: bool = False
    """Whether each line stands in quotes as a whole, and is read without them."""
    above: int = 0
    """Lines of the table's width above the header, with more than one value each."""
    end: int = 0
    """The physical line that is the table's last, where other lines follow that are left out; 0: the file's last."""

    @property
    def grammar(self) -> Grammar:
        """How its records are cut."""
        return grammar_of(self.delimiter, self.quote, self.escape, self.spaced)

    def header_of(self, record: bytes) -> tuple[str, ...]:
        """Return the header's cells, if ``record`` is it."""
        cells = self.grammar.cells(record)
        if self.commented:
            cells = uncommented(record, self.grammar) or cells
        named = tuple(cell.decode("utf-8", "replace") for cell in cells)
        if self.row_names:
            return ("", *named)
        if self.unnamed:
            return (*named, "")
        surplus = 0
        while surplus < min(self.trailing, len(named) - 1) and not visible(named[-1 - surplus]).strip():
            surplus += 1
        return named[: len(named) - surplus]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pinned:
    """What an operator has settled about a dataset's files; None is found out from each file."""

    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    encoding: str | None = None
    preamble: int | None = None
    has_header: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Examined:
    """What a file's head says about how it is written."""

    dialects: tuple[Dialect, ...]
    """The likeliest, and those that come next and would give other cells."""
    margin: float
    """How far the first is before the second, 0 to 1."""
    doubt: str
    """Why it isn't clear, in a sentence; empty where it is."""
    at: int
    """The record at which that shows."""
    is_settled: bool
    """Whether it is certain how its quotes are read: that is pinned, or we wrote the file."""
    has_known_header: bool = False
    """Whether its header is the one that the dataset knows."""

    @property
    def dialect(self) -> Dialect:
        """The likeliest."""
        return self.dialects[0]


def propose(
    head: bytes,
    *,
    pinned: Pinned | None = None,
    known: Collection[str] = (),
    null_tokens: Collection[str] = (),
    encoding: str | None = None,
    name: str = "",
    cut: bool = False,
) -> Dialect:
    """Return how the file that begins with ``head`` is most likely written: the best of ``examine``'s readings."""
    examined = examine(head, pinned=pinned, known=known, null_tokens=null_tokens, encoding=encoding, name=name, cut=cut)
    return examined.dialect


def examine(
    head: bytes,
    *,
    pinned: Pinned | None = None,
    known: Collection[str] = (),
    null_tokens: Collection[str] = (),
    encoding: str | None = None,
    name: str = "",
    above: int = 0,
    whole: bool | None = None,
    cut: bool = False,
) -> Examined:
    """Return how the file that begins with ``head`` may be written.

    ``head`` has ``HEAD`` bytes, or is the ``whole`` file; ``cut``: it ends within the file's first line.

    ``head`` is UTF-8, whatever ``encoding`` it came in; where that is None it wasn't found out, and is looked at here.
    ``known`` are the headers that the dataset has met, ``null_tokens`` its words for NULL, and ``above`` the lines of
    the table's width that stood above the header of the file before; ``name`` is the file's, with its extension. Raises
    RunFailed for an empty file, a binary one, text of another format, and one that isn't UTF-8.
    """
    pinned = _checked(pinned or Pinned())
    refuse_other_formats(head)
    if encoding is None and not head.startswith(BOM):  # a mark settles the encoding, as having found it out does
        _check_encoding(head)
    text = without_marks(head)
    whole = len(head) < HEAD if whole is None else whole
    whole = whole and not cut
    if whole:
        text = text.removesuffix(END_OF_FILE)
    if ours := our_delimiter(text):  # what is pinned is how the dataset's other files are written
        pinned = Pinned(delimiter=ours, quote='"', escape='"', encoding=pinned.encoding, preamble=0, has_header=True)
    pins = _pins(pinned, known, null_tokens, above)
    verdict = rank_readings(text, pins, whole=whole)
    refuse_pin_conflict(text, pins, verdict, whole=whole)
    if whole or cut or verdict.header_ends:  # else the splitter counts a header of which this is a part
        refuse_too_wide(verdict.width, cut=cut)
    if pinned.delimiter is None:
        refuse_plain_text(name, verdict.records, verdict.best.delimiter, known)
    dialects = [_dialect(reading, encoding or UTF_8) for reading in verdict.readings]
    first = verdict.records[0] if verdict.records else ()
    is_known = pins.expected.is_known(first) if first else False
    if pinned.has_header is False and len(first) > 1 and is_known:
        dialects[0] = replace(dialects[0], has_header=True)  # an export names the columns of any dataset
    return Examined(
        dialects=tuple(dialects),
        margin=verdict.margin,
        doubt=verdict.doubt,
        at=verdict.at,
        is_settled=pinned.quote is not None,
        has_known_header=is_known and dialects[0].has_header,
    )


def _pins(pinned: Pinned, known: Collection[str], null_tokens: Collection[str], above: int) -> Pins:
    met, nameless = known_headers(known)
    expected = KnownLayout(
        known=met,
        nameless=nameless,
        null_tokens=null_tokens,
        has_header=pinned.has_header,
        settled=pinned.preamble is not None,
        quoted=pinned.quote is not None,
        above=above,
    )
    quotes = None if pinned.quote is None else (pinned.quote, pinned.escape or pinned.quote)
    return Pins(
        delimiter=pinned.delimiter, quotes=quotes, escape=pinned.escape, lines=pinned.preamble, expected=expected
    )


def refuse_too_wide(columns: int, *, cut: bool = False) -> None:
    """Raise RunFailed for a header of more columns than a table holds; ``cut``: for what is seen of it."""
    if columns > COLUMNS:
        count = f"at least {columns:,}" if cut else f"{columns:,}"
        raise RunFailed(
            f"The header has {count} columns, more than the {COLUMNS:,} that a table can have. Split the file, "
            "or check its delimiter."
        )


def lines_above(head: bytes, written: Dialect) -> tuple[str, ...]:
    """Return the lines above the header of a file, and those between a commented one and the first record."""
    lines = first_lines(without_marks(head), written.preamble + (written.below + 1 if written.below else 0))
    kept = lines[: written.preamble] + lines[written.preamble + 1 :]
    return tuple(line.rstrip(b"\r\n").decode("utf-8", "replace") for line in kept)


def _dialect(reading: Reading, encoding: str) -> Dialect:
    return Dialect(
        delimiter=reading.delimiter,
        quote=reading.quote,
        escape=reading.escape or '"',
        encoding=encoding,
        preamble=reading.lines,
        has_header=reading.has_header,
        commented=reading.commented,
        below=reading.below,
        trailing=reading.trailing,
        row_names=reading.row_names,
        unnamed=reading.unnamed,
        spaced=reading.spaced,
        wrapped=reading.wrapped,
        above=reading.above,
        end=reading.end,
    )


def _checked(pinned: Pinned) -> Pinned:
    """Return ``pinned``; raises RunFailed if no file can be written that way."""
    if pinned.delimiter is not None and not (allowed(pinned.delimiter) or pinned.delimiter == " "):
        raise RunFailed(
            f"The dataset's delimiter {pinned.delimiter!r} is not valid. Set one ASCII character other than a "
            "letter, digit, quote or backslash."
        )
    for name, mark in (("quote", pinned.quote), ("escape", pinned.escape)):
        if mark and (
            len(mark) > 1 or not mark.isascii() or mark.isalnum() or mark in "\r\n\0 " or mark == pinned.delimiter
        ):
            raise RunFailed(f"The dataset's {name} {mark!r} is not valid. Set one ASCII character.")
    return pinned


def _check_encoding(head: bytes) -> None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise RunFailed("The file is in UTF-16. Save it as UTF-8.")
    read = head.decode(errors="ignore")
    lost = len(head) - len(read.encode())
    if lost > 3 and lost > (len(read.encode()) - len(read)) // 2:
        raise RunFailed("The file is text, but not in UTF-8. Save it as UTF-8.")
