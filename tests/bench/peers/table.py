"""What was measured as one aligned table, and below it each peer in words."""

import textwrap
from collections.abc import Iterator, Sequence

from tests.bench.peers.known import OURS
from tests.bench.peers.measure import Lap, Measured

_HEADINGS = ("peer", "version", "round", "rows", "s", "rows/s", "ours s", "x ours", "peak MiB", "")
_LEFT = (0, 1, 2, 9)
_WIDTH = 120


def table(measured: Sequence[Measured]) -> str:
    """Two lines a peer: the first load, and the same ids again."""
    lines = [_HEADINGS]
    for each in measured:
        lines.append(_line(each, "first", each.first, each.ours_first))
        lines.append(_line(each, "again", each.again, each.ours_again))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at in _LEFT else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def _line(each: Measured, when: str, lap: Lap, ours: Lap) -> tuple[str, ...]:
    took = lap.ended
    beside = each.peer is not OURS
    return (
        each.peer.name,
        each.version,
        when,
        f"{each.rows:,}",
        f"{took.seconds:.2f}",
        f"{each.rows / took.seconds:,.0f}" if lap.loaded else "-",
        f"{ours.ended.seconds:.2f}" if beside else "",
        f"{took.seconds / ours.ended.seconds:.1f}" if beside and lap.loaded else "-" if beside else "",
        f"{took.peak / 2**20:,.0f}" if took.peak else "?",
        "" if lap.loaded else _what_happened(lap),
    )


def _what_happened(lap: Lap) -> str:
    after = f"{lap.rows:,} rows, {lap.changed:,} changed"
    if lap.ended.code is None:
        return f"stopped at the time limit: {after}"
    if lap.ended.code:
        said = [line.strip() for line in lap.ended.said.splitlines() if line.strip()]
        return f"failed, {after}: {said[-1][:100] if said else f'code {lap.ended.code}'}"
    return f"ended well with {after}"


def words(measured: Sequence[Measured]) -> str:
    """What each peer does with a file that is there already, with a bad row, and what it says of it."""
    return "\n\n".join("\n".join(_told(each)) for each in measured)


def _told(each: Measured) -> Iterator[str]:
    peer = each.peer
    yield f"{peer.name} {'' if peer is OURS else each.version}".rstrip()
    seen = f"({each.kept} rows in the table after 100, then 50 of them again.)"
    rejected = f"({each.bad} rows in the table after 100, then 100 others with one bad.)"
    yield _wrapped("same ids again", f"{peer.words.again} {seen}")
    yield _wrapped("counts", peer.words.says)
    yield _wrapped("bad rows", f"{peer.words.bad} {rejected}")
    yield _wrapped("undo", peer.words.undo)


def _wrapped(name: str, text: str) -> str:
    return textwrap.fill(text, _WIDTH, initial_indent=f"  {name:<16}", subsequent_indent=" " * 18)
