"""The SQL of the use cases that the ORM has no word for."""

from ingest.models import Reject

_NAMES = ("run_id", "line", "column", "value", "code", "reason", "raw")

COPY_REJECTS = "COPY {} ({}) FROM STDIN (FORMAT csv)".format(
    f'"{Reject._meta.db_table}"', ", ".join(f'"{name}"' for name in _NAMES)
)
"""Every cell quoted: an unquoted empty one would be NULL."""
