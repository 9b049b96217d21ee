"""The check that every record of a file is accounted for."""

from ingest.loader.outcome.errors import RunFailed
from ingest.loader.outcome.outcome import Outcome


def check_balance(outcome: Outcome) -> None:
    """Raise RunFailed unless every record of the file was inserted, updated, unchanged, duplicate or rejected."""
    total = outcome.inserted + outcome.updated + outcome.unchanged + outcome.duplicate + outcome.rejected
    if total != outcome.records:
        raise RunFailed(
            f"The counts don't add up: the file has {outcome.records:,} records, but {total:,} are accounted for "
            f"({outcome.inserted:,} inserted, {outcome.updated:,} updated, {outcome.unchanged:,} unchanged, "
            f"{outcome.duplicate:,} duplicate, {outcome.rejected:,} rejected). Nothing was loaded. Report this file "
            "as a bug."
        )
