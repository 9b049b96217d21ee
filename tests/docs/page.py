"""The examples of a Markdown page: what is set, dropped and asked in each, and what the page says becomes of it.

An example is all the fenced blocks under one heading. The first word behind the fence says what a block is:

- ``csv NAME OPTION…``: a file that is dropped as ``data/NAME``;
- ``json NAME``: what an operator sets on the dataset NAME;
- ``sql``, ``console``: a statement, and commands with what they print;
- ``text``: what became of the files so far, and how tables stand now.
"""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FENCE = re.compile(r"^(`{3,})(?P<kind>\w*) *(?P<rest>.*)$")


@dataclass(frozen=True, kw_only=True)
class Block:
    """One fenced block."""

    kind: str
    words: tuple[str, ...]
    """What stands behind the kind."""
    text: str
    line: int
    """Of the page, for the messages of a test that fails."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """What stands under one heading."""

    heading: str
    blocks: tuple[Block, ...]


def examples(page: Path) -> list[Example]:
    """The headings of ``page`` that have blocks under them, in order."""
    found: list[Example] = []
    heading, blocks = "", []
    for line in (*_lines_and_blocks(page), "# the end"):
        if isinstance(line, Block):
            blocks.append(line)
        elif line.startswith("#"):
            if blocks:
                found.append(Example(heading=heading, blocks=tuple(blocks)))
            heading, blocks = line.lstrip("#").strip(), []
    return found


def blocks(page: Path) -> list[Block]:
    """Every fenced block of ``page``."""
    return [line for line in _lines_and_blocks(page) if isinstance(line, Block)]


def _lines_and_blocks(page: Path) -> Iterator[str | Block]:
    lines = enumerate(page.read_text().splitlines(), 1)
    for number, line in lines:
        opened = FENCE.match(line)
        if not opened:
            yield line
            continue
        inside = []
        for _, text in lines:
            if text == opened[1]:
                break
            inside.append(text)
        else:
            raise AssertionError(f"{page.name}:{number}: the block isn't closed")
        words = tuple(shlex.split(opened["rest"]))
        yield Block(kind=opened["kind"], words=words, text="".join(f"{text}\n" for text in inside), line=number)


@dataclass(kw_only=True)
class Told:
    """What a page says of one run: ``people.csv: 2 inserted, 1 rejected``, and indented lines below it."""

    file: str
    status: str = "succeeded"
    reason: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    rejects: list[tuple[Any, ...]] = field(default_factory=list)
    """Line, code, and column and value where the page names them."""
    proofs: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    same_by: str = ""
    read_as: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a page says of a table: its columns with their types, and its rows in any order."""

    table: str
    columns: dict[str, str]
    rows: list[tuple[str | None, ...]]


def claims(block: Block) -> tuple[list[Told], list[Shown]]:
    """What a ``text`` block says, of runs and of tables."""
    told, shown = [], []
    for part in re.split(r"\n\s*\n", block.text.rstrip("\n")):
        first, *rest = part.splitlines()
        if re.fullmatch(r"\w+", first):
            shown.append(_table(first, rest))
        else:
            told.append(_run(first, rest))
    return told, shown


_DETAILS = re.compile(
    r"  (?:line (?P<line>\d+): (?P<code>\w+)(?:, (?P<column>\w+) is (?P<value>\".*\"))?"
    r"|(?P<proven>\w+) is text: (?P<proof>.+)"
    r"|note: (?P<note>.+)"
    r"|rows are the same by (?P<same_by>.+)"
    r"|read as: (?P<read_as>.+))"
)


def _run(first: str, rest: list[str]) -> Told:
    file, _, became = first.partition(": ")
    run = Told(file=file)
    if became.partition(":")[0] in ("empty", "failed", "held", "superseded"):
        run.status, _, run.reason = (text.strip() for text in became.partition(":"))
    else:
        counts = (count.split(" ") for count in became.split(", "))
        run.counts = {name: int(count.replace(",", "")) for count, name in counts}
    for line in rest:
        found = _DETAILS.fullmatch(line)
        assert found, f"what does {line!r} say?"
        if found["line"]:
            named = (found["column"], json.loads(found["value"])) if found["column"] else ()
            run.rejects.append((int(found["line"]), found["code"], *named))
        elif found["proven"]:
            run.proofs[found["proven"]] = found["proof"]
        elif found["note"]:
            run.notes.append(found["note"])
        elif found["same_by"]:
            run.same_by = found["same_by"]
        else:
            run.read_as = dict(part.split(" ", 1) for part in found["read_as"].split(", "))
    return run


def _table(name: str, lines: list[str]) -> Shown:
    header, *rows = [line for line in lines if not re.fullmatch(r"[-+ ]+", line)]
    columns = dict(cell.strip().split(" ") for cell in header.split("|"))
    found = [tuple(_cell(cell.strip()) for cell in row.split(" |")) for row in rows if row.strip() != "(no rows)"]
    assert all(len(row) == len(columns) for row in found), f"a row of {name} is cut wrongly"
    return Shown(table=name, columns=columns, rows=found)


def _cell(text: str) -> str | None:
    """NULL is no value; what stands in quotes is written as in JSON."""
    if text == "NULL":
        return None
    return str(json.loads(text)) if text.startswith('"') else text
