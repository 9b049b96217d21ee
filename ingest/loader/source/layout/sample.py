"""The first lines of a file, and its first records as one grammar reads them."""

import re
from collections import Counter
from dataclasses import dataclass, replace

from ingest.loader.source.layout.grammar import Grammar
from ingest.loader.types.types import SPACES

DELIMITERS = ",;\t|"
_RECORDS, _MALFORMED = 500, 50
"""Records that are examined, and malformed ones after which a reading is given up: each may cost the whole head."""
_LINE = re.compile(rb"([^\r\n]*+)(\r\n|\r|\n|\Z)")
_WRAPPED = re.compile(rb' *"(?:[^"]++|"")*+" *')
_BLANK = SPACES.encode()
SEPARATOR = re.compile(rb'"?sep=([^\w\s"\\]|\t|)"?(?:\1*|[,;\t|]*)', re.IGNORECASE)
"""Excel's first line, ``sep=;``; saved again, it is a row of the table: ``"sep=;";;``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """The first records of a file as one grammar reads them, blank lines left out."""

    grammar: Grammar
    records: tuple[tuple[bytes, ...], ...]
    """The cells of each; none where a line is malformed."""
    starts: tuple[int, ...]
    """The byte at which each starts."""
    ends: tuple[int, ...]
    """The byte at which each ends, its line end left out."""
    text: bytes
    """What was cut."""
    swallowing: tuple[int, ...] = ()
    """The records that go over several lines."""

    @property
    def width(self) -> int:
        """The number of cells that most records have; of several the largest."""
        counts = Counter(len(record) for record in self.records if record)
        return max(counts, key=lambda width: (counts[width], width)) if counts else 0

    def raw(self, record: int) -> bytes:
        """Return the bytes of a record, without its line end."""
        return self.text[self.starts[record] : self.ends[record]]

    def lines(self, first: int, stop: int) -> list[tuple[bytes, ...]]:
        """Return records from ``first`` to before ``stop``, each as one cell."""
        return [(self.raw(record),) for record in range(first, min(stop, len(self.records)))]

    def part(self, first: int, stop: int) -> "Sample":
        """Return the records from ``first`` to before ``stop``."""
        return replace(
            self,
            records=self.records[first:stop],
            starts=self.starts[first:stop],
            ends=self.ends[first:stop],
            swallowing=tuple(record - first for record in self.swallowing if first <= record < stop),
        )

    @property
    def is_odd(self) -> bool:
        """Whether a record is malformed or goes over several lines: perhaps its quotes are none."""
        return bool(self.swallowing) or () in self.records

    @property
    def is_spaced(self) -> bool:
        """Whether every cell but the first of each record begins with a space."""
        mark = self.grammar.delimiter + b" "
        if mark == b"  " or mark not in self.text:
            return False
        cells = [(number, len(record)) for number, record in enumerate(self.records) if len(record) > 1]
        return bool(cells) and all(self.raw(number).count(mark) >= width - 1 for number, width in cells)


def sample(text: bytes, grammar: Grammar, *, whole: bool) -> Sample:
    """Return the first records of ``text``; the last one is left out unless ``text`` is the ``whole`` file."""
    records: list[tuple[bytes, ...]] = []
    starts: list[int] = []
    ends: list[int] = []
    swallowing: list[int] = []
    delimiter, quote, blank = grammar.delimiter, grammar.quote, grammar.delimiter + _BLANK
    at = malformed = 0
    while at < len(text) and len(records) < _RECORDS and malformed < _MALFORMED:
        line = _LINE.match(text, at)
        end, next_offset = (line.end(1), line.end()) if line else (len(text), len(text))
        raw = text[at:end]
        if not raw.strip(blank):
            at = next_offset
            continue
        if quote and quote in raw:
            match = grammar.record.match(text, at)
            stop = match.end() if match else at
            if stop < len(text) and text[stop] not in b"\r\n":
                malformed += 1
                cells: tuple[bytes, ...] = ()
            else:
                if stop > end:
                    swallowing.append(len(records))
                    end, next_offset = stop, _behind_line(text, stop)
                cells = tuple(grammar.cells(text[at:end]))
        else:
            cells = tuple(raw.split(delimiter))
        records.append(cells)
        starts.append(at)
        ends.append(end)
        at = next_offset
    if not whole and at >= len(text) and len(records) > 1:
        records.pop()
        swallowing = [record for record in swallowing if record < len(records)]
    return Sample(
        grammar=grammar,
        records=tuple(records),
        starts=tuple(starts[: len(records)]),
        ends=tuple(ends[: len(records)]),
        text=text,
        swallowing=tuple(swallowing),
    )


def swallowed(raw: bytes, grammar: Grammar, width: int) -> list[list[bytes]]:
    """Return the lines of a multiline record as records without quotes; none if a line can't be one."""
    first, *rest = re.split(rb"\r\n|\r|\n", raw)
    delimiter = grammar.delimiter
    if not rest or any(line.count(delimiter) != width - 1 for line in (first, *rest)):
        return []
    return [[cell.strip(_BLANK + grammar.quote) for cell in line.split(delimiter)] for line in rest]


def unwrapped(text: bytes, *, whole: bool) -> bytes:
    """Return ``text`` without the quotes around whole lines; empty unless all lines have them and a delimiter."""
    lines = [line for line in text.splitlines() if line.strip(_BLANK)]
    lines = (lines if whole else lines[:-1])[:_RECORDS]
    if len(lines) < 2 or not all(_WRAPPED.fullmatch(line) for line in lines):
        return b""
    if not all(any(mark in line for mark in (b",", b";", b"\t", b"|")) for line in lines):
        return b""
    return b"".join(unwrap(line) + b"\n" for line in lines)


def unwrap(line: bytes) -> bytes:
    """Return a line without the quotes around it, if it is quoted as a whole."""
    return line.strip()[1:-1].replace(b'""', b'"') if _WRAPPED.fullmatch(line) else line


def count_top(text: bytes, *, comments: bool) -> tuple[int, str]:
    """Return how many lines, blank or comments, stand before the table, and the delimiter that one of them names.

    A comment begins with ``#``. Excel's ``sep=;`` is a line of its own before the header, also as it saves it again.
    """
    lines, at, delimiter = 0, 0, ""
    while at < len(text):
        raw = text[at : _line_end(text, at)]
        line = raw.strip(_BLANK)
        named = None if delimiter else SEPARATOR.fullmatch(raw.strip(b" "))
        if named:
            delimiter = (named[1] or b"\t").decode()
        elif line and not (comments and line.startswith(b"#")):
            return lines, delimiter
        lines, at = lines + 1, _behind_line(text, at)
    return 0, ""


def skip_lines(text: bytes, lines: int) -> bytes:
    """Return ``text`` without its first lines."""
    at = 0
    while lines > 0 and at < len(text):
        at, lines = _behind_line(text, at), lines - 1
    return text[at:]


def first_lines(text: bytes, lines: int) -> list[bytes]:
    """Return the first lines of ``text``, with their ends."""
    lines_read, at = [], 0
    for _ in range(lines):
        next_offset = _behind_line(text, at)
        lines_read.append(text[at:next_offset])
        at = next_offset
    return lines_read


def count_lines(text: bytes) -> int:
    """Return how many lines end in ``text``."""
    return len(re.findall(rb"\r\n|\r|\n", text))


def _line_end(text: bytes, at: int) -> int:
    line = _LINE.match(text, at)
    return line.end(1) if line else len(text)


def _behind_line(text: bytes, at: int) -> int:
    line = _LINE.match(text, at)
    return line.end() if line else len(text)
