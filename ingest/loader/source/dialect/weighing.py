"""Evaluate one way to split a file's head: where its table begins and ends, its score, and any doubt."""

from dataclasses import replace

from ingest.loader.source.dialect.candidate import Pins, Reading, ScoredReading
from ingest.loader.source.dialect.comment_headers import commented, commented_perhaps, is_marked, with_comment
from ingest.loader.source.dialect.scoring import lifted, score
from ingest.loader.source.dialect.swallowed_lines import swallows
from ingest.loader.source.layout.candidates import layouts
from ingest.loader.source.layout.grammar import Grammar
from ingest.loader.source.layout.layout import Layout
from ingest.loader.source.layout.sample import count_lines, sample
from ingest.loader.source.layout.sample_table import Table, count_wide
from ingest.loader.source.layout.stacked_tables import Stacked, stacked

_STEP = 0.001


def score_reading(
    text: bytes, below: bytes, top: int, grammar: Grammar, pins: Pins, *, whole: bool
) -> list[ScoredReading]:
    """Return the readings by one grammar: more than one where it isn't clear where the table begins, or ends."""
    table = Table(sample(below, grammar, whole=whole), pins.expected)
    possible = layouts(table)
    head = commented(text, top, table, possible[0], pins) if pins.lines is None else None
    if head is not None:
        return [with_comment(text, top, head, table, possible[0], pins)]
    if (other := commented_perhaps(text, top, table, possible[0], pins)) is not None:
        doubt = f"The comment on line {other + 1:,} has as many cells as the table: it may be its header."
        possible = [replace(layout, doubt=layout.doubt or doubt) for layout in possible]
    readings = _ranked(below, top, table, possible)
    if other is not None:
        commented_reading = with_comment(text, top, other, table, possible[0], pins)
        least = readings[-1].reading.score - _STEP
        readings.append(
            replace(
                commented_reading,
                reading=replace(
                    commented_reading.reading, score=min(commented_reading.reading.score, least), commented=True
                ),
            )
        )
    elif not possible[0].doubt and (second := stacked(table, possible[0].first, whole=whole)):
        return _apart(below, top, table, second, readings[0])
    return readings


def _ranked(below: bytes, top: int, table: Table, possible: list[Layout]) -> list[ScoredReading]:
    """Return a reading for each layout, likeliest first; its score is capped by that of the one before."""
    scores = [score(table, layout) for layout in possible]
    most, readings = 2.0, []
    for layout, own in zip(possible, scores, strict=True):
        most = min(most, own)
        readings.append(_one(below, top, table, layout, most))
        most -= _STEP
    return [replace(readings[0], reading=replace(readings[0].reading, score=max(0.0, *scores))), *readings[1:]]


def _apart(below: bytes, top: int, table: Table, second: Stacked, whole: ScoredReading) -> list[ScoredReading]:
    """Return the first table alone, and the second one, or both as one; they are worth what all of it is together."""
    plain = table.sample
    first = Table(plain.part(0, second.at), table.expected)
    end = top + count_lines(below[: plain.starts[second.at]])
    doubt = second.doubt.format(line=end + 1)
    reading = _one(below, top, first, layouts(first)[0], whole.reading.score)
    reading = replace(reading, reading=replace(reading.reading, end=end), doubt=reading.doubt or doubt)
    if second.is_other:
        last = Table(plain.part(second.at, len(plain.records)), table.expected)
        other = _one(below, top, last, layouts(last)[0], whole.reading.score - _STEP)
    else:
        other = replace(whole, reading=replace(whole.reading, score=whole.reading.score - _STEP))
    return [reading, replace(other, doubt=other.doubt or doubt)]


def _one(below: bytes, top: int, table: Table, layout: Layout, score: float) -> ScoredReading:
    plain = table.sample
    lines = top + count_lines(below[: plain.starts[layout.first]]) if plain.starts else top
    head = plain.records[layout.first] if plain.records else ()
    reading = Reading(
        delimiter=plain.grammar.delimiter.decode(),
        quote=plain.grammar.quote.decode(),
        escape=plain.grammar.escape.decode(),
        lines=lines,
        commented=is_marked(head),
        trailing=layout.trailing,
        row_names=layout.row_names,
        unnamed=layout.unnamed,
        spaced=table.width > 1 and plain.is_spaced,
        above=count_wide(table, layout.first),
        score=max(0.0, score),
    )
    doubt, at = (layout.doubt, 0) if layout.doubt else swallows(table, layout, lines)
    return ScoredReading(reading=reading, table=table, layout=layout, doubt=doubt, at=at)


def unquoted(scored: ScoredReading) -> ScoredReading:
    """Return a reading without quotes, where quotes make nothing but broken records."""
    return replace(scored, reading=replace(scored.reading, score=lifted(scored.reading.score)))
