"""Execute a claimed run to its end, whatever happens (file-rules#transaction and #errors)."""

from contextlib import ExitStack

from django.db import Error as DjangoDatabaseError
from django.db import connection

from ingest.aws.objects import SourceGone
from ingest.loader.outcome.errors import Disposition, RunHeld, RunInterrupted, RunUnclear, disposition_of
from ingest.loader.outcome.source_object import SourceObject
from ingest.models import Run
from ingest.runs import complete
from ingest.runs.attempt import Attempt
from ingest.runs.claim import Claim, ClaimLost, claim
from ingest.runs.fetched_file import PreparedFile
from ingest.runs.heartbeat import Heartbeat
from ingest.runs.receive import receive_and_claim
from ingest.runs.scratch import scratch_folder
from ingest.runs.versions import newer_known

Status = Run.Status

_LOCK_NOT_AVAILABLE = "55P03"


def claim_and_execute(run_id: int) -> Status | None:
    """Claim a run and execute it. Returns its final status, or None if it is finished or another worker has it."""
    claimed = claim(run_id)
    return execute(claimed) if claimed else None


def receive_and_execute(source: SourceObject) -> tuple[Run, Status | None]:
    """Receive ``source`` and execute its run, as ``claim_and_execute`` does; a new run is already claimed."""
    run, claimed = receive_and_claim(source)
    return run, execute(claimed) if claimed else claim_and_execute(run.pk)


def execute(claimed: Claim) -> Status | None:
    """Execute a claimed run until it succeeds, fails, is superseded or held, or waits for another attempt.

    Returns None if another worker has claimed it. Raises only if that status can't be written.
    """
    attempt: Attempt | None = None
    with ExitStack() as resources:  # writing the end may upload rejects, which takes time
        try:
            folder = resources.enter_context(scratch_folder())
            attempt = Attempt(claimed, folder, resources.enter_context(Heartbeat(claimed)))
            return _load(claimed, attempt)
        except ClaimLost:
            return None
        except SourceGone as error:
            return _end_without_source(claimed, error)
        except Exception as error:
            return _end_with_error(claimed, _driver_error(error), attempt.file if attempt else None)
        except BaseException as error:  # the worker is being stopped, which is not the run's fault
            _close_broken_connection()
            complete.interrupt(claimed, RunInterrupted(f"The worker was stopped ({type(error).__name__})."))
            raise


def _load(claimed: Claim, attempt: Attempt) -> Status | None:
    try:
        return attempt.execute()
    except RunHeld as held:
        return complete.hold(claimed, held, attempt.file)
    except RunUnclear as unclear:
        return complete.ask(claimed, unclear, attempt.file)


def _end_without_source(claimed: Claim, error: SourceGone) -> Status | None:
    """End a run whose version is no longer in the bucket: superseded by a newer one, or failed.

    See file-rules#version-order.
    """
    newer = newer_known(claimed.run)
    if newer:
        return complete.supersede(claimed, f"A newer version of this file (run {newer.pk}) replaced it in the bucket.")
    return complete.fail(claimed, error, None)


def _end_with_error(claimed: Claim, error: BaseException, file: PreparedFile | None) -> Status | None:
    _close_broken_connection()
    if disposition_of(error) is Disposition.RETRY:
        return complete.interrupt(claimed, error, table_busy=getattr(error, "pgcode", None) == _LOCK_NOT_AVAILABLE)
    return complete.fail(claimed, error, file)


def _driver_error(error: BaseException) -> BaseException:
    """Return the driver's error that Django wraps, since only that has the fields."""
    cause = error.__cause__
    return cause if isinstance(error, DjangoDatabaseError) and cause is not None else error


def _close_broken_connection() -> None:
    """Close a broken connection, so that the end is written on a new one.

    The load uses the driver's connection directly, so Django doesn't notice that it is broken.
    """
    if not connection.in_atomic_block and connection.connection is not None and not connection.is_usable():
        connection.close()
