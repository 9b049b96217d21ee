"""The plain model of section 5: which rows are the same. No SQL, lists and dictionaries only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.loader.oracle_types import Value, written

Identities = tuple[tuple[str, ...], ...]
Cells = Mapping[str, Value]

OTHER_EMAILS = ("e_mail", "email_address", "e_mail_address")
LONGEST_IDENTITY = 2_600


@dataclass(kw_only=True)
class Resolved:
    """What becomes of each record, by its number: a fate, or a row of the table (None: a new one)."""

    fates: dict[int, str] = field(default_factory=dict)
    rows: dict[int, int | None] = field(default_factory=dict)
    ids: dict[int, Value] = field(default_factory=dict)
    """The ids of the records that go in, filled in by rule (a)."""
    winners: dict[int, int] = field(default_factory=dict)
    """Of each duplicate the record that counts."""


def blank_to_null(value: Value) -> Value:
    """An identity cell that is empty or only spaces is NULL."""
    return None if isinstance(value, str) and not value.strip(" ") else value


def same(column: str, value: Value, ignore_case: bool) -> Value:
    """What of an identity cell is compared: of an e-mail, if that is set, neither case (A to Z) nor outer spaces."""
    if not ignore_case or not isinstance(value, str) or column not in ("email", *OTHER_EMAILS):
        return value
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in value.strip(" \t\n\r\v\f"))


def email_of(columns: Sequence[str], records: Mapping[int, Cells]) -> str | None:
    """The column that holds the e-mail."""
    if "email" in columns:
        return "email"
    found = [name for name in OTHER_EMAILS if name in columns]
    if len(found) != 1:
        return None
    values = [value for record in records.values() if (value := blank_to_null(record[found[0]])) is not None]
    return found[0] if values and all(str(value).count("@") == 1 for value in values) else None


def choose(
    columns: Sequence[str], records: Mapping[int, Cells], declared: tuple[str, ...], ignore_case: bool
) -> Identities:
    """The identities of a dataset whose first records these are."""
    if declared:
        return (declared,)
    column = email_of(columns, records)
    if "id" not in columns:
        return ((column,),) if column else ()
    if column is None:
        return (("id",),)
    ids_of: dict[Value, set[Value]] = {}
    for record in records.values():
        email, own = blank_to_null(record[column]), blank_to_null(record["id"])
        if email is not None:
            ids_of.setdefault(same(column, email, ignore_case), set()).update(() if own is None else (own,))
    tells_apart = bool(ids_of) and all(len(ids) <= 1 for ids in ids_of.values())
    return (("id",), (column,)) if tells_apart else (("id",),)


def resolve(
    table: Sequence[Cells], records: Mapping[int, Cells], identities: Identities, ignore_case: bool
) -> Resolved:
    """Hold ``records`` (number -> cells, in the order of the file) against the table as it stood before the run."""
    if not identities:
        return Resolved(rows=dict.fromkeys(records))
    long = {
        number: "too_long"
        for number, record in records.items()
        if any(len((written(record.get(name)) or "").encode()) > LONGEST_IDENTITY for key in identities for name in key)
    }
    live = {number: record for number, record in records.items() if number not in long}
    if len(identities) == 2:
        resolved = _by_id_and_email(table, live, identities[1][0], ignore_case)
    else:
        resolved = _by_key(table, live, identities[0], ignore_case)
    resolved.fates.update(long)
    return resolved


def _by_key(table: Sequence[Cells], records: Mapping[int, Cells], key: tuple[str, ...], ignore_case: bool) -> Resolved:
    resolved = Resolved()
    at = {tuple(same(name, row[name], ignore_case) for name in key): number for number, row in enumerate(table)}
    keys = {
        number: tuple(same(name, blank_to_null(record.get(name)), ignore_case) for name in key)
        for number, record in records.items()
    }
    last = {of: number for number, of in keys.items()}
    for number, of in keys.items():
        if None in of:
            resolved.fates[number] = "null_key"
        elif last[of] != number:
            resolved.fates[number] = "duplicate"
            resolved.winners[number] = last[of]
        else:
            resolved.rows[number] = at.get(of)
    return resolved


def _by_id_and_email(table: Sequence[Cells], records: Mapping[int, Cells], column: str, ignore_case: bool) -> Resolved:
    resolved = Resolved()
    ids = {number: blank_to_null(record.get("id")) for number, record in records.items()}
    emails = {
        number: same(column, blank_to_null(record.get(column)), ignore_case) for number, record in records.items()
    }
    row_of_id = {row["id"]: number for number, row in enumerate(table)}
    row_of_email = {
        same(column, row[column], ignore_case): number for number, row in enumerate(table) if row[column] is not None
    }

    # (a) a record without id takes one by its email
    id_of_email = {emails[number]: ids[number] for number in records if ids[number] is not None}
    for number in records:
        email = emails[number]
        if ids[number] is None and email is not None:
            ids[number] = id_of_email.get(email)
            if ids[number] is None and email in row_of_email:
                ids[number] = table[row_of_email[email]]["id"]
        if ids[number] is None:
            resolved.fates[number] = "null_key"
    live = [number for number in records if number not in resolved.fates]

    # (b) of records with the same id the last counts
    last = {ids[number]: number for number in live}
    for number in live:
        if last[ids[number]] != number:
            resolved.fates[number] = "duplicate"
            resolved.winners[number] = last[ids[number]]
    live = [number for number in live if number not in resolved.fates]

    # (c) against the table
    for number in live:
        mine = row_of_id.get(ids[number])
        holder = row_of_email.get(emails[number]) if emails[number] is not None else None
        if holder is None or holder == mine:
            resolved.rows[number] = mine
        elif mine is None and table[holder]["id"] not in last:
            resolved.rows[number] = holder
        else:
            resolved.fates[number] = "key_conflict"
    live = [number for number in live if number not in resolved.fates]

    # (d) of records left with the same email the last counts
    winner = {emails[number]: number for number in live}
    for number in live:
        if emails[number] is not None and winner[emails[number]] != number:
            resolved.fates[number] = "key_conflict"
            del resolved.rows[number]
    resolved.ids = {number: ids[number] for number in resolved.rows}
    return resolved
