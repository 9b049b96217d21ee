"""New rows whose e-mail an existing row has with other case or outer spaces: the run says how many.

See file-rules#email-case.
"""

from psycopg2.sql import Composed

from ingest.loader.planning.identities import EMAILS, Identities
from ingest.loader.planning.plan import Plan
from ingest.loader.planning.scan import Scan
from ingest.loader.sql import lookalikes
from ingest.loader.types.types import Type


def count_lookalikes(table: str, plan: Plan, identities: Identities, found: Scan) -> Composed | None:
    """Return the query that counts them; None where no e-mail of the file identifies rows, or its case is ignored."""
    texts = {column.name for column in plan.columns if column.type is Type.TEXT}
    for identity in identities:
        emails = [name for name in identity if name in EMAILS and name in texts]
        if emails and not plan.caseless and set(identity) <= set(plan.names):
            lower = all(found.columns[name].lower for name in emails)
            return lookalikes.count(table, identity, emails, lower=lower)
    return None


def note_on(count: int, *, whole: bool) -> str:
    """Return the sentence on ``count`` such rows; at least so many, unless all rows were compared."""
    rows = "1 new row has" if count == 1 else f"{count:,} new rows have"
    return (
        f"{rows if whole else f'At least {rows}'} an e-mail that differs from an existing row's only in case or "
        "surrounding spaces. If these are the same people, delete one row of each pair and turn on “Ignore e-mail "
        "case” for the dataset."
    )
