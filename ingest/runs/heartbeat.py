"""A thread that renews the lease of a run while it is executed, and writes its progress."""

import logging
import threading
from types import TracebackType

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from ingest.models import Progress, sql
from ingest.runs.claim import Claim, ClaimLost, lease_end

_LOG = logging.getLogger("ingest.runs")

INTERVAL = 2.0
"""Seconds between two beats. Pages show progress at most this old, and a lease of 30 s survives many lost beats."""


_MAX_STAGE_LENGTH = 20  # characters


class Heartbeat:
    """Renews a claim's lease on a connection of its own. A run shorter than one interval never opens it."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._clock = claim.clock
        self._clock.enter(Progress.Stage.FETCH)
        self._done = 0
        self._total = claim.run.size
        self._backend: int | None = None
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{claim.run.pk}", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def enter(self, stage: str, total: int) -> None:
        """Begin a stage of ``total`` bytes. Raises ClaimLost if another worker has claimed the run."""
        if self._lost.is_set():
            raise ClaimLost(f"Run {self._claim.run.pk} was taken over by another worker.")
        self._clock.enter(stage, restart=self._done > 0)
        self._total, self._done = total, 0

    def reach(self, done: int) -> None:
        """Record how many bytes of the stage are done."""
        self._done = done

    def load_reached(self, stage: str, done: int, total: int) -> None:
        """Record the loader's progress. Never raises: the run's row is locked, so no other worker can claim it."""
        # The loader restarts a stage when its first strategy fails.
        self._clock.enter(stage[:_MAX_STAGE_LENGTH], restart=done < self._done)
        self._done, self._total = done, total

    def load_by(self, backend: int) -> None:
        """Record which PostgreSQL backend loads, since PostgreSQL counts the rows that COPY sends to it."""
        self._backend = backend

    def _beat(self) -> None:
        interval = min(INTERVAL, settings.LEASE_SECONDS / 6)
        try:
            while not self._stop.wait(interval):
                try:
                    if not self._write():
                        self._lost.set()
                        return
                except (DatabaseError, InterfaceError):  # the load will fail too; the lease survives lost beats
                    _LOG.warning("The heartbeat of run %s did not reach the database.", self._claim.run.pk)
                    connection.close()
        finally:
            connection.close()

    def _write(self) -> bool:
        stages = self._clock.stages
        progress = {
            "stage": stages[-1][0],
            "bytes_done": self._done,
            "bytes_total": self._total,
            "rows": self._rows_copied(),
            "stages": stages,
        }
        ours = Progress.objects.filter(pk=self._claim.run.pk, token=self._claim.token)
        return bool(ours.update(lease_until=lease_end(), **progress))

    def _rows_copied(self) -> int | None:
        """Return how many rows the COPY in progress has sent; None if there is none."""
        if self._backend is None:
            return None
        with connection.cursor() as cursor:
            cursor.execute(sql.ROWS_COPIED, [self._backend])
            row = cursor.fetchone()
        return row[0] if row else None
