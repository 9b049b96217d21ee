"""Every staged record finds its row, or its fate (file-rules#keys)."""

from dataclasses import dataclass

from psycopg2 import errors
from psycopg2.extensions import cursor as Cursor
from psycopg2.sql import Composed

from ingest.loader.outcome.reject_codes import Cause, Code
from ingest.loader.planning.identities import Identities, email_beside_id, no_email_evidence, shared_email_evidence
from ingest.loader.planning.plan import Plan
from ingest.loader.sql import merging, tables
from ingest.loader.sql.matching import Matching

INDEXED = 100_000
"""Records from which on the stage gets an index by its key. With it, files and tables that lie in the order of their
keys, as exports do, are held against each other as they lie: 1.3 s for 2 million of each where a hash join takes 3.3.
It takes 0.3 s (0.65 out of order), and so does the search for equal keys that it replaces (0.25, 0.45)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MatchResult:
    """The staged records, each with its fate."""

    inserted: int
    updated: int
    fates: dict[str, int]
    """Records that don't go in, by code; ``duplicate`` is one of them."""
    frees_emails: bool
    """Whether a record changes the e-mail of a row that stands.

    If none does, the unique index itself meets every conflict of e-mails: it holds the old ones all the time.
    """
    alike: int = 0
    """New rows whose e-mail differs from an existing row's by case or outer spaces only."""
    whole: bool = True
    """Whether that was looked for in every row."""


def choose(cursor: Cursor, plan: Plan) -> tuple[Identities, str]:
    """The identities that the staged records allow, and the evidence in a sentence."""
    if plan.identities is not None:
        return plan.identities, ""
    candidates, match = plan.candidates, Matching(plan.caseless)
    email = email_beside_id(candidates)
    if email is None:
        return candidates, plan.evidence
    cursor.execute(tables.batch(tables.ANALYZE_STAGE, merging.has_value(email)))
    if not _first_value(cursor):
        return (("id",),), no_email_evidence(email)
    cursor.execute(merging.emails_are_shared(email, match))
    if _first_value(cursor):
        return (("id",),), shared_email_evidence(email)
    cursor.execute(merging.void_blanks(email))
    return candidates, plan.evidence


def match_rows(
    cursor: Cursor,
    table: str,
    plan: Plan,
    identities: Identities,
    alike: Composed | None = None,
    *,
    staged: int,
    nulls: bool,
) -> MatchResult:
    """Hold the ``staged`` records against each other and the table; afterwards the changes are in a table of their own.

    ``nulls`` says whether a record may lack a value in its key; ``alike`` is the query of ``count_lookalikes``.
    Conflicts of e-mails are for ``settle_emails``.
    """
    key, email, match = identities[0], email_in_use(identities, plan), Matching(plan.caseless)
    lacking = []
    if nulls:
        lacking = merging.fill_ids(table, email, match) if email else [merging.fate_null_keys(key)]
    prepare = tables.batch(tables.ANALYZE_STAGE, merging.CREATE_FATE, *lacking)
    if staged < INDEXED:
        cursor.execute(tables.batch(prepare, merging.repeats(key, match)))
        repeats = bool(_first_value(cursor))
    else:
        cursor.execute(prepare)
        repeats = _index(cursor, key, match)
    if repeats:
        cursor.execute(merging.fate_duplicates(key, match))
    fates = _count_fates(cursor) if nulls or repeats else {}
    if fates:
        cursor.execute(tables.batch(merging.INDEX_FATE, merging.ANALYZE_FATE))
    find = merging.find_changes(table, key, match.written(plan.names, key), match, fated=bool(fates), email=email)
    cursor.execute(tables.batch(find, merging.count_changes(table, email, match, alike)))
    return _match_result(cursor, fates)


def _index(cursor: Cursor, key: tuple[str, ...], match: Matching) -> bool:
    """Index the stage by its key; whether two records have the same."""
    try:
        cursor.execute(tables.batch(merging.BEFORE_INDEX, merging.index_stage(key, match, unique=True)))
    except errors.UniqueViolation:
        cursor.execute(tables.batch(merging.WITHOUT_INDEX, merging.index_stage(key, match, unique=False)))
        return True
    return False


def email_in_use(identities: Identities, plan: Plan) -> str | None:
    """The e-mail column by which this file's rows are identified besides their ids.

    None without the column in the file: the rows keep their e-mails then, and only ids count.
    """
    email = email_beside_id(identities)
    return email if email in plan.names else None


def settle_emails(
    cursor: Cursor, table: str, email: str, match: Matching, alike: Composed | None = None
) -> MatchResult:
    """Find who conflicts by the e-mail, and who takes a row over by it; the table of changes is right afterwards."""
    cursor.execute(tables.batch(merging.ANALYZE_CHANGES, *merging.settle_emails(table, email, match)))
    fates = _count_fates(cursor)
    cursor.execute(merging.count_changes(table, email, match, alike))
    return _match_result(cursor, fates)


def _match_result(cursor: Cursor, fates: dict[str, int]) -> MatchResult:
    inserted, updated, frees_emails, alike, whole = cursor.fetchone() or (0, 0, False, 0, True)
    return MatchResult(
        inserted=inserted, updated=updated, fates=fates, frees_emails=frees_emails, alike=alike, whole=whole
    )


def cause_of(
    code: Code, identities: Identities, lacking: str, holder: str | None, other_line: int | None, email: str | None
) -> tuple[Cause, str]:
    """Return why a record has no usable key, or is in conflict, and the sentence for it.

    ``lacking`` is the key column without a value; ``holder`` the id of the row that has the ``email``, or
    ``other_line`` the line of the record that has it.
    """
    if code is Code.NULL_KEY:
        key = identities[0]
        if email_beside_id(identities):
            return Cause.NO_ID_FOR_EMAIL, Cause.NO_ID_FOR_EMAIL.sentence()
        if len(key) == 1:
            return Cause.NO_KEY, Cause.NO_KEY.sentence(column=lacking)
        others = " and ".join(column for column in key if column != lacking)
        return Cause.NO_PART_OF_KEY, Cause.NO_PART_OF_KEY.sentence(column=lacking, others=others)
    if other_line is not None:
        return Cause.EMAIL_OF_RECORD, Cause.EMAIL_OF_RECORD.sentence(email=email, line=other_line)
    return Cause.EMAIL_OF_ROW, Cause.EMAIL_OF_ROW.sentence(email=email, id=holder)


def _count_fates(cursor: Cursor) -> dict[str, int]:
    cursor.execute(merging.COUNT_FATES)
    return dict(cursor.fetchall())


def _first_value(cursor: Cursor) -> object:
    row = cursor.fetchone()
    return row[0] if row else None
