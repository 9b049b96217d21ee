"""Rejected records, each with its reason; none is lost (file-rules#rejects)."""

import heapq
import re
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingest.loader.outcome.reject_codes import Code, as_clause

STORED = 10_000
"""How many rejects of a run are stored at most; the counts stay exact beyond that."""

STORED_BYTES = 64 << 20
"""How many bytes of their records are stored at most."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reject:
    """One rejected record."""

    line: int
    """The physical line of the file, from 1, on which the record starts."""
    code: Code
    reason: str
    """A sentence for the operator."""
    raw: bytes
    """The whole record as it is in the file, without its line end."""
    column: str = ""
    value: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """The cause that all rejects of a run have: code and column, and the sentence where that is the same too."""

    code: Code
    column: str
    reason: str
    """Empty where the rejects' own sentences differ."""


def _shared(so_far: Shared | None, reject: Reject) -> Shared | None:
    if so_far is None:
        return Shared(code=reject.code, column=reject.column, reason=reject.reason)
    if (reject.code, reject.column) != (so_far.code, so_far.column):
        return None
    return so_far if reject.reason == so_far.reason else replace(so_far, reason="")


@dataclass
class RejectCollector:
    """Counts every reject by code, keeps the first ``STORED`` of them in memory and spills the others to a file."""

    beyond: Path | None = None
    """The file for rejects that aren't kept in memory; if None, they are only counted."""
    kept: list[Reject] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    size: int = 0
    """Bytes of the records in ``kept``."""
    shared: "Shared | None" = None
    """What all rejects have in common; None where they differ, or there are none."""
    _laid: "_SpillFile | None" = None

    def add(self, reject: Reject) -> None:
        """Add one reject."""
        self.shared = _shared(self.shared, reject) if self.shared or not self.counts else None
        self.counts[reject.code] += 1
        if len(self.kept) < STORED and self.size + len(reject.raw) <= STORED_BYTES:
            self.kept.append(reject)
            self.size += len(reject.raw)
        elif self.beyond is not None:
            self._laid = self._laid or _SpillFile(self.beyond)
            self._laid.add(reject)

    def __len__(self) -> int:
        return self.counts.total()

    def __iter__(self) -> Iterator[Reject]:
        """Yield the rejects in memory, by line."""
        return iter(sorted(self.kept, key=lambda reject: reject.line))

    def whole(self) -> Iterator[Reject]:
        """Yield all rejects, in memory and spilled, by line; one of each section is in memory at a time."""
        laid = self._laid.sections() if self._laid else []
        return heapq.merge(self, *laid, key=lambda reject: reject.line)


_RECORD = re.compile(r"(?:the|The) record\b")


def causes_of(book: RejectCollector, subject: str = "each") -> str:
    """Return why records were rejected: the cause in words if all have one, ``subject`` doing it; and how many each."""
    shared = book.shared
    counted = ", ".join(f"{count:,} {code}" for code, count in book.counts.most_common())
    if shared is None:
        return counted
    if shared.code.summary:
        return f"{counted}, {shared.code.summary.format(column=shared.column)}"
    if not _RECORD.match(shared.reason):
        return counted
    return f"{counted}: {_RECORD.sub(subject, as_clause(shared.reason), count=1)}"


_FORM = struct.Struct("<q5I")
"""Of one that is spilled: its line, and the bytes of its code, reason, column, value and record after it."""
_PENDING = 1 << 20  # bytes gathered before they are written


class _SpillFile:
    """Rejects in a file: sections that each go by ascending lines, since the causes are looked for one by one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._path.write_bytes(b"")
        self._pending = bytearray()
        self._size = 0
        self._starts: list[int] = []
        self._last = 0

    def add(self, reject: Reject) -> None:
        texts = (str(reject.code), reject.reason, reject.column, reject.value)
        parts = [*(text.encode(errors="surrogatepass") for text in texts), reject.raw]
        if reject.line < self._last or not self._starts:
            self._starts.append(self._size)
        self._last = reject.line
        before = len(self._pending)
        self._pending += _FORM.pack(reject.line, *map(len, parts)) + b"".join(parts)
        self._size += len(self._pending) - before
        if len(self._pending) > _PENDING:
            self._write()

    def sections(self) -> list[Iterator[Reject]]:
        self._write()
        return [
            self._read(start, end) for start, end in zip(self._starts, [*self._starts[1:], self._size], strict=True)
        ]

    def _write(self) -> None:
        with self._path.open("ab") as file:
            file.write(self._pending)
        self._pending.clear()

    def _read(self, start: int, end: int) -> Iterator[Reject]:
        with self._path.open("rb") as file:
            file.seek(start)
            while file.tell() < end:
                line, *sizes = _FORM.unpack(file.read(_FORM.size))
                *encoded, raw = (file.read(size) for size in sizes)
                code, reason, column, value = (text.decode(errors="surrogatepass") for text in encoded)
                yield Reject(line=line, code=Code(code), reason=reason, raw=raw, column=column, value=value)
