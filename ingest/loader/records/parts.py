"""Feed a long file to DuckDB in parts, each a pipe that it reads as a file."""

import fcntl
import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from ingest.loader.records.physical_lines import became_shorter

PART = 32 << 20
"""Bytes of a part, at least.

DuckDB's reader keeps every value with a doubled quote in memory until its file ends, and every buffer of the file for
as long as its memory limit allows: 40 million such values (995 MB) came to nothing with 512 MiB. In parts of 64 MiB
they took 164 MiB in all, and 10 million other records (1.1 GB) 128 instead of 299, at a tenth of the reader's time."""

_MOST = 100
"""Parts of a file: a process has about a thousand files to open, and a pipe takes two."""
_PIPE = 1 << 20
"""Bytes that a pipe holds while it is fed: the most that Linux allows everybody."""


class Feed:
    """The parts of ``path`` on their way: a thread fills one pipe after the other, to be read once in their order.

    Every part begins with the bytes before ``offset``, the header, and then has the records from one of ``cuts``
    (``offset`` is the first) to the next.
    """

    def __init__(self, path: Path, offset: int, cuts: Sequence[int]) -> None:
        every = -(-(len(cuts) + 1) // _MOST)
        self._offset = offset
        self._ranges = list(pairwise([offset, *cuts[every - 1 :: every], path.stat().st_size]))
        self._pipes = [os.pipe() for _ in self._ranges]
        self._source = os.open(path, os.O_RDONLY)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._feed, name="feed")
        self._thread.start()

    @property
    def paths(self) -> list[str]:
        """What to open, in this order."""
        return [f"/dev/fd/{reading}" for reading, _ in self._pipes]

    def _feed(self) -> None:
        left = [writing for _, writing in self._pipes]
        try:
            for start, end in self._ranges:
                _widen(left[0])
                self._send(left[0], 0, self._offset)
                self._send(left[0], start, end)
                os.close(left.pop(0))
        except BrokenPipeError:  # no one reads on
            pass
        except BaseException as error:
            self._error = error
        finally:
            for writing in left:
                os.close(writing)

    def _send(self, pipe: int, at: int, end: int) -> None:
        while at < end:
            sent = _send_some(pipe, self._source, at, min(end - at, _PIPE))
            if not sent:
                raise became_shorter()
            at += sent

    def close(self) -> None:
        """End the feed, however much was read of it. Raises the error that stopped it."""
        for reading, _ in self._pipes:
            os.close(reading)
        self._thread.join()
        os.close(self._source)
        if self._error is not None:
            raise self._error


def _send_some(pipe: int, source: int, at: int, size: int) -> int:
    """Without a copy through Python where the system can: that takes up to a quarter longer, and Python's lock."""
    try:
        return os.sendfile(pipe, source, at, size)
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
    return os.write(pipe, os.pread(source, size, at))


def _widen(pipe: int) -> None:
    with suppress(OSError, AttributeError):  # a user's share may be taken; not every system has the call
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
