"""Store the rejects of a run, up to a limit, with every byte of their records (file-rules#rejects)."""

import csv
import io
from collections.abc import Iterator

from django.db import connection

from ingest.loader.outcome.rejects import RejectCollector
from ingest.models import Run, sql, storable

_BATCH = 8 << 20  # characters of rejects in one COPY
_MAX_VALUE_LENGTH = 10_000  # characters of a rejected cell; the raw record has all of it


def keep(run: Run, rejects: RejectCollector) -> None:
    """Store the rejects by COPY: inserting 10,000 of them took longer than loading 200,000 records."""
    if not rejects.kept:
        return
    with connection.cursor() as cursor:
        for batch in _batches(run, rejects):
            cursor.copy_expert(sql.COPY_REJECTS, batch)


def _batches(run: Run, rejects: RejectCollector) -> Iterator[io.StringIO]:
    """Yield the rejects as CSV, in pieces that fit in memory."""
    batch = io.StringIO(newline="")
    writer = csv.writer(batch, quoting=csv.QUOTE_ALL)
    for reject in rejects:
        if batch.tell() > _BATCH:
            batch.seek(0)
            yield batch
            batch.seek(0)
            batch.truncate()
        texts = (reject.column, reject.value[:_MAX_VALUE_LENGTH], str(reject.code), reject.reason)
        writer.writerow((run.pk, reject.line, *map(storable, texts), f"\\x{reject.raw.hex()}"))
    batch.seek(0)
    yield batch
