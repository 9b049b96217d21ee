"""The rejects of a run are stored, up to their limit, with every byte of their records (file-rules#rejects)."""

import csv
import io
from collections.abc import Iterator

from django.db import connection

from ingest.loader.outcome.rejects import RejectCollector
from ingest.models import Run, sql, storable

_BATCH = 8 << 20  # characters of rejects in one COPY
_LONGEST_VALUE = 10_000  # characters of a rejected cell; the raw record holds it whole


def keep(run: Run, book: RejectCollector) -> None:
    """Store the rejects: by COPY, since 10,000 of them by INSERT took longer than a load of 200,000 records."""
    if not book.kept:
        return
    with connection.cursor() as cursor:
        for batch in _batches(run, book):
            cursor.copy_expert(sql.COPY_REJECTS, batch)


def _batches(run: Run, book: RejectCollector) -> Iterator[io.StringIO]:
    """The rejects as CSV, in pieces that fit into memory."""
    batch = io.StringIO(newline="")
    writer = csv.writer(batch, quoting=csv.QUOTE_ALL)
    for reject in book:
        if batch.tell() > _BATCH:
            batch.seek(0)
            yield batch
            batch.seek(0)
            batch.truncate()
        texts = (reject.column, reject.value[:_LONGEST_VALUE], str(reject.code), reject.reason)
        writer.writerow((run.pk, reject.line, *map(storable, texts), f"\\x{reject.raw.hex()}"))
    batch.seek(0)
    yield batch
