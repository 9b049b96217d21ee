"""Execute: a claimed run is carried to its end, whatever it meets (BEHAVIOUR 8 and 9)."""

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
    """Claim a run and execute it: the status it ends in, None if it is finished or somebody else's."""
    claimed = claim(run_id)
    return execute(claimed) if claimed else None


def receive_and_execute(source: SourceObject) -> tuple[Run, Status | None]:
    """Receive ``source``, and carry its run as ``take`` does; a new one at once."""
    run, claimed = receive_and_claim(source)
    return run, execute(claimed) if claimed else claim_and_execute(run.pk)


def execute(claimed: Claim) -> Status | None:
    """Carry a claimed run to its end: succeeded, superseded, held, failed, or waiting to be tried again.

    None if another worker holds it by now. Raises only what stands in the way of writing that end.
    """
    attempt: Attempt | None = None
    with ExitStack() as held_until_the_end:  # an end may have rejects to bring away, which takes its time
        try:
            folder = held_until_the_end.enter_context(scratch_folder())
            attempt = Attempt(claimed, folder, held_until_the_end.enter_context(Heartbeat(claimed)))
            return _carried_out(claimed, attempt)
        except ClaimLost:
            return None
        except SourceGone as error:
            return _gone(claimed, error)
        except Exception as error:
            return _stopped(claimed, _driver_error(error), attempt.own if attempt else None)
        except BaseException as error:  # the worker is told to stop: the run isn't to blame
            _leave_broken_connection()
            complete.interrupt(claimed, RunInterrupted(f"The worker was stopped ({type(error).__name__})."))
            raise


def _carried_out(claimed: Claim, attempt: Attempt) -> Status | None:
    try:
        return attempt.carry_out()
    except RunHeld as held:
        return complete.hold(claimed, held, attempt.own)
    except RunUnclear as unclear:
        return complete.ask(claimed, unclear, attempt.own)


def _gone(claimed: Claim, error: SourceGone) -> Status | None:
    """The version isn't in the bucket any more: superseded if we know of a newer one, else failed (BEHAVIOUR 1)."""
    newer = newer_known(claimed.run)
    if newer:
        return complete.supersede(
            claimed, f"A newer version of this file (run {newer.pk}) took its place in the bucket."
        )
    return complete.fail(claimed, error, None)


def _stopped(claimed: Claim, error: BaseException, material: PreparedFile | None) -> Status | None:
    _leave_broken_connection()
    if disposition_of(error) is Disposition.RETRY:
        return complete.interrupt(claimed, error, turn_lost=getattr(error, "pgcode", None) == _LOCK_NOT_AVAILABLE)
    return complete.fail(claimed, error, material)


def _driver_error(error: BaseException) -> BaseException:
    """What Django wraps, so that its fields can be read."""
    cause = error.__cause__
    return cause if isinstance(error, DjangoDatabaseError) and cause is not None else error


def _leave_broken_connection() -> None:
    """The end is written on a connection that works; the load used the driver's, so Django hasn't seen it break."""
    if not connection.in_atomic_block and connection.connection is not None and not connection.is_usable():
        connection.close()
