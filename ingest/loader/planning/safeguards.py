"""What an operator must approve before it is committed (file-rules#held); pure."""

import sys

from ingest.loader.outcome.errors import RunHeld
from ingest.loader.outcome.outcome import Outcome
from ingest.loader.outcome.target import Mode, Target

DELETED_SHARE, DELETED_COUNT = 0.20, 10
SHRUNK_SHARE = 0.50
DUPLICATE_SHARE, DUPLICATE_COUNT = 0.10, 10

EVERYTHING = dict.fromkeys(("empty", "deleted", "shrunk", "duplicate", "key_type", "approval"), sys.maxsize)
"""An approval of any count."""


def check_safeguards(outcome: Outcome, target: Target) -> None:
    """Raise RunHeld where a brake is on whose count nobody has approved, or only a smaller one."""
    triggered, reasons = _safeguards(outcome, target)
    approved = target.approved or {}
    if any(count > approved.get(safeguard, -1) for safeguard, count in triggered.items()):
        raise RunHeld(
            f"The run is held before its commit: {'; '.join(reasons)}. Nothing was loaded; look at the counts, then "
            "approve or discard the run.",
            outcome,
            triggered,
        )


def _safeguards(outcome: Outcome, target: Target) -> tuple[dict[str, int], list[str]]:
    """Every brake that is on with its count, the larger the worse; and each in words."""
    triggered: dict[str, int] = {}
    reasons = []
    before = outcome.rows_before or 0
    if not outcome.records and target.last_records:
        triggered["empty"] = target.last_records
        reasons.append(f"the file has no records, the last load had {target.last_records:,}")
    if outcome.deleted > DELETED_COUNT and outcome.deleted > DELETED_SHARE * before:
        triggered["deleted"] = outcome.deleted
        reasons.append(f"it would delete {outcome.deleted:,} of {before:,} rows")
    previous = target.previous_records
    if (
        target.mode is Mode.SNAPSHOT
        and previous
        and "empty" not in triggered
        and outcome.records < SHRUNK_SHARE * previous
    ):
        triggered["shrunk"] = previous - outcome.records
        reasons.append(f"the file has {outcome.records:,} records, the previous snapshot had {previous:,}")
    differing = outcome.differing_duplicates
    if differing > DUPLICATE_COUNT and differing > DUPLICATE_SHARE * outcome.records:
        triggered["duplicate"] = differing
        reasons.append(f"{differing:,} records repeat a key but differ in other columns, so the key is probably wrong")
    if outcome.key_changes:
        triggered["key_type"] = sum(change.values for change in outcome.key_changes)
        reasons += map(str, outcome.key_changes)
    if target.export and outcome.inserted and not outcome.identities:
        triggered["export"] = outcome.inserted
        reasons.append(
            f"it is an export, and {target.table} has no key to find its rows by, so its "
            f"{outcome.inserted:,} records would be inserted as new rows"
        )
    if target.asks_approval and (outcome.inserted or outcome.updated or outcome.deleted):
        triggered["approval"] = 0
        reasons.append("the dataset asks for approval")
    return triggered, reasons
