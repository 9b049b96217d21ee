"""Read an open file by byte offsets and physical lines, in pieces: no line has to fit into memory."""

import os
import re
from itertools import islice

from ingest.loader.outcome.errors import RunInterrupted
from ingest.loader.source.layout.grammar import END_OF_FILE

LINE_END = re.compile(rb"[\r\n]")
"""The first byte of a line end."""
_BLANK_LINES = re.compile(rb"[\r\n]*+")
_WHOLE_LINE_END = re.compile(rb"\r\n|\r|\n")


def became_shorter() -> RunInterrupted:
    """Return the error for a file that shrank."""
    return RunInterrupted("The fetched file shrank while it was being read. The run will fetch it again.")


class PhysicalFile:
    """The open ``file``, as large as it is now, read ``piece`` bytes at a time. A line ends with LF, CRLF or CR."""

    def __init__(self, file: int, piece: int) -> None:
        self._file = file
        self.piece = piece
        self.size = os.fstat(file).st_size
        self.is_cut = bool(self.size) and os.pread(file, 1, self.size - 1) == END_OF_FILE
        """Whether the file's last byte is ctrl-Z, which is no data."""
        self.size -= self.is_cut

    def read(self, at: int, size: int) -> bytes:
        """Return up to ``size`` bytes from byte ``at``; raises RunInterrupted if the file has become shorter."""
        data = os.pread(self._file, min(size, max(self.size - at, 0)), at)
        if not data and size and at < self.size:
            raise became_shorter()
        return data

    def next_line_end(self, at: int) -> int:
        """Return the first byte from ``at`` on that begins a line end; the file's size if there is none."""
        while at < self.size:
            data = self.read(at, self.piece)
            match = LINE_END.search(data)
            if match:
                return at + match.start()
            at += len(data)
        return self.size

    def behind_line_end(self, at: int) -> int:
        """Return the byte after the line end that begins at byte ``at``; ``at`` itself at the end of the file."""
        if at >= self.size:
            return at
        return at + (2 if self.read(at, 2) == b"\r\n" else 1)

    def line(self, at: int, longest: int) -> bytes:
        """Return the line that starts at byte ``at``, without its end; at most ``longest`` bytes and one more."""
        size, enough = self.piece, min(longest + 1, self.size - at)
        while True:
            data = self.read(at, min(size, enough))
            match = LINE_END.search(data)
            if match or len(data) >= enough:
                return data[: match.start()] if match else data
            size *= 2

    def skip_lines(self, at: int, lines: int) -> tuple[int, int]:
        """Return the byte after ``lines`` lines from byte ``at``, and how many there were before the file's end."""
        skipped = 0
        while skipped < lines and at < self.size:
            data = self.read(at, self.piece)
            ends = [end.end() for end in islice(_WHOLE_LINE_END.finditer(data), lines - skipped)]
            if ends and ends[-1] == len(data) and data.endswith(b"\r"):
                ends.pop()  # LF may follow
            if ends:
                at, skipped = at + ends[-1], skipped + len(ends)
            else:
                at, skipped = self.behind_line_end(self.next_line_end(at)), skipped + 1
        return at, skipped

    def skip_blank_lines(self, at: int) -> tuple[int, int]:
        """Return the byte after the blank lines from byte ``at`` on, and how many they are."""
        start = at
        while at < self.size:
            data = self.read(at, self.piece)
            blank = _BLANK_LINES.match(data).end()  # type: ignore[union-attr]  # any bytes begin with none
            at += blank
            if blank < len(data):
                break
        return at, self.count_lines(start, at)

    def count_lines(self, at: int, stop: int) -> int:
        """Return how many line ends there are between two bytes."""
        lines, before = 0, b""
        while at < stop:
            data = self.read(at, min(self.piece, stop - at))
            lines += data.count(b"\n") + data.count(b"\r") - (before + data).count(b"\r\n")
            before = data[-1:]
            at += len(data)
        return lines
