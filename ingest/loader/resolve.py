"""Every staged record finds its row, or its fate (BEHAVIOUR 5)."""

from dataclasses import dataclass

from psycopg2 import errors
from psycopg2.extensions import cursor as Cursor

from ingest.loader.plan import ID_AND_EMAIL, Identities, Plan
from ingest.loader.rejects import Code
from ingest.loader.statements import merging, tables

INDEXED = 100_000
"""Records from which on the stage gets an index by its key. With it, files and tables that lie in the order of their
keys, as exports do, are held against each other as they lie: 1.3 s for 2 million of each where a hash join takes 3.3.
It takes 0.3 s (0.65 out of order), and so does the search for equal keys that it replaces (0.25, 0.45)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolved:
    """The staged records, each with its fate."""

    inserted: int
    updated: int
    fates: dict[str, int]
    """Records that don't go in, by code; ``duplicate`` is one of them."""
    frees_emails: bool
    """Whether a record changes the e-mail of a row that stands.

    If none does, the unique index itself meets every conflict of e-mails: it holds the old ones all the time.
    """


def choose(cursor: Cursor, plan: Plan) -> tuple[Identities, str]:
    """The identities that the staged records allow, and the evidence in a sentence."""
    if plan.identities is not None:
        return plan.identities, ""
    candidates = plan.candidates
    if candidates != ID_AND_EMAIL:
        return candidates, evidence_of(candidates)
    cursor.execute(tables.together(tables.ANALYZE_STAGE, merging.has_value("email")))
    if not _one(cursor):
        return (("id",),), "id is the key: the file has it, and no record has an e-mail."
    cursor.execute(merging.emails_are_shared())
    if _one(cursor):
        return (("id",),), SHARED_EMAILS
    cursor.execute(merging.void_blanks("email"))
    return candidates, evidence_of(candidates)


SHARED_EMAILS = "id is the key; email is not a second one, since records with different ids share an e-mail."


def evidence_of(identities: Identities) -> str:
    """Why a file's records got these identities, in a sentence."""
    if not identities:
        return "The file has neither an id nor an email column: its rows are appended."
    if identities == ID_AND_EMAIL:
        return "id and email are keys: the file has both, and no two records with different ids share an e-mail."
    names = " and ".join(identities[0])
    if identities in ((("id",),), (("email",),)):
        return f"{names} is the key: the file has it."
    return f"{names} is the key: it is declared on the dataset."


def resolve(cursor: Cursor, table: str, plan: Plan, identities: Identities, *, staged: int, nulls: bool) -> Resolved:
    """Hold the ``staged`` records against each other and the table; afterwards the changes are in a table of their own.

    ``nulls`` says whether a record may lack a value in its key. Conflicts of e-mails are for ``settle_emails``.
    """
    key, with_email = identities[0], uses_email(identities, plan)
    lacking = []
    if nulls:
        lacking = merging.fill_ids(table) if with_email else [merging.fate_null_keys(key)]
    prepare = tables.together(tables.ANALYZE_STAGE, merging.CREATE_FATE, *lacking)
    if staged < INDEXED:
        cursor.execute(tables.together(prepare, merging.repeats(key)))
        repeats = bool(_one(cursor))
    else:
        cursor.execute(prepare)
        repeats = _index(cursor, key)
    if repeats:
        cursor.execute(merging.fate_duplicates(key))
    fates = _count_fates(cursor) if nulls or repeats else {}
    if fates:
        cursor.execute(tables.together(merging.INDEX_FATE, merging.ANALYZE_FATE))
    rest = [name for name in plan.names if name not in key]
    find = merging.find_changes(table, key, rest, fated=bool(fates), with_email=with_email)
    cursor.execute(tables.together(find, merging.count_changes(with_email=with_email)))
    return _counted(cursor, fates)


def _index(cursor: Cursor, key: tuple[str, ...]) -> bool:
    """Index the stage by its key; whether two records have the same."""
    try:
        cursor.execute(tables.together(merging.BEFORE_INDEX, merging.index_stage(key, unique=True)))
    except errors.UniqueViolation:
        cursor.execute(tables.together(merging.WITHOUT_INDEX, merging.index_stage(key, unique=False)))
        return True
    return False


def uses_email(identities: Identities, plan: Plan) -> bool:
    """Whether e-mails identify rows in this file: without the column the rows keep theirs, and only ids count."""
    return identities == ID_AND_EMAIL and "email" in plan.names


def settle_emails(cursor: Cursor, table: str) -> Resolved:
    """Find who conflicts by the e-mail, and who takes a row over by it; the table of changes is right afterwards."""
    cursor.execute(tables.together(merging.ANALYZE_CHANGES, *merging.settle_emails(table)))
    fates = _count_fates(cursor)
    cursor.execute(merging.count_changes(with_email=True))
    return _counted(cursor, fates)


def _counted(cursor: Cursor, fates: dict[str, int]) -> Resolved:
    inserted, updated, frees_emails = cursor.fetchone() or (0, 0, False)
    return Resolved(inserted=inserted, updated=updated, fates=fates, frees_emails=frees_emails)


def reason_of(
    code: Code, key: tuple[str, ...], lacking: str, holder: str | None, other_line: int | None, email: str | None
) -> str:
    """The operator's sentence for a record without a usable key, or in conflict."""
    if code is Code.NULL_KEY:
        if key == ("id", "email"):
            return "The record has no id, and no other record or row with its e-mail has one."
        whole = "identifies its row" if len(key) == 1 else f"identifies its row with {_others(key, lacking)}"
        return f"The record has no value in {lacking}, which {whole}."
    if other_line is not None:
        return f"The e-mail {email!r} is also in the record of line {other_line:,}, which counts."
    return f"The e-mail {email!r} belongs to the row with the id {holder}."


def _others(key: tuple[str, ...], one: str) -> str:
    return " and ".join(column for column in key if column != one)


def _count_fates(cursor: Cursor) -> dict[str, int]:
    cursor.execute(merging.COUNT_FATES)
    return dict(cursor.fetchall())


def _one(cursor: Cursor) -> object:
    row = cursor.fetchone()
    return row[0] if row else None
