"""SQL of the use cases that the ORM can't express."""

from ingest.loader.outcome.target import SCHEMA
from ingest.models import LoginLimit, Reject, Run

_NAMES = ("run_id", "line", "column", "value", "code", "reason", "raw")

COPY_REJECTS = "COPY {} ({}) FROM STDIN (FORMAT csv)".format(
    f'"{Reject._meta.db_table}"', ", ".join(f'"{name}"' for name in _NAMES)
)
"""Every cell is quoted, because an unquoted empty one would be NULL."""

ROWS_COPIED = "SELECT tuples_processed FROM pg_stat_progress_copy WHERE pid = %s"
"""For one backend, by its process id; no row if it isn't in a COPY."""

KNOWN_VERSIONS = (
    "SELECT told.key, told.identity, run.version_order FROM unnest(%s::text[], %s::text[]) AS told(key, identity)"
    " JOIN ingest_run run ON run.bucket = %s AND run.key = told.key AND run.source_identity = told.identity"
    " AND run.load_number = 1"
)
"""Which of these keys and identities have runs, with one lookup in the unique index each."""

KNOWN_CONTENTS = (
    "SELECT told.key, coalesce(bool_or(run.etag = told.etag AND run.received >= told.since), false),"
    " coalesce(max(run.version_order), '')"
    " FROM unnest(%s::text[], %s::text[], %s::timestamptz[]) AS told(key, etag, since)"
    " LEFT JOIN ingest_run run ON run.bucket = %s AND run.key = told.key GROUP BY told.key"
)
"""For keys without versions: whether their content since then has a run, and their newest order."""

_LIMIT = f'"{LoginLimit._meta.db_table}"'
_EMPTIER = "greatest(held.full_at, statement_timestamp()) + %(seconds)s * interval '1 second'"
TAKE_LOGIN = (
    f"INSERT INTO {_LIMIT} AS held (key, full_at)"  # noqa: S608 - the table's name is ours
    " VALUES (%(key)s, statement_timestamp() + %(seconds)s * interval '1 second')"
    f" ON CONFLICT (key) DO UPDATE SET full_at = {_EMPTIER}"
    f" WHERE {_EMPTIER} <= statement_timestamp() + %(room)s * interval '1 second' RETURNING key"
)
"""Take one from a bucket that is full again after ``room`` seconds, of which one costs ``seconds``; no row if it is
empty. One statement, so that of attempts at the same moment no more pass than there are."""
WAIT_FOR_LOGIN = (
    "SELECT extract(epoch FROM full_at - statement_timestamp()) + %(seconds)s - %(room)s "  # noqa: S608 - as above
    f"FROM {_LIMIT} WHERE key = %(key)s"
)
"""The seconds until a bucket holds one again."""
RETURN_LOGIN = f"UPDATE {_LIMIT} SET full_at = full_at - %(seconds)s * interval '1 second' WHERE key = %(key)s"  # noqa: S608

LOCK_DECISION = "SELECT pg_try_advisory_lock(hashtextextended('ingest.decision ' || %s::text, 0))"
"""Lock one run by its id; false if another connection has it. The lock outlives transactions, not the connection."""
UNLOCK_DECISION = "SELECT pg_advisory_unlock(hashtextextended('ingest.decision ' || %s::text, 0))"

_RUN = f'"{Run._meta.db_table}"'


def _of_a_day(condition: str = "") -> str:
    """Return a dataset's runs received on a day, up to a limit, by an index."""
    return (
        f"(SELECT r.status FROM {_RUN} r WHERE r.dataset_id = d.id AND r.kind <> 'preview'{condition} "  # noqa: S608
        "AND r.received >= day.begins AND r.received < day.begins + interval '1 day' LIMIT %(most)s) few"
    )


DAYS = f"""
SELECT d.id, (day.begins AT TIME ZONE 'UTC')::date, came.runs, came.loaded,
       (SELECT count(*) FROM {_of_a_day(" AND r.status = 'failed'")}),
       (SELECT count(*) FROM {_of_a_day(" AND r.status = 'held'")}),
       (SELECT count(*) FROM {_of_a_day(" AND r.status = 'succeeded' AND r.rejected > 0")})
FROM unnest(%(datasets)s::bigint[]) d (id)
CROSS JOIN (
    SELECT day AT TIME ZONE 'UTC' FROM generate_series(%(first)s::timestamp, %(last)s::timestamp, interval '1 day') day
) day (begins)
CROSS JOIN LATERAL (
    SELECT count(*), count(*) FILTER (WHERE few.status = 'succeeded') FROM {_of_a_day()}
) came (runs, loaded)
"""  # noqa: S608 - the table's name is ours
"""Of each dataset and day: the runs that came and succeeded, that have failed, are held and have rejects; each up to a
most."""

LAST_LOADS = f"""
SELECT d.id, run.id, run.records, run.rejected
FROM unnest(%(datasets)s::bigint[]) d (id)
CROSS JOIN LATERAL (
    SELECT id, records, rejected FROM {_RUN}
    WHERE dataset_id = d.id AND kind = 'load' AND status = 'succeeded' AND records > 0
    ORDER BY id DESC LIMIT %(most)s
) run
ORDER BY d.id, run.id DESC
"""  # noqa: S608 - the table's name is ours
"""Of each dataset: its last loads, newest first."""

MEASURES = f"""
SET LOCAL lock_timeout = '200ms';
SELECT c.relname, CASE WHEN live.tuples > 0 THEN live.tuples ELSE greatest(c.reltuples, 0)::bigint END,
       pg_total_relation_size(c.oid)
FROM pg_class c CROSS JOIN LATERAL pg_stat_get_live_tuples(c.oid) live (tuples)
WHERE c.relnamespace = to_regnamespace('{SCHEMA}') AND c.relkind IN ('r', 'p') AND c.relname = ANY (%s)
"""  # noqa: S608 - the schema is ours
"""Of tables by name: the rows that are alive, or were when it was last analyzed, and the bytes.

A load that changes the columns keeps even this waiting; a page doesn't wait for it.
"""

LIVE_ROWS = f"SELECT coalesce(pg_stat_get_live_tuples(to_regclass(format('%%I.%%I', '{SCHEMA}', %s::text))), 0)"
"""Of one table: the rows that were alive when the server was told of them last. Not its ``reltuples``: an index that
was made in this transaction has set them already."""
