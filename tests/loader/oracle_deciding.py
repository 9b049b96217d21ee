"""The plain model of what a snapshot deletes (5) and of what is held for an operator (8)."""

from collections import Counter
from collections.abc import Mapping, Sequence

from tests.loader.oracle_identities import Cells, Identities, Resolved, blank_to_null, same
from tests.loader.oracle_types import Value

Keys = Mapping[str, Value]
"""The identity cells of one record, by column."""


def missing_rows(
    table: Sequence[Cells],
    keys: Sequence[Keys | None],
    identities: Identities,
    resolved: Resolved,
    ignore_case: bool,
) -> list[int] | None:
    """The rows that a snapshot lacks, by their number; None if the key of a record (None in ``keys``) can't be read.

    ``keys`` are those of all records of the file, duplicate and rejected ones included.
    """
    if None in keys:
        return None
    read = [key for key in keys if key is not None]
    said = [
        {tuple(same(name, blank_to_null(key.get(name)), ignore_case) for name in identity) for key in read}
        for identity in identities
    ]
    targets = set(resolved.rows.values())

    def is_said(row: Cells) -> bool:
        values = [tuple(same(name, row[name], ignore_case) for name in identity) for identity in identities]
        return any(None not in of and of in all_said for of, all_said in zip(values, said, strict=True))

    return [number for number, row in enumerate(table) if number not in targets and not is_said(row)]


def differing(records: Mapping[int, Cells], identities: Identities, resolved: Resolved) -> int:
    """How many duplicates differ in other cells than the key from the record that counts."""
    return sum(
        any(value != records[winner][name] for name, value in records[number].items() if name not in identities[0])
        for number, winner in resolved.winners.items()
    )


def is_held(counts: Counter[str], duplicates: int, rows: int, previous: int | None, *, key_becomes_text: bool) -> bool:
    """Whether the run stops for an operator. ``previous``: the records of the snapshot before, if this is one."""
    return key_becomes_text or (
        (counts["deleted"] > 10 and counts["deleted"] * 5 > rows)
        or (previous is not None and counts["records"] * 2 < previous)
        or (duplicates > 10 and duplicates * 10 > counts["records"])
    )
