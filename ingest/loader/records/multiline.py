"""Follow a record whose quotes are still open at the end of its first line, in bounded memory."""

from dataclasses import dataclass
from enum import Enum, auto

from ingest.loader.records.physical_lines import PhysicalFile
from ingest.loader.source.layout.grammar import Grammar

_GLANCE = 1 << 12
"""Bytes read at first: most quotes that go over a line end close on one of the next lines."""


class Ending(Enum):
    """How a record ends."""

    WELL = auto()
    """At a line end, or at the end of the file."""
    TEXT = auto()
    """Not at all: text follows a closing quote."""
    OPEN = auto()
    """Not at all: a quote doesn't end before the file does, or within the longest record allowed."""
    TOO_LONG = auto()
    """Outside quotes, beyond the longest record allowed."""


@dataclass(slots=True)
class _QuotedSpan:
    """A way through the file that is inside quotes at every line end from ``first`` on, up to ``until``."""

    first: int = 0
    until: int = 0
    resume: int = 0
    ending: Ending = Ending.OPEN
    for_good: bool = True
    """Whether the way ends at ``until`` for everyone, not only for a record that began so far before it."""


class QuotedLookahead:
    """Follows quotes over line ends, through the file.

    A record that is rejected for its quotes gives back all but its first line, so every line of a hostile file could
    ask for the whole longest record to be read. It can't: at a line end whoever hasn't ended is inside quotes, so all
    ways that reach the same line end are one way from there. One is remembered, and no byte is followed twice.
    """

    def __init__(self, file: PhysicalFile, grammar: Grammar, *, longest: int) -> None:
        self._file = file
        self._grammar = grammar
        self._longest = longest
        self._known = _QuotedSpan()

    def follow(self, start: int, line_end: int, seen: bytes = b"", seen_at: int = 0) -> tuple[Ending, int]:
        """Follow the record that starts at byte ``start`` and is inside quotes at ``line_end``, its first.

        ``seen`` are bytes of the file that are at hand, from byte ``seen_at`` on. Returns how the record ends, and
        where: its last byte + 1 if WELL, else nothing of use.
        """
        limit = min(start + self._longest, self._file.size)
        known = self._known
        if known.first <= line_end < known.until <= limit:
            if known.for_good:
                return known.ending, 0
        else:  # the one object is used again and again: making another for each line of a hostile file takes 1 µs
            known.first = known.resume = line_end
            known.until, known.for_good = 0, True
            if seen_at <= line_end < seen_at + len(seen):
                ending, end = self._glance(line_end, seen, seen_at, limit)
                if ending is not None:
                    return ending, end
        at, step = known.resume, min(_GLANCE, self._file.piece)
        while True:
            if not seen_at <= at < seen_at + len(seen):
                seen, seen_at = self._file.read(at, min(step, limit - at)), at
            stop = min(len(seen), limit - seen_at)
            inside = self._grammar.journey.match(seen, at - seen_at, stop).end()  # type: ignore[union-attr]
            if inside < stop and seen[inside : inside + 1] == self._grammar.quote:
                ending, end = self._finish(seen, seen_at, inside, stop, limit)
                if ending is not None:
                    if ending is Ending.TEXT:
                        self._known = _QuotedSpan(first=known.first, until=end, ending=ending)
                    return ending, end
            elif seen_at + stop >= limit:
                at_end = limit == self._file.size
                until = limit if at_end else seen_at + inside
                self._known = _QuotedSpan(first=known.first, until=until, resume=seen_at + inside, for_good=at_end)
                return Ending.OPEN, 0
            stuck = seen_at + inside == at
            at, step, seen = seen_at + inside, 2 * step if stuck else min(2 * step, self._file.piece), b""

    def _glance(self, line_end: int, seen: bytes, seen_at: int, limit: int) -> tuple[Ending | None, int]:
        """Return how the record ends, if that shows in ``seen``; None if it doesn't."""
        stop = min(len(seen), limit - seen_at)
        inside = self._grammar.journey.match(seen, line_end - seen_at, stop).end()  # type: ignore[union-attr]
        if seen[inside : inside + 1] != self._grammar.quote or inside >= stop:
            return None, 0
        end = self._grammar.finish.match(seen, inside, stop).end()  # type: ignore[union-attr]
        if end >= stop:
            return None, 0
        if seen[end] in b"\r\n":
            return Ending.WELL, seen_at + end
        self._known.until, self._known.ending = seen_at + end, Ending.TEXT
        return Ending.TEXT, seen_at + end

    def _finish(self, seen: bytes, seen_at: int, closing: int, stop: int, limit: int) -> tuple[Ending | None, int]:
        """Return what follows the closing quote at ``seen[closing]``; None if that can't be seen yet."""
        end = self._grammar.finish.match(seen, closing, stop).end()  # type: ignore[union-attr]
        if end < stop:
            return (Ending.WELL if seen[end] in b"\r\n" else Ending.TEXT), seen_at + end
        if seen_at + end < limit:
            return None, 0
        if limit == self._file.size or self._file.read(limit, 1) in (b"\r", b"\n"):
            return Ending.WELL, limit
        return Ending.TOO_LONG, 0
