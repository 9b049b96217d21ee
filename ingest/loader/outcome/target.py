"""The destination table and its policy, as the loader sees a dataset."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

SCHEMA = "datasets"
"""Tables made from files live here, apart from Django's own: a file ``auth_user.csv`` can't touch those."""


SHADOW_SCHEMA = "datasets_before"
"""Before-images of the rows that runs changed or deleted, in a typed shadow of each table."""


REJECT_SHARE, REJECT_COUNT = 0.10, 10
"""A run fails over both, unless its dataset says otherwise."""


class Mode(StrEnum):
    """How the rows of a file are merged into the table (file-rules#modes)."""

    UPSERT = "upsert"
    APPEND = "append"
    SNAPSHOT = "snapshot"


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One run's destination: the table in ``SCHEMA`` and what its dataset says about it."""

    table: str
    run_id: int
    mode: Mode = Mode.UPSERT
    strict: bool = False
    declared_key: tuple[str, ...] = ()
    """Columns an operator declared to be the key; empty: the first file that has records chooses."""
    identities: tuple[tuple[str, ...], ...] | None = None
    """What an earlier run chose: ``(("id",), ("email",))``, ``()`` for none; None: not chosen yet."""
    ignore_email_case: bool = False
    """Match the e-mails of the identities without regard to ASCII case and outer spaces."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header -> column, for every header in this dataset's files so far."""
    null_tokens: tuple[str, ...] = ()
    reject_share: float = REJECT_SHARE
    reject_count: int = REJECT_COUNT
    """The run fails over this share of the records and this many of them rejected."""
    corrections: bool = False
    """The file is a corrected reject file: a line that was forgotten doesn't turn a column into ``text``."""
    export: bool = False
    """The file is an export of the table: without a key its records would be inserted a second time."""
    asks_approval: bool = False
    """Whether every run that would change the table is held for approval first."""
    approved: Mapping[str, int] | None = None
    """The counts that an operator has approved, by safeguard; None: nothing was approved."""
    previous_records: int | None = None
    """How many records the dataset's previous snapshot had."""
    last_records: int | None = None
    """How many records the dataset's last load had, in any mode."""
