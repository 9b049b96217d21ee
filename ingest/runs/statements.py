"""The SQL of the use cases that the ORM has no word for."""

from ingest.models import Reject

_NAMES = ("run_id", "line", "column", "value", "code", "reason", "raw")

COPY_REJECTS = "COPY {} ({}) FROM STDIN (FORMAT csv)".format(
    f'"{Reject._meta.db_table}"', ", ".join(f'"{name}"' for name in _NAMES)
)
"""Every cell quoted: an unquoted empty one would be NULL."""

ROWS_COPIED = "SELECT tuples_processed FROM pg_stat_progress_copy WHERE pid = %s"
"""Of one backend, by its process id; no row where it isn't in a COPY."""
