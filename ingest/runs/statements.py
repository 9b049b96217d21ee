"""The SQL of the use cases that the ORM has no word for."""

from ingest.models import Reject

_NAMES = ("run_id", "line", "column", "value", "code", "reason", "raw")

COPY_REJECTS = "COPY {} ({}) FROM STDIN (FORMAT csv)".format(
    f'"{Reject._meta.db_table}"', ", ".join(f'"{name}"' for name in _NAMES)
)
"""Every cell quoted: an unquoted empty one would be NULL."""

ROWS_COPIED = "SELECT tuples_processed FROM pg_stat_progress_copy WHERE pid = %s"
"""Of one backend, by its process id; no row where it isn't in a COPY."""

KNOWN_VERSIONS = (
    "SELECT told.key, told.identity, run.version_order FROM unnest(%s::text[], %s::text[]) AS told(key, identity)"
    " JOIN ingest_run run ON run.bucket = %s AND run.key = told.key AND run.source_identity = told.identity"
    " AND run.load_number = 1"
)
"""Of these keys and identities those that are runs: one look into the unique index each."""

KNOWN_CONTENTS = (
    "SELECT told.key, coalesce(bool_or(run.etag = told.etag AND run.received >= told.since), false),"
    " coalesce(max(run.version_order), '')"
    " FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) AS told(key, etag, since)"
    " LEFT JOIN ingest_run run ON run.bucket = %s AND run.key = told.key GROUP BY told.key"
)
"""Of keys without versions: whether what they hold since then is a run, and the newest order of theirs."""
