"""What the file holds: the type of every column, judged over every value, with its proof (file-rules#types)."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ingest.loader.planning.identities import EMAIL_ALIASES
from ingest.loader.records.in_memory import columns_of
from ingest.loader.records.reading import CertifiedReader
from ingest.loader.types.min_max import Extremes, extremes, extremes_sql, found_extremes
from ingest.loader.types.types import GRAMMAR, SPACES, Type, holds, widest
from ingest.loader.types.values import are_addresses, holds_sql, no_address_sql, trimmed_sql, unfit

_BOUNDED = 200
"""Columns of which the extremes are found: DuckDB compiles every expression, and no page shows more."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstMismatch:
    """The first value that ruled a type out."""

    record: int
    """Ordinal of the record, from 0."""
    value: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ColumnScan:
    """One column of the file."""

    type: Type | None
    """The narrowest type that holds every value (``text`` holds all); None where there is no value."""
    ruled_out: Mapping[Type, FirstMismatch] = field(default_factory=dict)
    values: int = 0
    """Cells that are not NULL; in a typed column also not blank."""
    nulls: int = 0
    """Cells that are NULL as they stand in the file."""
    blanks: int = 0
    """Cells of spaces only, or quoted and empty; counted where a type or a key ignores spaces, else 0."""
    padded: int = 0
    """Typed values with spaces around them."""
    misfits: Mapping[Type, int] = field(default_factory=dict)
    """How many values each type that was asked about does not hold; only for types with at least one."""
    longest: int = 0
    """Bytes of the longest value; known for keys that may be text."""
    addresses: bool = False
    """Whether it has values and each holds exactly one ``@``; judged only in a column that has to show it is a key."""
    lower: bool = False
    """Whether no value has a capital letter or outer spaces; judged only in the e-mails of a key that is settled."""
    extremes: Mapping[Type, Extremes] = field(default_factory=dict)
    """The least and the greatest value that each type in question holds; of the first ``_BOUNDED`` columns."""

    @property
    def proof(self) -> tuple[Type | None, FirstMismatch] | None:
        """The narrower type that held out longest, and the value that ruled it out; None where none was in question.

        The last type to fall is what the column would have been without that value; it is None where one value
        ruled out all. It depends on the records' order only, not on how the file was cut.
        """
        order = list(Type)
        mismatches = [
            (mismatch.record, -order.index(kind), kind, mismatch)
            for kind, mismatch in self.ruled_out.items()
            if self.type is Type.TEXT or (kind is not self.type and widest(kind) is self.type)
        ]
        if not mismatches:
            return None
        last, _, kind, mismatch = max(mismatches)
        alone = len(mismatches) == len(GRAMMAR) and all(record == last for record, *_ in mismatches)
        return None if alone else kind, mismatch


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    """All columns of the file, in the file's order."""

    records: int
    columns: Mapping[str, ColumnScan]


@dataclass(frozen=True, kw_only=True, slots=True)
class Head:
    """What the first records say of each column: which types are out already, and whether there is a value at all."""

    names: Sequence[str]
    ruled_out: Mapping[str, Mapping[Type, FirstMismatch]]
    seen: Collection[str]
    addresses: Collection[str]
    """Of the columns with another name of an e-mail those whose values hold one ``@`` each."""

    def proposal(self, name: str) -> Type | None:
        """The narrowest type that holds the head's values; None where the head has none."""
        if name not in self.seen:
            return None
        return next(kind for kind in Type if kind not in self.ruled_out[name])


def read_head(reading: CertifiedReader, names: Sequence[str]) -> Head:
    """Judge the first records, in Python: types that fall here need no second look."""
    ruled_out: dict[str, dict[Type, FirstMismatch]] = {}
    seen: set[str] = set()
    addresses = set()
    for name, cells in zip(names, columns_of(reading.first, len(names)), strict=True):
        if name in EMAIL_ALIASES and are_addresses(cells):
            addresses.add(name)
        out = ruled_out[name] = {}
        left, known = list(GRAMMAR), {None, ""}
        for record, cell in enumerate(cells):
            if cell in known:  # cells repeat
                continue
            known.add(cell)
            if cell is None or not (value := cell.strip(SPACES)):
                continue
            seen.add(name)
            for kind in [kind for kind in left if not holds(kind, value)]:
                out[kind] = FirstMismatch(record=record, value=cell)
                left.remove(kind)
            if not left:
                break
    return Head(names=names, ruled_out=ruled_out, seen=seen, addresses=addresses)


@dataclass(frozen=True, kw_only=True, slots=True)
class Keys:
    """The columns of a file that may identify rows."""

    names: Collection[str]
    """Blank cells and the longest value are found in them."""
    alias: str | None = None
    """That of ``names`` whose values have to show that it is an e-mail."""
    emails: Collection[str] = ()
    """Those of ``names`` with e-mails that are held against those of rows."""


def scan(reading: CertifiedReader, head: Head, *, current: Mapping[str, Type], keys: Keys) -> Scan:
    """Judge every column over every record.

    ``current`` names the types of columns that the table holds values in: there it is counted what that type, and
    the widest short of ``text``, doesn't hold. Raises RunFailed where DuckDB and the splitter don't agree on the
    records.
    """
    candidate_types = {name: _candidate_types(name, head, current) for name in head.names}
    if reading.whole:
        records = len(reading.first)
        cells = zip(head.names, columns_of(reading.first, len(head.names)), strict=True)
        scanned = {name: _count(name, column, candidate_types[name], keys) for name, column in cells}
    else:
        records, columns = _verify(reading, head.names, candidate_types, keys)
        doubtful = [name for name in head.names if columns[name] is None]
        columns.update(_inspect(reading, head, candidate_types, doubtful, keys) if doubtful else {})
        scanned = {name: column for name, column in columns.items() if column is not None}
        reading.check(records)
    return Scan(records=records, columns={name: _conclude(scanned[name], head, name, current) for name in head.names})


def _count(name: str, cells: Sequence[str | None], candidate_types: Sequence[Type], keys: Keys) -> ColumnScan:
    """What ``_verify`` and ``_inspect`` find, for a column whose cells are all here.

    DuckDB compiles an expression a column, which takes longer than to judge a small file: 2 s for 1,093 columns.
    """
    present, key = [cell for cell in cells if cell is not None], name in keys.names
    blanks = sum(1 for cell in present if not cell.strip(SPACES)) if candidate_types or key else 0
    padded = sum(1 for cell in present if cell.strip(SPACES) not in ("", cell)) if candidate_types else 0
    ruled_out: dict[Type, FirstMismatch] = {}
    misfits: Counter[Type] = Counter()
    extremes_of = {Type.TEXT: extremes(Type.TEXT, present)}
    for kind in candidate_types:
        refused = {cell for cell in {*present} if unfit(kind, cell)}
        extremes_of[kind] = extremes(
            kind, (cell.strip(SPACES) for cell in present if cell not in refused and cell.strip(SPACES))
        )
        if refused:
            misfits[kind] = sum(1 for cell in present if cell in refused)
            record, value = next((record, cell) for record, cell in enumerate(cells) if cell in refused)
            ruled_out[kind] = FirstMismatch(record=record, value=value or "")
    return ColumnScan(
        type=None,
        ruled_out=ruled_out,
        values=len(present) - blanks,
        nulls=len(cells) - len(present),
        blanks=blanks,
        padded=padded,
        misfits=misfits,
        longest=max((len(cell.encode()) for cell in present), default=0) if key else 0,
        addresses=name == keys.alias and are_addresses(present),
        lower=name in keys.emails and all(cell == cell.strip(SPACES).lower() for cell in present),
        extremes={kind: found for kind, found in extremes_of.items() if found},
    )


def _candidate_types(name: str, head: Head, current: Mapping[str, Type]) -> tuple[Type, ...]:
    """The types that every value of the column is held against, narrowest first; () for plain text."""
    if name in current:
        kind = current[name]
        return () if kind is Type.TEXT else tuple(dict.fromkeys((kind, widest(kind))))
    return tuple(kind for kind in GRAMMAR if kind not in head.ruled_out[name])


def _verify(
    reading: CertifiedReader, names: Sequence[str], candidate_types: Mapping[str, tuple[Type, ...]], keys: Keys
) -> tuple[int, dict[str, ColumnScan | None]]:
    """One cheap pass: does the narrowest type asked hold every cell as it stands? None for columns where it doesn't."""
    expressions = ["count(*)"]
    for position, name in enumerate(names):
        cell = f"c{position}"
        expressions.append(f"count({cell})")
        expressions.append(
            f"count_if(not {holds_sql(candidate_types[name][0], cell)})" if candidate_types[name] else "0"
        )
        # Blank cells start with white space or are empty; a type's grammar has refused them already.
        is_text_key = name in keys.names and not candidate_types[name]
        expressions.append(f"count_if({cell} < '!')" if is_text_key else "0")
        expressions.append(f"max(strlen({cell}))" if is_text_key else "0")
        expressions.append(extremes_sql(_narrowest(candidate_types[name]), cell) if position < _BOUNDED else "null")
        expressions.append(_odd_sql(cell, name, keys))
    row = reading.rows(f"select {', '.join(expressions)} from {reading.records}")[0]
    records = row[0]
    columns: dict[str, ColumnScan | None] = {}
    for name, (count, misfits, odd, longest, extremes_of, others) in zip(names, _groups_of_six(row[1:]), strict=True):
        clean = ColumnScan(
            type=None,
            values=count,
            nulls=records - count,
            longest=longest or 0,
            addresses=name == keys.alias and count > 0 and others == 0,
            lower=name in keys.emails and others == 0,
            extremes=found_extremes({_narrowest(candidate_types[name]): extremes_of}),
        )
        columns[name] = None if misfits or odd else clean
    return records, columns


def _odd_sql(cell: str, name: str, keys: Keys) -> str:
    """How many values aren't what ``addresses`` or ``lower`` says of a column; it is never both."""
    if name == keys.alias:
        return f"count_if({trimmed_sql(cell)} <> '' and {no_address_sql(cell)})"
    return f"count_if({cell} <> lower({trimmed_sql(cell)}))" if name in keys.emails else "null"


def _narrowest(candidate_types: Sequence[Type]) -> Type:
    return candidate_types[0] if candidate_types else Type.TEXT


def _groups_of_six(row: Sequence[Any]) -> list[Sequence[Any]]:
    return [row[start : start + 6] for start in range(0, len(row), 6)]


def _inspect(
    reading: CertifiedReader,
    head: Head,
    candidate_types: Mapping[str, tuple[Type, ...]],
    doubtful: Sequence[str],
    keys: Keys,
) -> dict[str, ColumnScan | None]:
    """A closer look at columns with a blank, a padded or an unfit value: what exactly, how often, where first."""
    cells = {name: f"c{head.names.index(name)}" for name in doubtful}
    expressions = {name: _inspection_sql(cell, name, candidate_types[name], keys) for name, cell in cells.items()}
    source = f"(select r, {', '.join(f'{c}, {trimmed_sql(c)} as {c}_' for c in cells.values())} from {reading.records})"
    every = ", ".join(part for parts in expressions.values() for part in parts)
    records, *row = reading.rows(f"select count(*), {every} from {source}")[0]
    columns: dict[str, ColumnScan | None] = {}
    for name, parts in expressions.items():
        found, row = row[: len(parts)], row[len(parts) :]
        columns[name] = _inspected(found, candidate_types[name], records, name, keys)
    return columns


def _inspection_sql(cell: str, name: str, candidate_types: Sequence[Type], keys: Keys) -> list[str]:
    """What a column's closer look asks; ``cell`` with an underscore behind it is its value without spaces."""
    value = f"{cell}_"
    parts = [f"count({cell})", f"count_if({value} = '')", f"count_if({value} <> '' and {value} <> {cell})"]
    parts += [f"max(strlen({cell}))" if name in keys.names else "0", extremes_sql(Type.TEXT, cell)]
    parts.append(_odd_sql(cell, name, keys))
    for kind in candidate_types:
        unfit = f"{value} <> '' and not {holds_sql(kind, value)}"
        parts += [f"count_if({unfit})", f"arg_min({{'r': r, 'v': {cell}}}, r) filter (where {unfit})"]
        parts.append(extremes_sql(kind, value, where=f"{value} <> '' and {holds_sql(kind, value)}"))
    return parts


def _inspected(
    found: Sequence[Any], candidate_types: Sequence[Type], records: int, name: str, keys: Keys
) -> ColumnScan:
    """What was answered."""
    count, blanks, padded, longest, text, others, *kinds = found
    misfits = {kind: unfit for kind, unfit in zip(candidate_types, kinds[::3], strict=True) if unfit}
    first = dict(zip(candidate_types, kinds[1::3], strict=True))
    return ColumnScan(
        type=None,
        ruled_out={kind: FirstMismatch(record=first[kind]["r"], value=first[kind]["v"]) for kind in misfits},
        values=count - blanks,
        nulls=records - count,
        blanks=blanks,
        padded=padded,
        misfits=misfits,
        longest=longest or 0,
        addresses=name == keys.alias and count > blanks and others == 0,
        lower=name in keys.emails and others == 0,
        extremes=found_extremes({Type.TEXT: text, **dict(zip(candidate_types, kinds[2::3], strict=True))}),
    )


def _conclude(column: ColumnScan, head: Head, name: str, current: Mapping[str, Type]) -> ColumnScan:
    """Choose the type: what the table's type becomes with these values, or the narrowest that none rules out."""
    if name in current:
        chain = tuple(dict.fromkeys((current[name], widest(current[name]))))
        kind = next((kind for kind in chain if kind not in column.misfits), Type.TEXT)
        return replace(column, type=kind if column.values else None)
    ruled_out = {**column.ruled_out, **head.ruled_out[name]}
    kind = next(kind for kind in Type if kind not in ruled_out)
    return _settle(replace(column, ruled_out=ruled_out), kind)


def _settle(column: ColumnScan, kind: Type) -> ColumnScan:
    """Give the column its type; what is blank to a type is a value of a text column."""
    if not column.values:
        return replace(column, type=None)
    if kind is Type.TEXT:
        return replace(column, type=kind, values=column.values + column.blanks)
    return replace(column, type=kind)
